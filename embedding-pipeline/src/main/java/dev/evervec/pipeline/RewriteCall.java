package dev.evervec.pipeline;

import java.util.ArrayList;
import java.util.List;

/**
 * A text on its way to its rewrite, for all items that have it.
 *
 * @param <T> what the text belongs to
 */
final class RewriteCall<T> extends Call {
    /** Equal for equal texts. */
    final Object key;
    /** Whose text is sent. */
    final T item;
    /** Everything with this text, {@link #item} included; grows while the call is open. */
    private final List<T> items = new ArrayList<>();

    RewriteCall(Object key, T item, Budget budget) {
        super(budget);
        this.key = key;
        this.item = item;
        items.add(item);
    }

    void join(T twin) {
        items.add(twin);
    }

    List<T> items() {
        return items;
    }

    @Override
    boolean isDivisible() {
        return false;
    }
}
