package dev.evervec.pipeline.live;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What waits in an outbox.
 *
 * @param rows how many rows; several may be of one record
 * @param oldest when the oldest of them was noted, by the host's clock, or null if there is none
 */
public record Backlog(long rows, @Nullable Instant oldest) {}
