package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.provider.Embedding;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What became of a claimed record. */
public sealed interface RecordResult {
    /** The claim under which it was worked on. */
    Claim claim();

    /**
     * It has a new vector.
     *
     * @param contentHash hash of title and content as read
     * @param textHash hash of the text that was sent
     * @param embedding its vector
     * @param detail what was done to the text before, such as that it was truncated; null if it was sent as it is. For the
     *     ledger
     * @param cost the record's share of the calls made for it
     * @param boughtBy number of the job that bought the vector, if it was found in the store; 0 if this job bought it
     */
    record Embedded(
            Claim claim,
            Sha256 contentHash,
            Sha256 textHash,
            Embedding embedding,
            @Nullable String detail,
            RecordCost cost,
            long boughtBy)
            implements RecordResult {
        /** A vector that this job bought. */
        public Embedded(
                Claim claim,
                Sha256 contentHash,
                Sha256 textHash,
                Embedding embedding,
                @Nullable String detail,
                RecordCost cost) {
            this(claim, contentHash, textHash, embedding, detail, cost, 0);
        }

        public Embedded {
            Objects.requireNonNull(claim, "claim");
            Objects.requireNonNull(contentHash, "contentHash");
            Objects.requireNonNull(textHash, "textHash");
            Objects.requireNonNull(embedding, "embedding");
        }
    }

    /**
     * It has none. {@link Reason#ledger()} says what that leaves in the ledger. A vector of an older text stays.
     *
     * @param contentHash hash of title and content as read, or null if it was not read
     * @param detail what happened, without any text of the record
     * @param retryDue when another try is due, if the reason allows one, else null
     * @param cost the record's share of the calls made for it
     */
    record NotEmbedded(
            Claim claim,
            @Nullable Sha256 contentHash,
            Reason reason,
            String detail,
            @Nullable Instant retryDue,
            RecordCost cost)
            implements RecordResult {
        public NotEmbedded {
            Objects.requireNonNull(claim, "claim");
            Objects.requireNonNull(reason, "reason");
            Objects.requireNonNull(detail, "detail");
        }
    }
}
