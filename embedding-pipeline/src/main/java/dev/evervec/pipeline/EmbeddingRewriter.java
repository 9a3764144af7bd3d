package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenUsage;
import dev.evervec.resilience.Backoff;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Rewrites any number of texts without a store: several at a time, each within the provider's timeout and tried again as in a
 * build. Thread-safe; closes nothing.
 */
public final class EmbeddingRewriter {
    private static final String PROBE_TEXT = "hello";

    private final LLMProvider provider;
    private final PromptTemplate prompt;

    private EmbeddingRewriter(LLMProvider provider, PromptTemplate prompt) {
        this.provider = provider;
        this.prompt = prompt;
    }

    /**
     * A rewriter that asks this provider.
     *
     * @param promptTemplate has {@code {text}} once, which is replaced by the text; other braces are literal
     * @throws IllegalArgumentException if the template has no {@code {text}}, or more than one
     */
    public static EmbeddingRewriter of(LLMProvider provider, String promptTemplate) {
        return new EmbeddingRewriter(provider, new PromptTemplate(promptTemplate));
    }

    /**
     * What became of the texts.
     *
     * @param texts one element for each text, in their order; null where the rewrite failed
     * @param failed for the index of each text that failed, why
     * @param usage tokens used by all calls, those of failed ones estimated
     */
    public record Rewritten(List<@Nullable String> texts, Map<Integer, String> failed, TokenUsage usage) {
        public Rewritten {
            texts = Collections.unmodifiableList(new ArrayList<>(texts));
            failed = Collections.unmodifiableMap(new TreeMap<>(failed));
        }

        /** Shows counts, never a text. */
        @Override
        public String toString() {
            return "Rewritten[texts=" + texts.size() + ", failed=" + failed.keySet() + ", usage=" + usage + "]";
        }
    }

    /**
     * Rewrites one text.
     *
     * @throws IllegalArgumentException if it is blank
     * @throws ProviderException if it cannot be rewritten; says why
     */
    public String rewrite(String text) {
        return String.valueOf(rewriteAll(List.of(text)).texts().get(0));
    }

    /**
     * Rewrites texts. Blocks until each has its rewrite or has failed for good.
     *
     * @throws IllegalArgumentException if there is no text, or a text is blank; the message names its index
     * @throws ProviderException if every text failed, or the endpoint cannot be used at all; says why
     */
    public Rewritten rewriteAll(List<String> texts) {
        EmbeddingGenerator.check(texts);
        return new Rewriting(texts).run();
    }

    private record Slot(int index, String text) {}

    /** One call of {@link #rewriteAll}. */
    private final class Rewriting implements RewriteStage.Results<Slot> {
        private final RewriteStage<Slot> stage;
        private final Meter meter = new Meter(provider, Capability.REWRITE);
        private final @Nullable String[] rewritten;
        private final Map<Integer, String> failed = new TreeMap<>();
        private @Nullable ProviderException lastFailure;

        Rewriting(List<String> texts) {
            this.rewritten = new @Nullable String[texts.size()];
            SplittableRandom random = new SplittableRandom();
            Gate gate = new Gate(BuildSettings.DEFAULT, Backoff.DEFAULT, random);
            this.stage = new RewriteStage<>(
                    text -> BigDecimal.ZERO,
                    provider.callPolicy(),
                    gate,
                    Purse.unlimited(),
                    Backoff.DEFAULT,
                    random,
                    this);
            for (int i = 0; i < texts.size(); i++) {
                stage.offer(texts.get(i), new Slot(i, texts.get(i)));
            }
        }

        Rewritten run() {
            new CallLoop<>(stage, stage::isEmpty, this::call, this::probe).run();
            String stopped = stage.stopCause();
            if (stopped != null) {
                stage.drain().forEach(slot -> notRewritten(slot, Reason.ABORTED, stopped));
            }
            if (failed.size() == rewritten.length) {
                throw EmbeddingGenerator.nothingSucceeded(
                        "none of " + rewritten.length + " texts could be rewritten",
                        stopped == null ? String.valueOf(failed.get(0)) : stopped,
                        stopped != null,
                        lastFailure);
            }
            return new Rewritten(Arrays.asList(rewritten), failed, meter.usage());
        }

        private CallLoop.Answer call(RewriteCall<Slot> call) {
            String asked = prompt.fill(null, call.item.text());
            return rewrite(
                    asked,
                    call.cancelSignal(),
                    (response, now) -> answered(call, Rewrite.of(prompt, asked, response.text()), now),
                    (failure, now) -> {
                        lastFailure = failure;
                        stage.failed(call, failure, now);
                    });
        }

        private void answered(RewriteCall<Slot> call, Rewrite rewrite, long now) {
            for (Slot slot : stage.rewritten(call, now)) {
                if (rewrite.defect() == null) {
                    rewritten[slot.index()] = rewrite.text();
                } else {
                    notRewritten(slot, rewrite.defect(), rewrite.detail());
                }
            }
        }

        private CallLoop.Answer probe(CancelSignal signal) {
            return rewrite(PROBE_TEXT, signal, (response, now) -> stage.probeSucceeded(now), stage::probeFailed);
        }

        private CallLoop.Answer rewrite(
                String asked,
                CancelSignal signal,
                Meter.Then<RewriteResponse> answered,
                Meter.Then<ProviderException> notAnswered) {
            return meter.call(
                    List.of(asked),
                    () -> provider.rewrite(new RewriteRequest(asked, CallContext.build(signal))),
                    RewriteResponse::usage,
                    answered,
                    notAnswered);
        }

        @Override
        public void notRewritten(Slot slot, Reason reason, String detail) {
            failed.put(slot.index(), reason.code() + ": " + detail);
        }
    }
}
