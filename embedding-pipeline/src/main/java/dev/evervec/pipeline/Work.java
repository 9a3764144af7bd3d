package dev.evervec.pipeline;

import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.Sha256;
import org.jspecify.annotations.Nullable;

/**
 * A claimed record on its way to its vector.
 *
 * @param claim the right to write its result
 * @param contentHash hash of title and content as read
 * @param title its title, or null
 * @param text what is to be rewritten or sent now
 */
record Work(Claim claim, Sha256 contentHash, @Nullable String title, SizedText text) implements EmbedStage.Item {
    Work withText(SizedText newText) {
        return new Work(claim, contentHash, title, newText);
    }
}
