package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings.TooLong;
import dev.evervec.pipeline.TextSums.Levels;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.KeptRewrite;
import dev.evervec.pipeline.store.KeptVector;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.LLMProvider;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Says what a build would make of each record of a page. Only reads, and only asks the store; thread-safe. */
final class PageAppraiser {
    /** What a build would make of a record. */
    enum Fate {
        BLANK,
        UNCHANGED,
        EMPTY,
        TOO_LONG,
        UNREADABLE,
        EMBED
    }

    /**
     * One record.
     *
     * @param key which one
     * @param fate what would become of it
     * @param text what would be sent for it, unless an equal text was sent before; null if nothing would
     * @param problem why it is unreadable; else empty
     */
    record Appraisal(RecordKey key, Fate fate, @Nullable Text text, String problem) {}

    /**
     * A text that the store does not know.
     *
     * @param hash the beginning of its hash; of a text that is to be rewritten, another one than if it were not
     * @param bytes of UTF-8
     * @param tokens its tokens, or null if they were not counted
     * @param toRewrite whether it is to be rewritten
     */
    record Text(long hash, int bytes, @Nullable TokenCounts tokens, boolean toRewrite) {}

    private static final long REWRITTEN = 0x9E3779B97F4A7C15L;

    private final EmbeddingStore store;
    private final JobStart start;
    private final MarkMode mode;
    private final LLMProvider embedder;
    private final Hands.@Nullable Rewriting rewriting;
    private final TextSizer sizer;
    private final TooLong onTooLong;
    private final int mostTokensOfText;
    private volatile Levels levels = new Levels(0, 0);

    PageAppraiser(
            EmbeddingStore store,
            JobStart start,
            MarkMode mode,
            LLMProvider embedder,
            Hands.@Nullable Rewriting rewriting,
            TooLong onTooLong) {
        this.store = store;
        this.start = start;
        this.mode = mode;
        this.embedder = embedder;
        this.rewriting = rewriting;
        this.sizer = new TextSizer(embedder);
        this.onTooLong = onTooLong;
        this.mostTokensOfText = embedder.limits().maxTokensPerText();
    }

    /** From now on texts below these levels need not be looked up or counted; whoever has not heard of it does too much. */
    void levels(Levels risen) {
        levels = risen;
    }

    /** A record on its way through this class; what jobs before {@code freshSince} bought must not serve it. */
    private record Prepared(
            SourceRecord record,
            Fate fate,
            @Nullable SizedText text,
            boolean toRewrite,
            long freshSince,
            String problem) {
        Prepared(SourceRecord record, Fate fate) {
            this(record, fate, null, false, 0, "");
        }

        /** Whether anything that was bought before may serve it: nothing does if it is to be bought anew. */
        boolean maybeServed() {
            return freshSince < Long.MAX_VALUE;
        }

        boolean isToEmbed() {
            return text != null && !toRewrite;
        }
    }

    /**
     * One appraisal for each record of the page, in its order.
     *
     * @throws StoreException if the store cannot be asked
     */
    List<Appraisal> appraise(ScanPage page) {
        List<ScannedRecord> scanned =
                page.records().stream().map(RecordReader::scanned).toList();
        Map<RecordKey, Long> taken = store.wouldTake(start, scanned, mode);
        List<Prepared> prepared = new ArrayList<>(scanned.size());
        for (SourceRecord record : page.records()) {
            prepared.add(prepare(record, taken.get(record.key())));
        }
        List<Prepared> ready = rewriting == null ? prepared : withKeptRewrites(prepared, rewriting);
        Map<Sha256, KeptVector> bought = bought(ready);
        return ready.stream().map(one -> appraisal(one, bought)).toList();
    }

    /** {@code freshSince}: null if the record would not be taken. */
    private Prepared prepare(SourceRecord record, @Nullable Long freshSince) {
        if (record.content().isBlank()) {
            return new Prepared(record, Fate.BLANK);
        }
        if (freshSince == null) {
            return new Prepared(record, Fate.UNCHANGED);
        }
        try {
            String text = TextPreparer.prepare(record.title(), record.content());
            if (text.isBlank()) {
                return new Prepared(record, Fate.EMPTY);
            }
            return rewriting == null
                    ? fitted(record, text, freshSince)
                    : new Prepared(record, Fate.EMBED, sizer.uncounted(text), true, freshSince, "");
        } catch (RuntimeException e) {
            return unreadable(record, e);
        }
    }

    private static Prepared unreadable(SourceRecord record, RuntimeException e) {
        return new Prepared(record, Fate.UNREADABLE, null, false, 0, Faults.unexpected("reading the record", e));
    }

    private Prepared fitted(SourceRecord record, String text, long freshSince) {
        SizedText fits = sizer.fitUncounted(text, onTooLong);
        return fits == null
                ? new Prepared(record, Fate.TOO_LONG)
                : new Prepared(record, Fate.EMBED, fits, false, freshSince, "");
    }

    private List<Prepared> withKeptRewrites(List<Prepared> prepared, Hands.Rewriting with) {
        Set<Sha256> wanted = new HashSet<>();
        for (Prepared one : prepared) {
            if (one.text() != null && one.maybeServed()) {
                wanted.add(one.text().hash());
            }
        }
        if (wanted.isEmpty()) {
            return prepared;
        }
        Map<Sha256, KeptRewrite> kept = store.rewrites(with.fingerprint(), wanted);
        return prepared.stream().map(one -> rewritten(one, kept)).toList();
    }

    private Prepared rewritten(Prepared one, Map<Sha256, KeptRewrite> kept) {
        KeptRewrite rewrite = one.text() == null ? null : kept.get(one.text().hash());
        if (rewrite == null || rewrite.job() < one.freshSince()) {
            return one;
        }
        try {
            return fitted(one.record(), rewrite.text(), one.freshSince());
        } catch (RuntimeException e) {
            return unreadable(one.record(), e);
        }
    }

    private Map<Sha256, KeptVector> bought(List<Prepared> prepared) {
        int from = levels.distinct();
        Set<Sha256> wanted = new HashSet<>();
        for (Prepared one : prepared) {
            if (one.isToEmbed()
                    && one.maybeServed()
                    && one.text() != null
                    && HashSample.zone(beginning(one.text())) >= from) {
                wanted.add(one.text().hash());
            }
        }
        return wanted.isEmpty() ? Map.of() : store.vectors(start.fingerprint(), wanted);
    }

    private Appraisal appraisal(Prepared one, Map<Sha256, KeptVector> bought) {
        RecordKey key = one.record().key();
        SizedText text = one.text();
        if (text == null || (one.isToEmbed() && serves(bought.get(text.hash()), one))) {
            return new Appraisal(key, one.fate(), null, one.problem());
        }
        long hash = beginning(text) ^ (one.toRewrite() ? REWRITTEN : 0);
        try {
            TokenCounts tokens =
                    HashSample.zone(hash) < levels.counted() ? null : tokens(one.record(), text, one.toRewrite());
            return new Appraisal(key, one.fate(), new Text(hash, text.bytes(), tokens, one.toRewrite()), "");
        } catch (RuntimeException e) {
            return new Appraisal(key, Fate.UNREADABLE, null, Faults.unexpected("counting the record's tokens", e));
        }
    }

    private static boolean serves(@Nullable KeptVector vector, Prepared one) {
        return vector != null && vector.job() >= one.freshSince();
    }

    private static long beginning(SizedText text) {
        return ByteBuffer.wrap(text.hash().bytes()).getLong();
    }

    private TokenCounts tokens(SourceRecord record, SizedText text, boolean toRewrite) {
        int embedded = embedder.countTokens(text.text());
        if (!toRewrite || rewriting == null) {
            return TokenCounts.embedded(embedded);
        }
        LLMProvider rewriter = rewriting.provider();
        int prompt = rewriter.countTokens(rewriting.prompt().fill(record.title(), text.text()));
        return new TokenCounts(Math.min(embedded, mostTokensOfText), prompt, rewriter.countTokens(text.text()));
    }
}
