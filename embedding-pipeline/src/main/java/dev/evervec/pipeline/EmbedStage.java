package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import dev.evervec.resilience.Backoff;
import java.math.BigDecimal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Decides how texts become request batches and what a refusal means for each text. Part of the state machine.
 *
 * <p>A batch that is refused for one of its texts is split four ways until the bad text stands alone; the good ones are
 * kept as they come. A batch refused for its shape lowers the learned limit and is cut anew; so does one of which, after it
 * was refused without a reason, every part is accepted. All parts of a batch share its retry budget.
 *
 * @param <T> what a text belongs to
 */
final class EmbedStage<T extends EmbedStage.Item> extends CallStage<RequestBatch<T>> {
    /** Something with a text to be embedded. */
    interface Item {
        SizedText text();
    }

    /** Where the fate of each text is told, exactly once. */
    interface Results<T> {
        void embedded(T item, Embedding embedding);

        void notEmbedded(T item, Reason reason, String detail);

        /** The item with less text, to be sent in its place; null if it is not to be truncated, or not any further. */
        default @Nullable T truncated(T item) {
            return null;
        }
    }

    private static final int WAYS = 4;
    private static final int BELIEVED_INDICES = 3;

    private static final int PROBE_TOKENS = 16;
    /** Answered batches that may wait to be committed while as many as allowed are in flight. */
    private static final int UNCOMMITTED = 2;

    private final int dimension;
    private final PricedModel model;
    private final Results<T> results;
    private final Deque<T> ready = new ArrayDeque<>();
    private final Deque<RequestBatch<T>> parts = new ArrayDeque<>();
    private ProviderLimits learned;
    private int signsOfSize; // one alone may be a whim
    private int mostTextsAccepted;
    private long mostBytesAccepted;
    private boolean moreToCome = true;
    private int uncommitted;
    private long splits;

    EmbedStage(
            PricedModel model,
            ProviderLimits limits,
            CallPolicy policy,
            Gate gate,
            Purse purse,
            Backoff backoff,
            RandomGenerator random,
            Results<T> results) {
        super(policy, gate, purse, backoff, random);
        this.dimension = model.identity().dimension();
        this.model = model;
        this.learned = limits;
        this.results = results;
    }

    void offer(T item) {
        ready.addLast(item);
    }

    /** Whether further texts may be offered soon; if not, small batches go out without waiting to be filled. */
    void moreToCome(boolean more) {
        moreToCome = more;
    }

    /** So many answered batches are not committed yet: sent and uncommitted ones together are bounded. */
    void uncommitted(int batches) {
        uncommitted = batches;
    }

    @Override
    boolean roomForAnswer() {
        return inFlight() + uncommitted < mostInFlight() + UNCOMMITTED;
    }

    // ---- cutting ----

    @Override
    @Nullable
    RequestBatch<T> nextFresh() {
        if (!parts.isEmpty()) {
            return parts.removeFirst();
        }
        if (ready.isEmpty()) {
            return null;
        }
        Portion portion = portion();
        BigDecimal most = model.mostCostOf(portion.mostTokens, 0);
        if (portion.texts == 0 || !purse.affords(most)) {
            lack(most);
            return null;
        }
        boolean idle = inFlight() == 0 && waiting() == 0;
        if (!portion.full && !idle && moreToCome) {
            return null;
        }
        return new RequestBatch<>(cut(portion.texts), budget(policy.maxRetries()), false, BELIEVED_INDICES);
    }

    /**
     * The texts at the head of the queue that fit into one request and are affordable.
     *
     * @param texts how many, 0 if the first is not affordable
     * @param mostTokens most tokens that they can cost; of the first, if it is not affordable
     * @param full whether no further text can join them
     */
    private record Portion(int texts, long mostTokens, boolean full) {}

    private Portion portion() {
        long affordable = model.affordableInput(purse.inReach());
        long mostTokens = 0;
        long tokens = 0;
        long bytes = 0;
        int texts = 0;
        for (T item : ready) {
            SizedText text = item.text();
            long mostTokensOfText = model.mostTokensOf(text);
            if (mostTokens + mostTokensOfText > affordable) {
                return new Portion(texts, texts == 0 ? mostTokensOfText : mostTokens, true);
            }
            tokens += text.tokens();
            bytes += text.bytes();
            boolean fits = texts < learned.maxTextsPerRequest()
                    && tokens <= learned.maxTokensPerRequest()
                    && bytes <= learned.maxBytesPerRequest();
            if (!fits && texts > 0) {
                return new Portion(texts, mostTokens, true);
            }
            mostTokens += mostTokensOfText;
            texts++;
        }
        return new Portion(texts, mostTokens, texts >= learned.maxTextsPerRequest());
    }

    private List<T> cut(int texts) {
        List<T> cut = new ArrayList<>(texts);
        while (cut.size() < texts) {
            cut.add(ready.removeFirst());
        }
        return cut;
    }

    private void putBack(List<T> items) {
        for (int i = items.size() - 1; i >= 0; i--) {
            ready.addFirst(items.get(i));
        }
    }

    @Override
    BigDecimal mostCostOf(RequestBatch<T> batch) {
        return mostCostOf(batch.items);
    }

    private BigDecimal mostCostOf(List<T> items) {
        return model.mostCostOf(
                items.stream()
                        .mapToLong(item -> model.mostTokensOf(item.text()))
                        .sum(),
                0);
    }

    @Override
    BigDecimal mostCostOfProbe() {
        return model.mostCostOf(PROBE_TOKENS, 0);
    }

    /** How often a request was split so far. */
    long splits() {
        return splits;
    }

    // ---- answers ----

    void answered(RequestBatch<T> batch, EmbedResponse response, long now) {
        String mismatch = mismatch(batch, response);
        if (mismatch != null) {
            failed(batch, TransientProviderException.malformedAnswer(mismatch, 200, null, null), now);
            return;
        }
        answered(batch, now);
        learnFromAcceptance(batch);
        for (int i = 0; i < batch.size(); i++) {
            Embedding embedding = response.embedding(i);
            if (embedding != null) {
                results.embedded(batch.items.get(i), embedding);
            } else {
                withoutVector(batch, batch.items.get(i), String.valueOf(response.defect(i)));
            }
        }
    }

    /** What a provider's own checks should have refused. */
    private @Nullable String mismatch(RequestBatch<T> batch, EmbedResponse response) {
        if (response.size() != batch.size()) {
            return "an answer for " + response.size() + " texts to a request of " + batch.size();
        }
        for (int i = 0; i < response.size(); i++) {
            Embedding embedding = response.embedding(i);
            if (embedding != null && embedding.dimension() != dimension) {
                return "expected dim=" + dimension + ", got " + embedding.dimension();
            }
        }
        return null;
    }

    private void withoutVector(RequestBatch<T> batch, T item, String defect) {
        if (batch.askedAgain) {
            results.notEmbedded(
                    item, Reason.EMBED_PERMANENT, "asked twice, each time without a usable vector: " + defect);
        } else {
            parts.addLast(new RequestBatch<>(List.of(item), batch.budget, true, 0));
        }
    }

    // ---- faults of texts and shapes ----

    void batchFailed(RequestBatch<T> batch, ProviderException failure, long now) {
        boolean wrongDimension = failure.owner() == FaultOwner.CONFIGURATION && failure.httpStatus() == 200;
        if (wrongDimension) {
            // Of some texts or of all: where nothing has succeeded yet, a probe tells.
            failed(batch, PermanentProviderException.item(failure.getMessage(), 200, null), now);
        } else {
            failed(batch, failure, now);
        }
    }

    @Override
    void refused(RequestBatch<T> batch, PermanentProviderException failure) {
        int named = failure.textIndex();
        if (batch.isSingle()) {
            results.notEmbedded(batch.items.get(0), Reason.EMBED_PERMANENT, detailOf(failure));
        } else if (named >= 0 && named < batch.size() && batch.believedIndices > 0) {
            List<T> others = new ArrayList<>(batch.items);
            T suspect = others.remove(named);
            parts.addLast(new RequestBatch<>(List.of(suspect), batch.budget, false, 0));
            parts.addLast(new RequestBatch<>(others, batch.budget, false, batch.believedIndices - 1));
        } else {
            splitRefused(batch);
        }
    }

    @Override
    void shapeRefused(RequestBatch<T> batch, PermanentProviderException failure, RequestLimit limit) {
        if (batch.isSingle() && limit != RequestLimit.TEXTS && truncated(batch)) {
            return;
        }
        if (batch.isSingle()) {
            Reason reason = limit == RequestLimit.TEXTS ? Reason.EMBED_PERMANENT : Reason.INPUT_TOO_LONG;
            results.notEmbedded(batch.items.get(0), reason, detailOf(failure));
        } else if (limit == RequestLimit.TEXT_LENGTH) {
            splitRefused(batch);
        } else {
            learn(batch, limit);
            putBack(batch.items);
        }
    }

    private boolean truncated(RequestBatch<T> single) {
        T shorter = results.truncated(single.items.get(0));
        if (shorter != null) {
            parts.addLast(new RequestBatch<>(List.of(shorter), single.budget, single.askedAgain, 0));
        }
        return shorter != null;
    }

    /** Lowers the limit that the batch passed to half of what the batch had, unless it was cut before the last lowering. */
    private void learn(RequestBatch<T> batch, RequestLimit limit) {
        if (limit == RequestLimit.TOKENS) {
            long tokens =
                    batch.items.stream().mapToLong(item -> item.text().tokens()).sum();
            learned = learned.withAtMostTokens(lowered(learned.maxTokensPerRequest(), tokens));
        } else if (limit == RequestLimit.BYTES) {
            learned = learned.withAtMostBytes(lowered(learned.maxBytesPerRequest(), batch.bytes()));
        } else {
            learned = learned.withAtMostTexts(lowered(learned.maxTextsPerRequest(), batch.size()));
        }
    }

    private static int lowered(int limit, long refused) {
        return refused > limit ? limit : (int) Math.max(1, refused / 2);
    }

    /**
     * A service may refuse a request for its size without saying so. If it accepts all parts of what it refused, and has
     * never accepted as much at once, it was the size; otherwise it was a whim.
     */
    private void learnFromAcceptance(RequestBatch<T> batch) {
        mostTextsAccepted = Math.max(mostTextsAccepted, batch.size());
        mostBytesAccepted = Math.max(mostBytesAccepted, batch.bytes());
        RequestBatch.Split split = batch.from;
        if (split == null || !split.partAccepted() || ++signsOfSize < 2) {
            return;
        }
        if (split.texts > mostTextsAccepted) {
            learned = learned.withAtMostTexts(split.mostTextsOfPart);
        } else if (split.bytes > mostBytesAccepted) {
            learned = learned.withAtMostBytes((int) Math.max(1, Math.min(mostBytesAccepted, Integer.MAX_VALUE)));
        }
    }

    /** What one request may carry by now, refusals taken into account. */
    ProviderLimits learnedLimits() {
        return learned;
    }

    @Override
    void exhausted(RequestBatch<T> batch, TransientProviderException failure) {
        boolean splittable = failure.failure() == Failure.SERVER_ERROR || failure.failure() == Failure.MALFORMED_ANSWER;
        if (splittable && batch.isDivisible()) {
            split(batch, null);
        } else {
            for (T item : batch.items) {
                results.notEmbedded(item, Reason.EMBED_TRANSIENT, detailOf(failure));
            }
        }
    }

    private void splitRefused(RequestBatch<T> batch) {
        int ways = Math.min(WAYS, batch.size());
        int mostTextsOfPart = (batch.size() + ways - 1) / ways;
        split(batch, new RequestBatch.Split(ways, batch.size(), batch.bytes(), mostTextsOfPart));
    }

    private void split(RequestBatch<T> batch, RequestBatch.@Nullable Split split) {
        splits++;
        int size = batch.size();
        int ways = Math.min(WAYS, size);
        for (int way = 0; way < ways; way++) {
            int from = (int) ((long) size * way / ways);
            int to = (int) ((long) size * (way + 1) / ways);
            RequestBatch<T> part = new RequestBatch<>(
                    batch.items.subList(from, to), batch.budget, batch.askedAgain, batch.believedIndices, split);
            part.suspect = batch.suspect;
            part.failures = batch.failures;
            part.tryBegan = batch.tryBegan;
            parts.addLast(part);
        }
    }

    private static String detailOf(ProviderException failure) {
        return failure.getMessage();
    }

    // ---- the end ----

    @Override
    boolean isEmpty() {
        return ready.isEmpty() && parts.isEmpty() && waiting() == 0 && inFlight() == 0;
    }

    /** Removes and hands out every text that is not in flight. */
    List<T> drain() {
        List<T> left = new ArrayList<>(ready);
        ready.clear();
        parts.forEach(part -> left.addAll(part.items));
        parts.clear();
        drainWaiting(batch -> left.addAll(batch.items));
        return left;
    }
}
