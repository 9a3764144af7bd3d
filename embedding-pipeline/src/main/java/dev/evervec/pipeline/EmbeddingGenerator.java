package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.KeptVector;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
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
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Embeds any number of texts without a job: cut to the provider's limits, several requests at a time, split and tried
 * again as in a build. One bad text costs no other its vector; equal texts are sent once. Thread-safe; closes nothing.
 *
 * <pre>{@code
 * EmbeddingGenerator generator = EmbeddingGenerator.of(provider).withStore(store);
 * List<Embedding> vectors = generator.getOrGenerate(texts).embeddings();
 * }</pre>
 */
public final class EmbeddingGenerator {
    private static final String PROBE_TEXT = "hello";
    private static final int LOOKED_UP_AT_ONCE = 500;
    private static final Logger log = LoggerFactory.getLogger(EmbeddingGenerator.class);

    private final LLMProvider provider;
    private final @Nullable EmbeddingStore store;

    private EmbeddingGenerator(LLMProvider provider, @Nullable EmbeddingStore store) {
        this.provider = provider;
        this.store = store;
    }

    /** A generator that asks this provider. */
    public static EmbeddingGenerator of(LLMProvider provider) {
        return new EmbeddingGenerator(provider, null);
    }

    /**
     * The same, with a store: {@link #getOrGenerate} looks there first, and every call becomes a row of its bill, under no job.
     * Vectors are not written to it, because there is no record that they belong to.
     */
    public EmbeddingGenerator withStore(EmbeddingStore embeddingStore) {
        return new EmbeddingGenerator(provider, embeddingStore);
    }

    /**
     * What became of the texts.
     *
     * @param embeddings one element for each text, in their order; null where the text failed
     * @param failed for the index of each text that failed, why
     * @param found how many of the texts were answered from the store, for nothing
     * @param usage tokens used by all calls, those of failed ones estimated
     */
    public record Generated(
            List<@Nullable Embedding> embeddings, Map<Integer, String> failed, int found, TokenUsage usage) {
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
        return new Generation(texts, kind, Map.of()).run();
    }

    /**
     * Embeds documents, but answers those whose text the store has a vector of already, of the same model, dimension and task
     * type and without rewriting. Texts are compared as they are given.
     *
     * @throws IllegalStateException if the generator has no store
     * @throws IllegalArgumentException if there is no text, or a text is blank; the message names its index
     * @throws StoreException if the store cannot be asked; nothing has been sent then
     * @throws ProviderException if every text failed, or the endpoint cannot be used at all; says why
     */
    public Generated getOrGenerate(List<String> texts) {
        if (store == null) {
            throw new IllegalStateException("there is no store to look into: call withStore first");
        }
        check(texts);
        return new Generation(texts, InputKind.DOCUMENT, known(store, new HashSet<>(texts))).run();
    }

    private Map<String, Embedding> known(EmbeddingStore in, Set<String> texts) {
        Fingerprint fingerprint = new Fingerprint(provider.model(), "");
        Map<String, Embedding> known = new HashMap<>();
        Map<Sha256, String> asked = new HashMap<>();
        for (String text : texts) {
            asked.put(Sha256.ofText(text), text);
            if (asked.size() == LOOKED_UP_AT_ONCE) {
                known.putAll(known(in, fingerprint, asked));
                asked.clear();
            }
        }
        known.putAll(known(in, fingerprint, asked));
        return known;
    }

    private static Map<String, Embedding> known(EmbeddingStore in, Fingerprint fingerprint, Map<Sha256, String> asked) {
        Map<String, Embedding> known = new HashMap<>();
        Map<Sha256, KeptVector> vectors = asked.isEmpty() ? Map.of() : in.vectors(fingerprint, asked.keySet());
        vectors.forEach((hash, vector) -> {
            String text = asked.get(hash);
            if (text != null) {
                known.put(text, vector.embedding());
            }
        });
        return known;
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

    /** A text, and where it stands. */
    private record Slot(List<Integer> indices, SizedText text) implements EmbedStage.Item {}

    /** One call of {@link #generate}. */
    private final class Generation implements EmbedStage.Results<Slot> {
        private final InputKind kind;
        private final TextSizer sizer = new TextSizer(provider);
        private final EmbedStage<Slot> stage;
        private final Meter meter = new Meter(provider, Capability.EMBEDDING);
        private final @Nullable Embedding[] embeddings;
        private final Map<Integer, String> failed = new TreeMap<>();
        private int found;
        private @Nullable ProviderException lastFailure;

        Generation(List<String> texts, InputKind kind, Map<String, Embedding> known) {
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
            unknown(texts, known).forEach(this::offer);
        }

        /** The different texts that have no vector yet, and where they stand. */
        private Map<String, List<Integer>> unknown(List<String> texts, Map<String, Embedding> known) {
            Map<String, List<Integer>> unknown = new LinkedHashMap<>();
            for (int i = 0; i < texts.size(); i++) {
                embeddings[i] = known.get(texts.get(i));
                if (embeddings[i] == null) {
                    unknown.computeIfAbsent(texts.get(i), text -> new ArrayList<>())
                            .add(i);
                } else {
                    found++;
                }
            }
            return unknown;
        }

        private void offer(String text, List<Integer> indices) {
            Slot slot = new Slot(indices, sizer.size(text));
            String tooLong = sizer.tooLong(slot.text());
            if (tooLong == null) {
                stage.offer(slot);
            } else {
                notEmbedded(slot, Reason.INPUT_TOO_LONG, tooLong);
            }
        }

        Generated run() {
            try {
                new CallLoop<>(stage, stage::isEmpty, this::call, this::probe).run();
            } finally {
                keep(meter.close());
            }
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
            return new Generated(Arrays.asList(embeddings), failed, found, meter.usage());
        }

        private CallLoop.Answer call(RequestBatch<Slot> batch) {
            return embed(
                    batch.texts(),
                    batch.cancelSignal(),
                    (response, now) -> stage.answered(batch, response, now),
                    (failure, now) -> {
                        lastFailure = failure;
                        stage.batchFailed(batch, failure, now);
                    });
        }

        private CallLoop.Answer probe(CancelSignal signal) {
            return embed(List.of(PROBE_TEXT), signal, (response, now) -> stage.probeSucceeded(now), stage::probeFailed);
        }

        private CallLoop.Answer embed(
                List<String> texts,
                CancelSignal signal,
                Meter.Then<EmbedResponse> answered,
                Meter.Then<ProviderException> notAnswered) {
            return meter.call(
                    texts,
                    () -> provider.embed(new EmbedRequest(texts, kind, CallContext.build(signal))),
                    EmbedResponse::usage,
                    answered,
                    notAnswered);
        }

        @Override
        public void embedded(Slot slot, Embedding embedding) {
            slot.indices().forEach(index -> embeddings[index] = embedding);
        }

        @Override
        public void notEmbedded(Slot slot, Reason reason, String detail) {
            slot.indices().forEach(index -> failed.put(index, reason.code() + ": " + detail));
        }
    }

    /** What was paid for is not lost because it cannot be written down. */
    private void keep(List<ProviderCall> calls) {
        if (store == null || calls.isEmpty()) {
            return;
        }
        try {
            store.keepCalls(calls);
        } catch (RuntimeException e) {
            log.warn(
                    "{} calls to {} are missing in the bill of {}: {}",
                    calls.size(),
                    provider.model().model(),
                    store.location(),
                    e instanceof StoreException ? e.getMessage() : Faults.unexpected("writing the bill", e));
        }
    }
}
