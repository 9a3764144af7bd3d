package dev.evervec.pipeline;

import dev.evervec.pipeline.TokenCounts.Kind;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Adds up distinct texts and what counting their tokens came to. Everything is kept by {@linkplain HashSample#zone zone}, so
 * that whoever reads it may leave out zones in which, from some time on, texts were no longer looked at. Not thread-safe.
 */
final class TextSums {
    /** Fewer texts than this say too little about the tokens of a source. */
    static final int ENOUGH_TEXTS = 100;

    private static final int ZONES = Long.SIZE + 1;

    private final long[] texts = new long[ZONES];
    private final long[] bytes = new long[ZONES];
    private final long[] countedTexts = new long[ZONES];
    private final long[] countedBytes = new long[ZONES];
    private final double[] squaredBytes = new double[ZONES];
    private final Map<Kind, Tokens> tokens = new EnumMap<>(Kind.class);

    /** Tokens of one kind of the texts that were counted. */
    private static final class Tokens {
        final long[] sum = new long[ZONES];
        final double[] squares = new double[ZONES];
        final double[] timesBytes = new double[ZONES];

        void add(int zone, int tokensOfText, int bytesOfText) {
            sum[zone] += tokensOfText;
            squares[zone] += (double) tokensOfText * tokensOfText;
            timesBytes[zone] += (double) tokensOfText * bytesOfText;
        }
    }

    /**
     * From which zone on everything is known.
     *
     * @param distinct from there on it is known which texts are new
     * @param counted from there on their tokens were counted; not below {@code distinct}
     */
    record Levels(int distinct, int counted) {}

    /**
     * An estimate.
     *
     * @param value the most likely value
     * @param standardError of the value; 0 if it was counted
     */
    record Amount(double value, double standardError) {
        static final Amount NONE = new Amount(0, 0);

        /** Of independent amounts. */
        Amount plus(Amount other) {
            return new Amount(value + other.value, Math.hypot(standardError, other.standardError));
        }

        long rounded() {
            return Math.round(value);
        }
    }

    TextSums() {
        for (Kind kind : Kind.values()) {
            tokens.put(kind, new Tokens());
        }
    }

    /** One more text, with its tokens unless they were not counted. */
    void add(long hash, int bytesOfText, @Nullable TokenCounts counts) {
        int zone = HashSample.zone(hash);
        texts[zone]++;
        bytes[zone] += bytesOfText;
        if (counts == null) {
            return;
        }
        countedTexts[zone]++;
        countedBytes[zone] += bytesOfText;
        squaredBytes[zone] += (double) bytesOfText * bytesOfText;
        tokens.forEach((kind, sums) -> sums.add(zone, counts.of(kind), bytesOfText));
    }

    long texts(Levels levels) {
        return from(texts, levels.distinct()) << levels.distinct();
    }

    long countedTexts(Levels levels) {
        return from(countedTexts, levels.counted());
    }

    long countedBytes(Levels levels) {
        return from(countedBytes, levels.counted());
    }

    /** Tokens of one kind for each byte, of the texts that were counted. */
    double tokensPerByte(Kind kind, Levels levels) {
        long counted = countedBytes(levels);
        return counted == 0 ? 0 : (double) from(of(kind).sum, levels.counted()) / counted;
    }

    /**
     * The tokens of one kind of all texts: counted, or by the ratio of tokens to bytes of those that were counted.
     *
     * @param all the sums over all sources, for a source of which too few texts were counted
     */
    Amount tokens(Kind kind, Levels levels, TextSums all) {
        if (levels.counted() == 0) {
            return new Amount(from(of(kind).sum, 0), 0);
        }
        TextSums sample = countedTexts(levels) < ENOUGH_TEXTS ? all : this;
        double ratio = sample.tokensPerByte(kind, levels);
        double share = Math.scalb(1.0, -levels.distinct());
        double allBytes = from(bytes, levels.distinct()) / share;
        return new Amount(
                allBytes * ratio,
                Math.hypot(ofRatio(sample, kind, ratio, levels), ratio * ofDistinctBytes(share, levels)));
    }

    /** Cochran, Sampling Techniques, 6.3: the standard error of a total by ratio. */
    private double ofRatio(TextSums sample, Kind kind, double ratio, Levels levels) {
        int from = levels.counted();
        double counted = sample.countedTexts(levels);
        if (counted < 2) {
            return 0;
        }
        Tokens of = sample.of(kind);
        double residuals = from(of.squares, from)
                - 2 * ratio * from(of.timesBytes, from)
                + ratio * ratio * from(sample.squaredBytes, from);
        double variance = Math.max(0, residuals) / (counted - 1);
        double notCounted = 1 - Math.scalb(1.0, -from);
        return texts(levels) * Math.sqrt(notCounted * variance / counted);
    }

    /** Of a sum over texts each of which was met with the probability {@code share} (Horvitz and Thompson). */
    private double ofDistinctBytes(double share, Levels levels) {
        double squares = Math.scalb(from(squaredBytes, levels.counted()), levels.counted() - levels.distinct());
        return Math.sqrt((1 - share) * squares) / share;
    }

    private Tokens of(Kind kind) {
        return Objects.requireNonNull(tokens.get(kind));
    }

    private static long from(long[] byZone, int zone) {
        long sum = 0;
        for (int i = zone; i < ZONES; i++) {
            sum += byZone[i];
        }
        return sum;
    }

    private static double from(double[] byZone, int zone) {
        double sum = 0;
        for (int i = zone; i < ZONES; i++) {
            sum += byZone[i];
        }
        return sum;
    }
}
