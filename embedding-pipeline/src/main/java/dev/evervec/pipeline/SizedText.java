package dev.evervec.pipeline;

import dev.evervec.pipeline.store.Sha256;

/**
 * A text with what request batches and the ledger need to know of it.
 *
 * @param text never blank
 * @param hash hash of its UTF-8 bytes
 * @param bytes number of its UTF-8 bytes
 * @param tokens its tokens, or an upper bound of them where no limit is near
 */
record SizedText(String text, Sha256 hash, int bytes, int tokens) {
    /** Shows sizes, never the text. */
    @Override
    public String toString() {
        return "SizedText[bytes=" + bytes + ", tokens=" + tokens + "]";
    }
}
