package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Backoff;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Embeds any number of texts without a store: cut to the provider's limits, several requests at a time, split and tried
 * again as in a build. One bad text costs no other its vector. Thread-safe; closes nothing.
 */
public final class EmbeddingGenerator {
    private static final String PROBE_TEXT = "hello";

    private final LLMProvider provider;

    private EmbeddingGenerator(LLMProvider provider) {
        this.provider = provider;
    }

    /** A generator that asks this provider. */
    public static EmbeddingGenerator of(LLMProvider provider) {
        return new EmbeddingGenerator(provider);
    }

    /**
     * What became of the texts.
     *
     * @param embeddings one element for each text, in their order; null where the text failed
     * @param failed for the index of each text that failed, why
     * @param usage tokens used by all calls
     */
    public record Generated(List<@Nullable Embedding> embeddings, Map<Integer, String> failed, TokenUsage usage) {
        public Generated {
            embeddings = Collections.unmodifiableList(new ArrayList<>(embeddings));
            failed = Collections.unmodifiableMap(new TreeMap<>(failed));
        }

        /** Whether every text has its vector. */
        public boolean isComplete() {
            return failed.isEmpty();
        }
    }

    /**
     * Embeds documents. Blocks until each has its vector or has failed for good.
     *
     * @throws IllegalArgumentException if there is no text, or a text is blank; the message names its index
     * @throws ProviderException if every text failed, or the endpoint cannot be used at all; says why
     */
    public Generated generate(List<String> texts) {
        return generate(texts, InputKind.DOCUMENT);
    }

    /** The same for documents or queries. */
    public Generated generate(List<String> texts, InputKind kind) {
        check(texts);
        return new Generation(texts, kind).run();
    }

    static void check(List<String> texts) {
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("texts is empty");
        }
        for (int i = 0; i < texts.size(); i++) {
            if (texts.get(i).isBlank()) {
                throw new IllegalArgumentException("texts[" + i + "] is blank");
            }
        }
    }

    /** Why there is not a single result. */
    static ProviderException nothingSucceeded(
            String what, String why, boolean stopped, @Nullable ProviderException lastFailure) {
        String message = what + ": " + why;
        int status = lastFailure == null ? 0 : lastFailure.httpStatus();
        String requestId = lastFailure == null ? null : lastFailure.requestId();
        if (lastFailure instanceof TransientProviderException) {
            return TransientProviderException.serverError(message, status, requestId, null);
        }
        return stopped
                ? PermanentProviderException.configuration(message, status, requestId)
                : PermanentProviderException.item(message, status, requestId);
    }

    private record Slot(int index, SizedText text) implements EmbedStage.Item {}

    /** One call of {@link #generate}. */
    private final class Generation implements EmbedStage.Results<Slot> {
        private final InputKind kind;
        private final EmbedStage<Slot> stage;
        private final @Nullable Embedding[] embeddings;
        private final Map<Integer, String> failed = new TreeMap<>();
        private TokenUsage usage = TokenUsage.NONE;
        private @Nullable ProviderException lastFailure;

        Generation(List<String> texts, InputKind kind) {
            this.kind = kind;
            this.embeddings = new @Nullable Embedding[texts.size()];
            SplittableRandom random = new SplittableRandom();
            this.stage = new EmbedStage<>(
                    PricedModel.of(provider),
                    provider.limits(),
                    provider.callPolicy(),
                    new Gate(BuildSettings.DEFAULT, Backoff.DEFAULT, random),
                    Purse.unlimited(),
                    Backoff.DEFAULT,
                    random,
                    this);
            stage.moreToCome(false);
            TextSizer sizer = new TextSizer(provider);
            for (int i = 0; i < texts.size(); i++) {
                Slot slot = new Slot(i, sizer.size(texts.get(i)));
                String tooLong = sizer.tooLong(slot.text());
                if (tooLong == null) {
                    stage.offer(slot);
                } else {
                    notEmbedded(slot, Reason.INPUT_TOO_LONG, tooLong);
                }
            }
        }

        Generated run() {
            new CallLoop<>(stage, stage::isEmpty, this::call, this::probe).run();
            String stopped = stage.stopCause();
            if (stopped != null) {
                stage.drain().forEach(slot -> notEmbedded(slot, Reason.ABORTED, stopped));
            }
            if (failed.size() == embeddings.length) {
                throw nothingSucceeded(
                        "none of " + embeddings.length + " texts could be embedded",
                        stopped == null ? String.valueOf(failed.get(0)) : stopped,
                        stopped != null,
                        lastFailure);
            }
            return new Generated(Arrays.asList(embeddings), failed, usage);
        }

        private CallLoop.Answer call(RequestBatch<Slot> batch) {
            try {
                EmbedResponse response =
                        provider.embed(new EmbedRequest(batch.texts(), kind, CallContext.build(batch.cancelSignal())));
                return now -> {
                    usage = usage.plus(response.usage());
                    stage.answered(batch, response, now);
                };
            } catch (ProviderException e) {
                return now -> batchFailed(batch, e, now);
            } catch (RuntimeException | Error e) {
                return now -> batchFailed(batch, Faults.ofProvider(provider, e), now);
            }
        }

        private void batchFailed(RequestBatch<Slot> batch, ProviderException failure, long now) {
            lastFailure = failure;
            stage.batchFailed(batch, failure, now);
        }

        private CallLoop.Answer probe(CancelSignal signal) {
            try {
                EmbedResponse response =
                        provider.embed(new EmbedRequest(List.of(PROBE_TEXT), kind, CallContext.build(signal)));
                return now -> {
                    usage = usage.plus(response.usage());
                    stage.probeSucceeded(now);
                };
            } catch (ProviderException e) {
                return now -> stage.probeFailed(e, now);
            } catch (RuntimeException | Error e) {
                return now -> stage.probeFailed(Faults.ofProvider(provider, e), now);
            }
        }

        @Override
        public void embedded(Slot slot, Embedding embedding) {
            embeddings[slot.index()] = embedding;
        }

        @Override
        public void notEmbedded(Slot slot, Reason reason, String detail) {
            failed.put(slot.index(), reason.code() + ": " + detail);
        }
    }
}
