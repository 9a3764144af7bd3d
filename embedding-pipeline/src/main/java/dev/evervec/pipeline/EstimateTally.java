package dev.evervec.pipeline;

import dev.evervec.pipeline.PageAppraiser.Appraisal;
import dev.evervec.pipeline.PageAppraiser.Fate;
import dev.evervec.pipeline.PageAppraiser.Text;
import dev.evervec.pipeline.TextSums.Levels;
import dev.evervec.pipeline.TokenCounts.Kind;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.UnreadableRecord;
import dev.evervec.provider.ProviderLimits;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Adds up what a build would make of records, in bounded memory. What it comes to depends on the records and their order only,
 * never on time or threads. Not thread-safe.
 */
final class EstimateTally {
    /*
     * Two things are bounded: the hashes by which equal texts (and equal ids) are told, and the tokens that are counted. Either
     * gives way in the same manner: from some time on only texts whose hash begins with a zero bit are looked at, then only
     * those with two, and so on. Sums are kept for each number of zero bits, so they need no correction when that happens.
     */
    private static final int NAMED_UNREADABLE = 20;

    private final Bounds bounds;
    private final ProviderLimits limits;
    private final TextSizer sizer;
    private final HashSample ids;
    private final HashSample texts;
    private final SortedMap<String, Sums> bySource = new TreeMap<>();
    private final Sums all;
    private final Remarks remarks;
    private final List<RecordOutcome> unreadable = new ArrayList<>();
    private int countedLevel;

    /**
     * What may be held and counted.
     *
     * @param maxHashes texts and ids that are told apart for certain
     * @param fullyCountedBytes up to so many bytes of text, the tokens of every text are counted
     * @param minSample texts whose tokens are counted at least
     */
    record Bounds(int maxHashes, long fullyCountedBytes, int minSample) {
        static final Bounds DEFAULT = new Bounds(1 << 20, 1L << 30, 50_000);
    }

    /** The records of one source, or of all. */
    static final class Sums {
        private final Map<Fate, Long> fates = new EnumMap<>(Fate.class);
        final TextSums plain = new TextSums();
        final TextSums toRewrite = new TextSums();
        final RequestCounter requests;

        Sums(ProviderLimits limits) {
            requests = new RequestCounter(limits);
        }

        long count(Fate fate) {
            return fates.getOrDefault(fate, 0L);
        }
    }

    EstimateTally(Bounds bounds, TextSizer sizer, ProviderLimits limits, Remarks remarks) {
        this.bounds = bounds;
        this.limits = limits;
        this.sizer = sizer;
        this.ids = new HashSample(bounds.maxHashes());
        this.texts = new HashSample(bounds.maxHashes());
        this.all = new Sums(limits);
        this.remarks = remarks;
    }

    /** Adds the next page of the scan; returns from which zone on texts need to be looked at. */
    Levels add(List<Appraisal> page, List<UnreadableRecord> unread) {
        page.forEach(this::add);
        for (UnreadableRecord record : unread) {
            RecordKey key = BuildMachine.keyOf(record);
            unreadable(key, record.where() + ": " + record.problem());
        }
        return levels();
    }

    private void add(Appraisal record) {
        if (isDuplicate(record.key())) {
            remarks.addDuplicate(record.key());
        } else if (record.fate() == Fate.UNREADABLE) {
            unreadable(record.key(), record.problem());
        } else {
            count(record.key(), record.fate());
            if (record.text() != null) {
                add(of(record.key()), record.text());
            }
        }
    }

    private boolean isDuplicate(RecordKey key) {
        long hash = hash(key);
        return ids.covers(hash) && !ids.add(hash);
    }

    /** FNV-1a, with the finalizer of MurmurHash3 for its first bits. */
    private static long hash(RecordKey key) {
        long hash = hash(hash(0xCBF29CE484222325L, key.source()) * 31, key.id());
        hash = (hash ^ hash >>> 33) * 0xFF51AFD7ED558CCDL;
        hash = (hash ^ hash >>> 33) * 0xC4CEB9FE1A85EC53L;
        return hash ^ hash >>> 33;
    }

    private static long hash(long seed, String part) {
        long hash = seed;
        for (int i = 0; i < part.length(); i++) {
            hash = (hash ^ part.charAt(i)) * 0x100000001B3L;
        }
        return hash;
    }

    private void unreadable(RecordKey key, String problem) {
        count(key, Fate.UNREADABLE);
        if (unreadable.size() < NAMED_UNREADABLE) {
            unreadable.add(new RecordOutcome(key, Reason.SOURCE_ERROR, problem));
        }
    }

    private void count(RecordKey key, Fate fate) {
        of(key).fates.merge(fate, 1L, Long::sum);
        all.fates.merge(fate, 1L, Long::sum);
    }

    private Sums of(RecordKey key) {
        return bySource.computeIfAbsent(key.source(), name -> new Sums(limits));
    }

    private void add(Sums source, Text text) {
        if (!texts.covers(text.hash()) || !texts.add(text.hash())) {
            return;
        }
        // Whoever counted may not yet have known that it need not.
        TokenCounts tokens = HashSample.zone(text.hash()) < countedLevel ? null : text.tokens();
        long whenCut = tokensWhenCut(text, tokens);
        for (Sums sums : List.of(source, all)) {
            TextSums of = text.toRewrite() ? sums.toRewrite : sums.plain;
            of.add(text.hash(), text.bytes(), tokens);
            sums.requests.add(whenCut, text.bytes());
        }
    }

    private long tokensWhenCut(Text text, @Nullable TokenCounts tokens) {
        if (!sizer.counts(text.bytes())) {
            return text.bytes();
        }
        TextSums alike = text.toRewrite() ? all.toRewrite : all.plain;
        return tokens != null
                ? tokens.embedded()
                : (long) Math.ceil(text.bytes() * alike.tokensPerByte(Kind.EMBEDDED, new Levels(0, countedLevel)));
    }

    /** From which zone on texts are known and counted. */
    Levels levels() {
        countedLevel = Math.max(countedLevel, texts.level());
        Levels levels = new Levels(texts.level(), countedLevel);
        while (countedBytes(levels) > bounds.fullyCountedBytes() && countedTexts(levels) >= 2L * bounds.minSample()) {
            countedLevel++;
            levels = new Levels(texts.level(), countedLevel);
        }
        return levels;
    }

    private long countedBytes(Levels levels) {
        return all.plain.countedBytes(levels) + all.toRewrite.countedBytes(levels);
    }

    long countedTexts(Levels levels) {
        return all.plain.countedTexts(levels) + all.toRewrite.countedTexts(levels);
    }

    SortedMap<String, Sums> bySource() {
        return bySource;
    }

    Sums all() {
        return all;
    }

    List<RecordOutcome> unreadable() {
        return unreadable;
    }

    /** Whether every id was compared with all others. */
    boolean comparedAllIds() {
        return ids.level() == 0;
    }
}
