package dev.evervec.pipeline;

import java.time.Duration;

/**
 * How long a job that is to stop waits for whom. Nobody can make it wait for ever.
 *
 * @param grace for calls in flight, whose answers are paid for; then they are cut
 * @param afterCut after that, for calls that do not heed being cut and for a source that does not answer; then they are let go
 * @param store for one command to the store; then the store is given up
 * @param listeners at the end, for listeners that have not heard everything yet; they may go on beside the caller
 */
record StopPatience(Duration grace, Duration afterCut, Duration store, Duration listeners) {
    static final StopPatience DEFAULT = new StopPatience(
            Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(1), Duration.ofSeconds(2));
}
