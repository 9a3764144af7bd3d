package dev.evervec.provider.local;

import java.lang.Character.UnicodeScript;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.Locale;

/**
 * The function behind {@link LocalProvider}. One instance embeds many texts one after the other, with its working memory
 * kept in between; what a text gives does not depend on the texts before it. Not thread-safe.
 *
 * <p>The tests fix some vectors. If one of them fails, the function has changed and needs a new model name.
 */
final class FeatureHasher {
    /** What a feature is; hashed with it, so that a word and an n-gram of the same letters stay apart. */
    private static final int WORD = 1;

    private static final int GRAM = 2;
    private static final int DENSE = 3;
    private static final int SYMBOL = 4;
    private static final int WHOLE_TEXT = 5;

    /** By kind. A word of n letters has about 3n n-grams: they are kept from drowning the word itself. */
    private static final double[] WEIGHT = {0, 1.0, 0.35, 0.7, 0.5, 1.0};

    private static final int MIN_GRAM = 3;
    private static final int MAX_GRAM = 5;
    private static final int MAX_DENSE_GRAM = 3;
    private static final int WORD_START = '<';
    private static final int WORD_END = '>';

    private static final long FNV_OFFSET = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;

    /** Below this, what is left of opposite signs in the same components is rounding and no direction. */
    private static final double NOTHING = 1e-12;

    private static final double[] DAMPED = new double[64];

    static {
        for (int count = 1; count < DAMPED.length; count++) {
            DAMPED[count] = 1 + StrictMath.log(count);
        }
    }

    private final int dimension;
    private final double[] sums;
    private int[] codePoints = new int[256];

    // The features of the text in the order of their first appearance, and an open-addressing table that finds them.
    private long[] hashes = new long[256];
    private byte[] kinds = new byte[256];
    private int[] counts = new int[256];
    private int features;
    private int[] table = new int[512];

    FeatureHasher(int dimension) {
        this.dimension = dimension;
        this.sums = new double[dimension];
    }

    float[] vectorOf(String text) {
        int length = decode(text);
        collect(length);
        Arrays.fill(sums, 0);
        for (int i = 0; i < features; i++) {
            addToSums(hashes[i], WEIGHT[kinds[i]] * damped(counts[i]));
        }
        clearFeatures();
        if (squares() < NOTHING) {
            // Nothing but blanks of a kind that String.isBlank does not know, or features that cancel each other out.
            Arrays.fill(sums, 0);
            addToSums(finish(hash(WHOLE_TEXT, codePoints, 0, length)), WEIGHT[WHOLE_TEXT]);
        }
        double norm = Math.sqrt(squares());
        float[] vector = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            vector[i] = (float) (sums[i] / norm);
        }
        return vector;
    }

    private void addToSums(long hash, double value) {
        int component = (int) ((hash >>> 1) % dimension);
        sums[component] += (hash & 1) == 0 ? value : -value;
    }

    private double squares() {
        double squares = 0;
        for (double sum : sums) {
            squares += sum * sum;
        }
        return squares;
    }

    private static double damped(int count) {
        return count < DAMPED.length ? DAMPED[count] : 1 + StrictMath.log(count);
    }

    /** Puts the normalised lower-case text into {@link #codePoints}; returns how many they are. */
    private int decode(String text) {
        String plain = isAscii(text) ? text : Normalizer.normalize(text, Normalizer.Form.NFKC);
        String lower = plain.toLowerCase(Locale.ROOT);
        if (codePoints.length < lower.length()) {
            codePoints = new int[Math.max(lower.length(), 2 * codePoints.length)];
        }
        int length = 0;
        for (int i = 0; i < lower.length(); ) {
            int codePoint = lower.codePointAt(i);
            i += Character.charCount(codePoint);
            codePoints[length++] = codePoint;
        }
        return length;
    }

    private static boolean isAscii(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) >= 0x80) {
                return false;
            }
        }
        return true;
    }

    private void collect(int length) {
        int i = 0;
        while (i < length) {
            int codePoint = codePoints[i];
            int end = i + 1;
            if (isDense(codePoint)) {
                while (end < length && (isDense(codePoints[end]) || isMark(codePoints[end]))) {
                    end++;
                }
                addDense(i, end);
            } else if (Character.isLetterOrDigit(codePoint)) {
                while (end < length && isWordPart(codePoints[end])) {
                    end++;
                }
                addWord(i, end);
            } else if (!Character.isWhitespace(codePoint) && !Character.isSpaceChar(codePoint)) {
                add(SYMBOL, finish(hash(SYMBOL, codePoints, i, end)));
            }
            i = end;
        }
    }

    private static boolean isWordPart(int codePoint) {
        return (Character.isLetterOrDigit(codePoint) && !isDense(codePoint)) || isMark(codePoint);
    }

    private static boolean isMark(int codePoint) {
        if (codePoint < 0x300) {
            return false;
        }
        int type = Character.getType(codePoint);
        return type == Character.NON_SPACING_MARK || type == Character.COMBINING_SPACING_MARK;
    }

    /** Whether its script is written without blanks between words, or puts much into one character. */
    private static boolean isDense(int codePoint) {
        if (codePoint < 0xE00 || !Character.isLetter(codePoint)) {
            return false;
        }
        UnicodeScript script = UnicodeScript.of(codePoint);
        return switch (script) {
            case HAN, HIRAGANA, KATAKANA, BOPOMOFO, HANGUL, THAI, LAO, KHMER, MYANMAR, TIBETAN, YI -> true;
            // The prolonged sound mark of Japanese is a letter without a script of its own.
            case COMMON -> codePoint == 0x30FC;
            default -> false;
        };
    }

    private void addWord(int start, int end) {
        add(WORD, finish(hash(WORD, codePoints, start, end)));
        // Positions start-1 and end stand for the marks at the word's ends.
        for (int from = start - 1; from + MIN_GRAM <= end + 1; from++) {
            long hash = FNV_OFFSET ^ GRAM;
            int last = Math.min(from + MAX_GRAM, end + 1);
            for (int at = from; at < last; at++) {
                hash = step(hash, at < start ? WORD_START : at == end ? WORD_END : codePoints[at]);
                if (at - from + 1 >= MIN_GRAM) {
                    add(GRAM, finish(hash));
                }
            }
        }
    }

    private void addDense(int start, int end) {
        for (int from = start; from < end; from++) {
            long hash = FNV_OFFSET ^ DENSE;
            int last = Math.min(from + MAX_DENSE_GRAM, end);
            for (int at = from; at < last; at++) {
                hash = step(hash, codePoints[at]);
                add(DENSE, finish(hash));
            }
        }
    }

    private static long hash(int kind, int[] codePoints, int start, int end) {
        long hash = FNV_OFFSET ^ kind;
        for (int i = start; i < end; i++) {
            hash = step(hash, codePoints[i]);
        }
        return hash;
    }

    /** FNV-1a over whole code points. */
    private static long step(long hash, int codePoint) {
        return (hash ^ codePoint) * FNV_PRIME;
    }

    /** The finalizer of MurmurHash3: spreads what FNV-1a leaves uneven in the low bits. */
    private static long finish(long hash) {
        long h = hash;
        h = (h ^ (h >>> 33)) * 0xff51afd7ed558ccdL;
        h = (h ^ (h >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return h ^ (h >>> 33);
    }

    private void add(int kind, long hash) {
        int mask = table.length - 1;
        int slot = (int) hash & mask;
        while (table[slot] != 0) {
            int feature = table[slot] - 1;
            if (hashes[feature] == hash) {
                counts[feature]++;
                return;
            }
            slot = (slot + 1) & mask;
        }
        if (features == hashes.length) {
            grow();
            add(kind, hash);
            return;
        }
        hashes[features] = hash;
        kinds[features] = (byte) kind;
        counts[features] = 1;
        table[slot] = ++features;
    }

    private void grow() {
        int capacity = 2 * hashes.length;
        hashes = Arrays.copyOf(hashes, capacity);
        kinds = Arrays.copyOf(kinds, capacity);
        counts = Arrays.copyOf(counts, capacity);
        table = new int[2 * capacity];
        int mask = table.length - 1;
        for (int feature = 0; feature < features; feature++) {
            int slot = (int) hashes[feature] & mask;
            while (table[slot] != 0) {
                slot = (slot + 1) & mask;
            }
            table[slot] = feature + 1;
        }
    }

    /** Empties the table slot by slot: after one long text, a full sweep would cost more than a short text itself. */
    private void clearFeatures() {
        if (features * 4 >= table.length) {
            Arrays.fill(table, 0);
        } else {
            int mask = table.length - 1;
            for (int feature = features - 1; feature >= 0; feature--) {
                int slot = (int) hashes[feature] & mask;
                while (table[slot] != feature + 1) {
                    slot = (slot + 1) & mask;
                }
                table[slot] = 0;
            }
        }
        features = 0;
    }
}
