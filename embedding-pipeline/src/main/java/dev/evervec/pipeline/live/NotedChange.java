package dev.evervec.pipeline.live;

import java.time.Instant;
import java.util.Objects;

/**
 * A row of an outbox.
 *
 * @param seq its number; numbers ascend, with gaps, and rows may become visible out of their order
 * @param change what the host noted
 * @param notedAt when, by the host's clock
 */
public record NotedChange(long seq, Change change, Instant notedAt) {
    public NotedChange {
        Objects.requireNonNull(change, "change");
        Objects.requireNonNull(notedAt, "notedAt");
    }
}
