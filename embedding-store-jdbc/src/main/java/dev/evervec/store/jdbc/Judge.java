package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.ScannedRecord;
import org.jspecify.annotations.Nullable;

/**
 * Says what a job does with a scanned record.
 *
 * @param keepsFrom a rebuild leaves alone what jobs from this number on have bought; 0 if it takes everything
 */
record Judge(JobStart start, MarkMode mode, long keepsFrom) {
    /** What is to be done. */
    enum Verdict {
        /** It is new: into the ledger, and on the list. */
        ENTER,
        /** On the list. */
        TAKE,
        /** Nothing. */
        LEAVE,
        /** Nothing: it failed as often as is allowed. */
        EXHAUSTED,
        /** Nothing but to note what it has become: somebody is at work on it. */
        BUSY,
        /** Out of the ledger: it has no content any more. */
        REMOVE;

        /** Whether the record is put on the job's list. */
        boolean puts() {
            return this == ENTER || this == TAKE;
        }
    }

    Verdict verdict(ScannedRecord record, @Nullable Known known) {
        boolean blank = isBlank(record);
        if (known == null) {
            return blank ? Verdict.LEAVE : Verdict.ENTER;
        }
        if (known.claimed()) {
            return Verdict.BUSY;
        }
        return blank ? Verdict.REMOVE : verdict(known);
    }

    static boolean isBlank(ScannedRecord record) {
        return record.content() == ScannedRecord.Content.BLANK;
    }

    /** Whether it matters who has bought a record's vector. */
    boolean asksWhoBought() {
        return mode == MarkMode.REBUILD && keepsFrom > 0;
    }

    /**
     * The first job whose vectors and rewrites may serve a record that this one takes, or null if that stays as it was.
     *
     * @param number of this job
     */
    @Nullable
    Long freshSince(long number) {
        return mode == MarkMode.REBUILD ? Long.valueOf(keepsFrom > 0 ? keepsFrom : number) : null;
    }

    private Verdict verdict(Known known) {
        if (asksWhoBought() && known.hasVectorOfItsContent() && known.boughtBy() >= keepsFrom) {
            return Verdict.LEAVE;
        }
        if (mode == MarkMode.REBUILD || !known.sameContent() || known.state() == RecordState.PENDING) {
            return Verdict.TAKE;
        }
        Reason reason = known.reason();
        if (reason == null) {
            return Verdict.LEAVE;
        }
        return switch (reason.ledger()) {
            case ATTEMPTED -> known.attempts() < start.maxAttempts() ? Verdict.TAKE : Verdict.EXHAUSTED;
            // A record that had vanished is met again; the other settled ones wait for a change.
            case SETTLED ->
                reason == Reason.VANISHED || start.reconsidered().contains(reason) ? Verdict.TAKE : Verdict.LEAVE;
            case PENDING -> Verdict.TAKE;
        };
    }
}
