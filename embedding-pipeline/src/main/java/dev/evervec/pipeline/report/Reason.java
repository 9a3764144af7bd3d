package dev.evervec.pipeline.report;

import java.util.Locale;

/** Why a record of a job has no new vector. Each record that was not embedded has exactly one. */
public enum Reason {
    /** Nothing is left of the content when its markup is taken away. */
    EMPTY_CONTENT(Kind.SKIPPED, Ledger.SETTLED),
    /** The rewrite did not answer within its timeout, more than once. */
    REWRITE_TIMEOUT(Kind.SKIPPED, Ledger.ATTEMPTED),
    /** The rewrite was refused, filtered, or failed for good. */
    REWRITE_ERROR(Kind.SKIPPED, Ledger.ATTEMPTED),
    /** The rewrite came back blank. */
    REWRITE_EMPTY(Kind.SKIPPED, Ledger.ATTEMPTED),
    /** The text is longer than the model accepts. */
    INPUT_TOO_LONG(Kind.SKIPPED, Ledger.SETTLED),
    /** The job's budget was used up before it. */
    OVER_BUDGET(Kind.SKIPPED, Ledger.PENDING),
    /** Its text changed, or another worker took it over, while it was on its way. */
    SUPERSEDED(Kind.SKIPPED, Ledger.PENDING),
    /** It was gone from the source when its text was to be read. */
    VANISHED(Kind.SKIPPED, Ledger.SETTLED),
    /** The provider refuses this text. */
    EMBED_PERMANENT(Kind.FAILED, Ledger.ATTEMPTED),
    /** The provider kept failing on it until the retry budget was spent. */
    EMBED_TRANSIENT(Kind.FAILED, Ledger.ATTEMPTED),
    /** Its result could not be stored. */
    STORE_ERROR(Kind.FAILED, Ledger.PENDING),
    /** It could not be read from its source. */
    SOURCE_ERROR(Kind.FAILED, Ledger.ATTEMPTED),
    /** The job was stopped by an error before it. */
    ABORTED(Kind.FAILED, Ledger.PENDING),
    /** The job was cancelled before it. */
    CANCELLED(Kind.FAILED, Ledger.PENDING);

    /** Which side of the books a reason is on. */
    public enum Kind {
        /** Nothing went wrong with the job. */
        SKIPPED,
        /** Makes the job fail. */
        FAILED
    }

    /** What a reason leaves in the ledger. */
    public enum Ledger {
        /** Skipped or failed, and waits for a change of its text or of the configuration. */
        SETTLED,
        /** Skipped or failed, one attempt more: later jobs try again up to the attempt limit. */
        ATTEMPTED,
        /** Pending as before, its attempts unchanged: an outcome of the job, not of the record. */
        PENDING
    }

    private final Kind kind;
    private final Ledger ledger;

    Reason(Kind kind, Ledger ledger) {
        this.kind = kind;
        this.ledger = ledger;
    }

    /** The word used in reports, logs and the ledger, such as {@code empty_content}. */
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether the reason counts as skipped or as failed. */
    public Kind kind() {
        return kind;
    }

    /** What the reason leaves in the ledger. */
    public Ledger ledger() {
        return ledger;
    }

    /**
     * The reason with this code.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Reason ofCode(String code) {
        return valueOf(code.toUpperCase(Locale.ROOT));
    }
}
