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

    static RewriteResponse read(GenerateContentResponse answer, String prompt, Exchange exchange) {
        Optional<String> blocked = answer.promptFeedback()
                .flatMap(GenerateContentResponsePromptFeedback::blockReason)
                .map(Object::toString);
        if (blocked.isPresent()) {
            throw refused("the prompt was blocked: " + shown(blocked.get()), exchange);
        }
        Candidate candidate = first(answer.candidates().orElse(List.of()));
        if (candidate == null) {
            throw GeminiErrors.malformed("has no candidate", exchange, null);
        }
        checkEnd(candidate, exchange);
        String text = Thoughts.removedFrom(textOf(candidate));
        return new RewriteResponse(text, usage(answer, prompt, text));
    }

    private static @Nullable Candidate first(List<@Nullable Candidate> candidates) {
        return candidates.isEmpty() ? null : candidates.get(0);
    }

    private static void checkEnd(Candidate candidate, Exchange exchange) {
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
            case "MAX_TOKENS" -> throw refused("the answer was cut off at the model's output limit", exchange);
            default -> throw refused("the model broke the answer off: " + shown(word), exchange);
        }
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

    private static TokenUsage usage(GenerateContentResponse answer, String prompt, String text) {
        Optional<GenerateContentResponseUsageMetadata> metadata = answer.usageMetadata();
        Optional<Integer> input = metadata.flatMap(GenerateContentResponseUsageMetadata::promptTokenCount);
        if (metadata.isEmpty() || input.isEmpty() || input.get() < 0) {
            return TokenUsage.estimated(TokenEstimate.of(prompt), TokenEstimate.of(text));
        }
        // Thinking is billed as output and not part of the candidates' count; a count of 0 is left out of the JSON.
        long written = metadata.get().candidatesTokenCount().orElse(0);
        long thought = metadata.get().thoughtsTokenCount().orElse(0);
        return TokenUsage.reported(input.get(), Math.max(0, written) + Math.max(0, thought));
    }

    private static PermanentProviderException refused(String message, Exchange exchange) {
        return PermanentProviderException.item(
                message + " (HTTP " + exchange.status() + ")", exchange.status(), exchange.requestId());
    }

    private static String shown(String reason) {
        return TOKEN.matcher(reason).matches() ? reason : "a reason that is not a word";
    }
}
