package dev.evervec.pipeline;

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
    private final Tokens[] tokens;

    /** Tokens of one kind of the texts that were counted. */
    private static final class Tokens {
        final long[] sum = new long[ZONES];
        final double[] squares = new double[ZONES];
        final double[] timesBytes = new double[ZONES];
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

    /** For texts with so many kinds of tokens. */
    TextSums(int kinds) {
        tokens = new Tokens[kinds];
        for (int i = 0; i < kinds; i++) {
            tokens[i] = new Tokens();
        }
    }

    /** One more text; its tokens by kind, or none if they were not counted. */
    void add(long hash, int bytesOfText, int[] tokensOfText) {
        int zone = HashSample.zone(hash);
        texts[zone]++;
        bytes[zone] += bytesOfText;
        if (tokensOfText.length == 0) {
            return;
        }
        countedTexts[zone]++;
        countedBytes[zone] += bytesOfText;
        squaredBytes[zone] += (double) bytesOfText * bytesOfText;
        for (int i = 0; i < tokens.length; i++) {
            tokens[i].sum[zone] += tokensOfText[i];
            tokens[i].squares[zone] += (double) tokensOfText[i] * tokensOfText[i];
            tokens[i].timesBytes[zone] += (double) tokensOfText[i] * bytesOfText;
        }
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
    double tokensPerByte(int kind, Levels levels) {
        long counted = countedBytes(levels);
        return counted == 0 ? 0 : (double) from(tokens[kind].sum, levels.counted()) / counted;
    }

    /**
     * The tokens of one kind of all texts: counted, or by the ratio of tokens to bytes of those that were counted.
     *
     * @param all the sums over all sources, for a source of which too few texts were counted
     */
    Amount tokens(int kind, Levels levels, TextSums all) {
        if (levels.counted() == 0) {
            return new Amount(from(tokens[kind].sum, 0), 0);
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
    private double ofRatio(TextSums sample, int kind, double ratio, Levels levels) {
        int from = levels.counted();
        double counted = sample.countedTexts(levels);
        if (counted < 2) {
            return 0;
        }
        Tokens of = sample.tokens[kind];
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
