package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.KeptVector;
import dev.evervec.pipeline.store.Sha256;
import org.jspecify.annotations.Nullable;

/** What reading or rewriting a claimed record came to. */
sealed interface Preparation {
    /** Which record it is. */
    Claim claim();

    /** Its text is ready to be embedded. */
    record Ready(Work work) implements Preparation {
        @Override
        public Claim claim() {
            return work.claim();
        }
    }

    /** A vector of its text is stored already, and new enough for it. */
    record Known(Work work, KeptVector vector) implements Preparation {
        @Override
        public Claim claim() {
            return work.claim();
        }
    }

    /** Its prepared text is to be rewritten first. */
    record ToRewrite(Work work) implements Preparation {
        @Override
        public Claim claim() {
            return work.claim();
        }
    }

    /** It goes no further. */
    record Unusable(Claim claim, @Nullable Sha256 contentHash, Reason reason, String detail) implements Preparation {}
}
