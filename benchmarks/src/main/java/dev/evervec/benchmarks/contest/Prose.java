package dev.evervec.benchmarks.contest;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Texts of a wanted length that look like English to a tokenizer and are all different. */
public final class Prose {
    private static final String[] WORDS =
            ("the a of problem given array sum return find shortest path between nodes in graph with weight that"
                            + " maximize number integer string sequence modulo prime however we can solve this by dynamic programming")
                    .split(" ", -1);

    private Prose() {}

    /** The text of this number; the same for the same number. */
    public static String text(long number, int characters) {
        SplittableRandom random = new SplittableRandom(number);
        StringBuilder text = new StringBuilder(characters + 16).append(number);
        while (text.length() < characters) {
            text.append(' ').append(WORDS[random.nextInt(WORDS.length)]);
        }
        text.setLength(characters);
        return text.toString();
    }

    /** The first texts. */
    public static List<String> texts(int count, int characters) {
        return IntStream.range(0, count).mapToObj(i -> text(i, characters)).toList();
    }
}
