package dev.evervec.provider.gemini;

import com.google.genai.types.Candidate;
import com.google.genai.types.Content;
import com.google.genai.types.FinishReason;
import com.google.genai.types.GenerateContentResponse;
import com.google.genai.types.GenerateContentResponsePromptFeedback;
import com.google.genai.types.GenerateContentResponseUsageMetadata;
import com.google.genai.types.Part;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.Thoughts;
import dev.evervec.provider.TokenEstimate;
import dev.evervec.provider.TokenUsage;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads the answer to a prompt: only a candidate that ended by itself is one. The SDK's own {@code text()} is not used; it
 * throws on filtered answers and on answers without a candidate.
 */
final class RewriteAnswer {
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9_.-]{1,64}");

    private RewriteAnswer() {}

    /** The answer to this prompt, which was sent with this limit of generated tokens, or 0 for none. */
    static RewriteResponse read(GenerateContentResponse answer, String prompt, int maxOutputTokens, Exchange exchange) {
        Optional<String> blocked = answer.promptFeedback()
                .flatMap(GenerateContentResponsePromptFeedback::blockReason)
                .map(Object::toString);
        if (blocked.isPresent()) {
            throw unusable("the prompt was blocked: " + shown(blocked.get()), exchange, usage(answer, prompt, ""));
        }
        Candidate candidate = first(answer.candidates().orElse(List.of()));
        if (candidate == null) {
            throw GeminiErrors.malformed("has no candidate", exchange, null);
        }
        String written = textOf(candidate);
        TokenUsage usage = usage(answer, prompt, written);
        checkEnd(candidate, maxOutputTokens, exchange, usage);
        return new RewriteResponse(Thoughts.removedFrom(written), usage);
    }

    private static @Nullable Candidate first(List<@Nullable Candidate> candidates) {
        return candidates.isEmpty() ? null : candidates.get(0);
    }

    private static void checkEnd(Candidate candidate, int maxOutputTokens, Exchange exchange, TokenUsage usage) {
        Optional<FinishReason> reason = candidate.finishReason();
        if (reason.isEmpty()) {
            // Compatible servers may leave it out, but then there is a text.
            if (candidate.content().isEmpty()) {
                throw GeminiErrors.malformed("has a candidate with neither text nor reason", exchange, null);
            }
            return;
        }
        String word = reason.get().toString();
        switch (word) {
            case "STOP", "FINISH_REASON_UNSPECIFIED" -> {}
            case "MAX_TOKENS" ->
                throw unusable("the answer was cut off at " + limitInWords(maxOutputTokens), exchange, usage);
            default -> throw unusable("the model broke the answer off: " + shown(word), exchange, usage);
        }
    }

    private static String limitInWords(int maxOutputTokens) {
        return maxOutputTokens == 0
                ? "the model's output limit"
                : "the output limit (max_output_tokens is " + maxOutputTokens + ")";
    }

    private static String textOf(Candidate candidate) {
        StringBuilder text = new StringBuilder();
        for (Part part : candidate.content().flatMap(Content::parts).orElse(List.of())) {
            if (!part.thought().orElse(false)) {
                part.text().ifPresent(text::append);
            }
        }
        return text.toString();
    }

    /** Thinking is billed as output and not part of the candidates' count; a count of 0 is left out of the JSON. */
    private static TokenUsage usage(GenerateContentResponse answer, String prompt, String written) {
        Optional<GenerateContentResponseUsageMetadata> metadata = answer.usageMetadata();
        long input = count(metadata.flatMap(GenerateContentResponseUsageMetadata::promptTokenCount), -1);
        long text = count(metadata.flatMap(GenerateContentResponseUsageMetadata::candidatesTokenCount), 0);
        long thought = count(metadata.flatMap(GenerateContentResponseUsageMetadata::thoughtsTokenCount), 0);
        return TokenUsage.reportedOrEstimated(
                input,
                text < 0 || thought < 0 || input < 0 ? -1 : text + thought,
                () -> TokenEstimate.of(prompt),
                () -> TokenEstimate.of(written));
    }

    private static long count(Optional<Integer> told, long otherwise) {
        return told.map(Integer::longValue).orElse(otherwise);
    }

    private static PermanentProviderException unusable(String message, Exchange exchange, TokenUsage usage) {
        return PermanentProviderException.unusable(
                message + " (HTTP " + exchange.status() + ")", exchange.status(), exchange.requestId(), usage);
    }

    private static String shown(String reason) {
        return TOKEN.matcher(reason).matches() ? reason : "a reason that is not a word";
    }
}
