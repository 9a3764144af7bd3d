package dev.evervec.pipeline.store;

import org.jspecify.annotations.Nullable;

/** What a scan covered. */
public sealed interface ScanScope {
    /**
     * Every record of a source, or of all sources.
     *
     * @param source the source, or null for all
     */
    record Complete(@Nullable String source) implements ScanScope {}

    /** Some records only: filtered, given ids, broken off, or with unreadable ones among them. */
    record Partial() implements ScanScope {}
}
