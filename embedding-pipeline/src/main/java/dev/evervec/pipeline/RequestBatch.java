package dev.evervec.pipeline;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The texts of one embedding call.
 *
 * @param <T> what a text belongs to
 */
final class RequestBatch<T extends EmbedStage.Item> extends Call {
    final List<T> items;
    /** Set when its one text already had an answer without a usable vector. */
    final boolean askedAgain;
    /** What it is a part of, or null. */
    final @Nullable Split from;
    /** How often an index named by the provider may still be believed in this batch and its parts. */
    final int believedIndices;

    /** The parts of a refused batch: if every one of them is accepted as it is, the batch was too large. */
    static final class Split {
        private int notAccepted;
        final int texts;
        final long bytes;
        final int mostTextsOfPart;

        Split(int parts, int texts, long bytes, int mostTextsOfPart) {
            this.notAccepted = parts;
            this.texts = texts;
            this.bytes = bytes;
            this.mostTextsOfPart = mostTextsOfPart;
        }

        /** One more part was accepted; says whether it was the last of all. */
        boolean partAccepted() {
            notAccepted--;
            return notAccepted == 0;
        }
    }

    RequestBatch(List<T> items, Budget budget, boolean askedAgain, int believedIndices) {
        this(items, budget, askedAgain, believedIndices, null);
    }

    RequestBatch(List<T> items, Budget budget, boolean askedAgain, int believedIndices, @Nullable Split from) {
        super(budget);
        this.from = from;
        this.items = List.copyOf(items);
        this.askedAgain = askedAgain;
        this.believedIndices = believedIndices;
    }

    List<String> texts() {
        return items.stream().map(item -> item.text().text()).toList();
    }

    int size() {
        return items.size();
    }

    long bytes() {
        return items.stream().mapToLong(item -> item.text().bytes()).sum();
    }

    @Override
    boolean isDivisible() {
        return !isSingle();
    }

    boolean isSingle() {
        return items.size() == 1;
    }
}
