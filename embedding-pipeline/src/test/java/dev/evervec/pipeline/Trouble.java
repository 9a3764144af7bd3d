package dev.evervec.pipeline;

/** What goes wrong in one job of a story, next to what services make of its texts. */
enum Trouble {
    /** Any call may fail in any way that passes. */
    CHANCE,
    /** The service takes fewer texts, tokens or bytes a request than it says, or does not say of what it takes fewer. */
    FEWER_TEXTS,
    FEWER_TOKENS,
    FEWER_BYTES,
    LESS_OF_SOMETHING,
    /** A refusal for a text that is not bad, by name or not; never of a text that is alone. */
    FALSE_REFUSAL,
    FALSE_REFUSAL_BY_NAME,
    QUOTA,
    QUOTA_WITH_TOLD_WAIT,
    STORM_OF_SERVER_ERRORS,
    OUTAGE,

    CHANCE_IN_REWRITING,
    QUOTA_IN_REWRITING,
    OUTAGE_IN_REWRITING,

    STORE_HICCUPS,
    PAGES_LOST,
    FETCHES_LOST,
    FETCHES_BREAK,
    UNREADABLE_RECORDS,

    HOST_WRITES_MEANWHILE,
    ANOTHER_WORKER,
    REBUILD,
    PART_OF_THE_TABLE_ONLY,
    RETRY_ONLY,

    /** From here on each is enough to end a job. */
    QUOTA_FOR_TOO_LONG,
    OUTAGE_FOR_TOO_LONG,
    KEY_REVOKED,
    OTHER_DIMENSION_ALWAYS,
    REFUSES_EVERYTHING,
    REFUSES_EVERYTHING_LATER,
    KEY_REVOKED_IN_REWRITING,
    OUTAGE_FOR_TOO_LONG_IN_REWRITING,
    STORE_FAILS_ONCE,
    STORE_GONE,
    BUDGET,
    CANCEL,
    CRASH_SOMEWHERE,
    CRASH_AT_A_COMMAND,
    CRASH_AFTER_A_CANCEL;

    boolean endsAJob() {
        return compareTo(QUOTA_FOR_TOO_LONG) >= 0;
    }

    boolean isCrash() {
        return compareTo(CRASH_SOMEWHERE) >= 0;
    }

    boolean isOfRewriting() {
        return switch (this) {
            case CHANCE_IN_REWRITING,
                    QUOTA_IN_REWRITING,
                    OUTAGE_IN_REWRITING,
                    KEY_REVOKED_IN_REWRITING,
                    OUTAGE_FOR_TOO_LONG_IN_REWRITING -> true;
            default -> false;
        };
    }
}
