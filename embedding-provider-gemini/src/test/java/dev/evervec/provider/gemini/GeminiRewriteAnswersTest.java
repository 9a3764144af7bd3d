package dev.evervec.provider.gemini;

import static dev.evervec.provider.gemini.Loopback.provider;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenEstimate;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of a 200 to a prompt: a whole answer, or why there is none. */
class GeminiRewriteAnswersTest {
    private static final String PROMPT = "Say shorter: a long text";

    private final Loopback service = new Loopback();

    @AfterEach
    void stop() {
        service.close();
    }

    private RewriteResponse rewrite(String answer) {
        service.answersJson(answer);
        try (LLMProvider provider = provider(service.rewriting("gemini-2.0-flash"))) {
            return provider.rewrite(new RewriteRequest(PROMPT, CallContext.live()));
        }
    }

    private static String candidate(String inside) {
        return "{\"candidates\":[{" + inside + "}]}";
    }

    private static String text(String text) {
        return candidate(
                "\"content\":{\"parts\":[{\"text\":\"" + text + "\"}],\"role\":\"model\"},\"finishReason\":\"STOP\"");
    }

    @Test
    void thoughtsAreLeftOutAndPartsJoined() {
        RewriteResponse response = rewrite(
                candidate(
                        "\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true},"
                                + "{\"text\":\"short \"},{\"text\":\"text\",\"thoughtSignature\":\"AAAA\"}]},\"finishReason\":\"STOP\""));

        assertThat(response.text()).isEqualTo("short text");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "<think>hm</think> short              | short",
                "<think>a</think><think>b</think>short | short",
                "<think>never ends                    | ''",
                "a mark <think> in it                 | a mark <think> in it",
                "hm, so</think> short                 | short",
                "'  short  '                          | short",
                "''                                   | ''"
            })
    void thinkingBlocksAreStripped(String written, String expected) {
        assertThat(rewrite(text(written)).text()).isEqualTo(expected);
    }

    @Test
    void anAnswerWithoutPartsIsEmpty() {
        assertThat(rewrite(candidate("\"content\":{\"role\":\"model\"},\"finishReason\":\"STOP\""))
                        .text())
                .isEmpty();
        assertThat(rewrite(candidate("\"finishReason\":\"STOP\"")).text()).isEmpty();
    }

    @Test
    void aServerThatLeavesTheReasonOutIsBelieved() {
        assertThat(rewrite(candidate("\"content\":{\"parts\":[{\"text\":\"short\"}]}"))
                        .text())
                .isEqualTo("short");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SAFETY",
                "RECITATION",
                "BLOCKLIST",
                "PROHIBITED_CONTENT",
                "SPII",
                "LANGUAGE",
                "OTHER",
                "MALFORMED_FUNCTION_CALL",
                "A_REASON_OF_TOMORROW"
            })
    void anAnswerThatWasBrokenOffIsChargedToTheItemWithItsReason(String reason) {
        PermanentProviderException failure = catchThrowableOfType(
                PermanentProviderException.class,
                () -> rewrite(candidate(
                        "\"content\":{\"parts\":[{\"text\":\"SECRET\"}]},\"finishReason\":\"" + reason + "\"")));

        assertThat(failure.owner()).isEqualTo(FaultOwner.ITEM);
        assertThat(failure).hasMessageContaining(reason).hasMessageNotContaining("SECRET");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"content\":{\"parts\":[{\"text\":\"half a\"}]},", "\"content\":{},", ""})
    void anAnswerThatWasCutOffIsNoAnswer(String content) {
        PermanentProviderException failure = catchThrowableOfType(
                PermanentProviderException.class,
                () -> rewrite(candidate(content + "\"finishReason\":\"MAX_TOKENS\"")));

        assertThat(failure.owner()).isEqualTo(FaultOwner.ITEM);
        assertThat(failure).hasMessageContaining("cut off at the model's output limit");
    }

    @Test
    void anAnswerThatTheConfiguredLimitCutOffIsBilledAndSaysWhatToChange() {
        service.answersJson(
                candidate("\"content\":{\"parts\":[{\"text\":\"half a\"}]},\"finishReason\":\"MAX_TOKENS\"")
                        .replaceFirst(
                                "\\}$",
                                ",\"usageMetadata\":{\"promptTokenCount\":11,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":3}}"));
        PermanentProviderException failure;
        try (LLMProvider provider =
                provider(service.rewriting("gemini-2.0-flash").maxOutputTokens(OptionalInt.of(5)))) {
            failure = catchThrowableOfType(PermanentProviderException.class, () -> provider.rewrite(PROMPT));
        }

        assertThat(failure).hasMessageContaining("max_output_tokens is 5");
        assertThat(failure.usage()).isEqualTo(TokenUsage.reported(11, 5));
    }

    @ParameterizedTest
    @ValueSource(strings = {"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "A_REASON_OF_TOMORROW"})
    void aBlockedPromptIsChargedToTheItem(String reason) {
        PermanentProviderException failure = catchThrowableOfType(
                PermanentProviderException.class,
                () -> rewrite(
                        "{\"promptFeedback\":{\"blockReason\":\"" + reason + "\",\"blockReasonMessage\":\"SECRET\"}}"));

        assertThat(failure.owner()).isEqualTo(FaultOwner.ITEM);
        assertThat(failure)
                .hasMessageContaining("the prompt was blocked: " + reason)
                .hasMessageNotContaining("SECRET");
        assertThat(failure.usage()).isEqualTo(TokenUsage.estimated(TokenEstimate.of(PROMPT), 0));
    }

    @Test
    void aReasonThatIsNoWordIsNotShown() {
        assertThatThrownBy(() -> rewrite("{\"promptFeedback\":{\"blockReason\":\"SECRET text of a record\"}}"))
                .isInstanceOf(PermanentProviderException.class)
                .hasMessageNotContaining("SECRET");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{}",
                "null",
                "[]",
                "{\"candidates\":[]}",
                "{\"candidates\":null}",
                "{\"candidates\":[null]}",
                "{\"candidates\":[{}]}",
                "{\"candidates\":[{\"content\":{\"parts\":[null]},\"finishReason\":\"STOP\"}]}",
                "{\"candidates\":[],\"promptFeedback\":{}}",
                "{\"candidates\":\"SECRET\"}",
                "{\"error\":{\"message\":\"SECRET\"}}",
                "{\"candidates\":[{\"content\":{\"parts\":[{\"te",
                "<html>SECRET</html>"
            })
    void anAnswerWithoutACandidateIsMalformed(String answer) {
        TransientProviderException failure =
                catchThrowableOfType(TransientProviderException.class, () -> rewrite(answer));

        assertThat(failure.failure()).isEqualTo(Failure.MALFORMED_ANSWER);
        assertThat(failure).hasMessageNotContaining("SECRET").hasStackTraceContaining("the answer");
    }

    @Test
    void thinkingCountsAsOutput() {
        TokenUsage usage = rewrite(
                        text("short")
                                .replaceFirst(
                                        "\\}$",
                                        ",\"usageMetadata\":{\"promptTokenCount\":11,\"candidatesTokenCount\":3,\"thoughtsTokenCount\":40,\"totalTokenCount\":54}}"))
                .usage();

        assertThat(usage).isEqualTo(TokenUsage.reported(11, 43));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ",\"usageMetadata\":{}",
                ",\"usageMetadata\":{\"promptTokenCount\":-1}",
                ",\"usageMetadata\":{\"promptTokenCount\":0,\"candidatesTokenCount\":2}",
                ",\"usageMetadata\":{\"promptTokenCount\":11}",
                ",\"usageMetadata\":{\"promptTokenCount\":11,\"candidatesTokenCount\":-2,\"thoughtsTokenCount\":9}",
                ",\"usageMetadata\":{\"promptTokenCount\":11,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":-9}",
                ",\"usageMetadata\":{\"promptTokenCount\":1000000001,\"candidatesTokenCount\":2}",
                ",\"usageMetadata\":{\"promptTokenCount\":11,\"candidatesTokenCount\":2147483647,\"thoughtsTokenCount\":2147483647}"
            })
    void usageThatTheServiceDoesNotTellIsEstimated(String metadata) {
        TokenUsage usage =
                rewrite(text("short").replaceFirst("\\}$", metadata + "}")).usage();

        assertThat(usage.source()).isEqualTo(TokenUsage.Source.ESTIMATED);
        assertThat(usage.inputTokens()).isIn(11L, (long) TokenEstimate.of(PROMPT));
        assertThat(usage.outputTokens()).isIn(2L, (long) TokenEstimate.of("short"));
    }

    /** The SDK reads counts as ints and gives the whole answer up. */
    @Test
    void aCountBeyondAllIntegersIsAMalformedAnswer() {
        String answer = text("short").replaceFirst("\\}$", ",\"usageMetadata\":{\"promptTokenCount\":99999999999}}");

        TransientProviderException failure =
                catchThrowableOfType(TransientProviderException.class, () -> rewrite(answer));

        assertThat(failure.failure()).isEqualTo(Failure.MALFORMED_ANSWER);
    }

    @Test
    void theIdentityHasTheTemperatureAndNoDimension() {
        try (LLMProvider provider =
                provider(service.rewriting("models/gemini-2.0-flash").temperature(0.3))) {
            assertThat(provider.model().model()).isEqualTo("gemini-2.0-flash");
            assertThat(provider.model().temperature()).isEqualTo("0.3");
            assertThat(provider.model().dimension()).isZero();
        }
    }

    @Test
    void aRewritingProviderDoesNotEmbed() {
        try (LLMProvider provider = provider(service.rewriting("gemini-2.0-flash"))) {
            assertThatThrownBy(() -> provider.embed(EmbedRequest.query("a")))
                    .isInstanceOf(PermanentProviderException.class)
                    .hasMessageContaining("does not embed");
        }
    }
}
