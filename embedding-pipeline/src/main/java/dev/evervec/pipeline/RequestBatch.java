package dev.evervec.pipeline;

import java.util.List;

/**
 * The texts of one embedding call.
 *
 * @param <T> what a text belongs to
 */
final class RequestBatch<T extends EmbedStage.Item> extends Call {
    final List<T> items;
    /** Set when its one text already had an answer without a usable vector. */
    final boolean askedAgain;
    /** How often an index named by the provider may still be believed in this batch and its parts. */
    final int believedIndices;

    RequestBatch(List<T> items, Budget budget, boolean askedAgain, int believedIndices) {
        super(budget);
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

    boolean isSingle() {
        return items.size() == 1;
    }
}
