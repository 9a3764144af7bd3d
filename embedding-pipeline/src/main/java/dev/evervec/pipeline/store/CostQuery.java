package dev.evervec.pipeline.store;

import java.time.Instant;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;

/**
 * Which calls to add up, and how.
 *
 * @param from calls from then on, or null from the first on
 * @param to calls before then, or null to the last
 * @param zone where days begin
 */
public record CostQuery(@Nullable Instant from, @Nullable Instant to, ZoneId zone) {}
