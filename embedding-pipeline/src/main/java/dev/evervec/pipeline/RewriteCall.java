package dev.evervec.pipeline;

/**
 * One text on its way to its rewrite.
 *
 * @param <T> what the text belongs to
 */
final class RewriteCall<T> extends Call {
    final T item;

    RewriteCall(T item, Budget budget) {
        super(budget);
        this.item = item;
    }
}
