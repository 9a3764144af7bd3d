package dev.evervec.provider.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenEstimate;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OpenAiRewriteAnswersTest {
    private static final String PROMPT = "Rewrite this";

    @Test
    void textAndUsageAreTaken() {
        RewriteResponse response = rewrite(answer("\"content\":\" new text \\n\"", "\"stop\""));

        assertThat(response.text()).isEqualTo("new text");
        assertThat(response.usage()).isEqualTo(TokenUsage.reported(11, 5));
    }

    @Test
    void missingUsageIsEstimated() {
        RewriteResponse response = rewrite("{\"choices\":[{\"message\":{\"content\":\"new text\"}}]}");

        assertThat(response.usage())
                .isEqualTo(TokenUsage.estimated(TokenEstimate.of(PROMPT), TokenEstimate.of("new text")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"refusal\":\"I cannot\",\"content\":null | \"stop\" | refused",
                "\"content\":[{\"type\":\"refusal\",\"refusal\":\"I cannot\"}] | \"stop\" | refused",
                "\"content\":\"cut of\" | \"length\" | cut off",
                "\"content\":null | \"length\" | cut off",
                "\"content\":\"\" | \"content_filter\" | content filter",
                "\"role\":\"assistant\" | \"content_filter\" | content filter"
            })
    void aRefusedFilteredOrCutAnswerIsChargedToTheText(String message, String reason, String says) {
        PermanentProviderException failure =
                catchThrowableOfType(PermanentProviderException.class, () -> rewrite(answer(message, reason)));

        assertThat(failure.owner()).isEqualTo(FaultOwner.ITEM);
        assertThat(failure).hasMessageContaining(says);
        assertThat(failure.requestId()).isEqualTo("req-1");
        assertThat(failure.usage()).isEqualTo(TokenUsage.reported(11, 5));
    }

    @Test
    void anAnswerThatTheConfiguredLimitCutOffSaysWhatToChange() {
        PermanentProviderException failure = catchThrowableOfType(
                PermanentProviderException.class,
                () -> call(
                        RawServer.Reply.json(200, answer("\"content\":\"cut of\"", "\"length\"")), OptionalInt.of(5)));

        assertThat(failure).hasMessageContaining("max_output_tokens is 5").hasMessageNotContaining("cut of\"");
        assertThat(failure.usage()).isEqualTo(TokenUsage.reported(11, 5));
    }

    @ParameterizedTest
    @CsvSource({
        "-1, 5, false, true",
        "0, 5, false, true",
        "1000000001, 5, false, false",
        "1e300, 5, false, false",
        "11, -5, true, false",
        "11, 0, true, false",
        "11, 1000000000, false, false",
        "11, 9223372036854775808, false, false",
        "null, 5, false, true",
        "11, NaN, true, false"
    })
    void countsThatCannotBeTrueAreNotBelieved(String prompt, String completion, boolean promptHeld, boolean held) {
        TokenUsage usage = rewrite(
                        "{\"choices\":[{\"message\":{\"content\":\"new text\"}}],\"usage\":{\"prompt_tokens\":" + prompt
                                + ",\"completion_tokens\":" + completion + "}}")
                .usage();

        assertThat(usage)
                .isEqualTo(TokenUsage.estimated(
                        promptHeld ? 11 : TokenEstimate.of(PROMPT), held ? 5 : TokenEstimate.of("new text")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"content\":null | ``",
                "\"content\":\"\" | ``",
                "\"role\":\"assistant\" | ``",
                "\"content\":\"  \",\"refusal\":null,\"reasoning_content\":\"hm\" | ``",
                "\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":\"a \"},{\"type\":\"text\",\"text\":\"b\"}] | a b",
                "\"content\":\"<think>first\\nthis</think>\\n\\nanswer\" | answer",
                "\"content\":\"so, first this</think>answer\" | answer",
                "\"content\":\"<think>never ends\" | ``",
                "\"content\":\"a<think>x</think>b<think>y</think>c\" | abc"
            })
    void whatIsNotTextIsLeftOut(String message, String expected) {
        assertThat(rewrite(answer(message, "\"stop\"")).text()).isEqualTo(expected);
        assertThat(rewrite(answer(message, "null")).text()).isEqualTo(expected);
        assertThat(rewrite(answer(message, "\"something_new\"")).text()).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"choices\":[]}",
                "{\"choices\":null}",
                "{}",
                "[]",
                "",
                "<html>",
                "{\"choices\":[{\"finish_reason\":\"stop\"}]}",
                "{\"choices\":[{\"message\":{\"content\":\"half",
                "{\"error\":{\"message\":\"what\"}}"
            })
    void anAnswerWithoutMessageIsMalformed(String body) {
        TransientProviderException failure =
                catchThrowableOfType(TransientProviderException.class, () -> rewrite(body));

        assertThat(failure.failure()).isEqualTo(Failure.MALFORMED_ANSWER);
    }

    @Test
    void aPromptThatIsTooLongIsTheFormOfTheRequest() {
        PermanentProviderException failure = (PermanentProviderException)
                failureOf(
                        400,
                        "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens\",\"code\":\"context_length_exceeded\"}}");

        assertThat(failure.owner()).isEqualTo(FaultOwner.REQUEST_SHAPE);
        assertThat(failure.limit()).isEqualTo(RequestLimit.TEXT_LENGTH);
    }

    @Test
    void aRefusedTemperatureIsAMatterOfConfiguration() {
        ProviderException failure = failureOf(
                400,
                "{\"error\":{\"message\":\"Unsupported value: 'temperature' does not support 0.3 with this model.\","
                        + "\"type\":\"invalid_request_error\",\"param\":\"temperature\",\"code\":\"unsupported_value\"}}");

        assertThat(failure.owner()).isEqualTo(FaultOwner.CONFIGURATION);
        assertThat(failure).hasMessageContaining("temperature");
    }

    @Test
    void azuresFilterIsChargedToTheText() {
        assertThat(failureOf(400, "{\"error\":{\"code\":\"content_filter\",\"message\":\"x\"}}")
                        .owner())
                .isEqualTo(FaultOwner.ITEM);
    }

    @Test
    void aRewritingProviderDoesNotEmbedAndTheOtherWayRound() {
        try (OpenAiProvider rewriter =
                        OpenAiProvider.create(Fixtures.rewriting(null).build());
                OpenAiProvider embedder =
                        OpenAiProvider.create(Fixtures.embedding(null).build())) {
            ProviderException first =
                    catchThrowableOfType(ProviderException.class, () -> rewriter.embed(EmbedRequest.query("a")));
            ProviderException second = catchThrowableOfType(ProviderException.class, () -> embedder.rewrite("a"));

            assertThat(first.owner()).isEqualTo(FaultOwner.CONFIGURATION);
            assertThat(second.owner()).isEqualTo(FaultOwner.CONFIGURATION);
        }
    }

    private static String answer(String message, String finishReason) {
        return "{\"choices\":[{\"index\":0,\"message\":{" + message + "},\"finish_reason\":" + finishReason
                + "},{\"index\":1,\"message\":{\"content\":\"another\",\"refusal\":\"x\"}}],"
                + "\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":5,\"total_tokens\":16}}";
    }

    private static RewriteResponse rewrite(String body) {
        return call(RawServer.Reply.answer(200, "x-request-id: req-1\r\n", body));
    }

    private static ProviderException failureOf(int status, String body) {
        return catchThrowableOfType(ProviderException.class, () -> call(RawServer.Reply.json(status, body)));
    }

    private static RewriteResponse call(RawServer.Reply reply) {
        return call(reply, OptionalInt.empty());
    }

    private static RewriteResponse call(RawServer.Reply reply, OptionalInt maxOutputTokens) {
        try (RawServer server = new RawServer(request -> reply);
                OpenAiProvider provider = OpenAiProvider.create(Fixtures.rewriting(server.url())
                        .maxOutputTokens(maxOutputTokens)
                        .build())) {
            return provider.rewrite(new RewriteRequest(PROMPT, CallContext.live()));
        }
    }
}
