package dev.evervec.pipeline.live;

import java.time.Duration;

/**
 * How soon noted changes are looked at, and how many at a time.
 *
 * @param firstRest how long a record rests after it was embedded before a further change of it is looked at
 * @param longestRest up to this the rest doubles each time that a change comes before the record was quiet for as long once more
 * @param firstRetry after how long a record that is missing, or claimed by another worker, is looked at again
 * @param longestRetry that time doubles up to this
 * @param vanishedAfter how long a record is looked for before it counts as vanished
 * @param keysPerRun records in one run at most
 * @param keysInMind records that are thought of at a time at most; of more, the rest of some is forgotten
 */
record Pace(
        Duration firstRest,
        Duration longestRest,
        Duration firstRetry,
        Duration longestRetry,
        Duration vanishedAfter,
        int keysPerRun,
        int keysInMind) {
    static final Pace DEFAULT = new Pace(
            Duration.ofSeconds(2),
            Duration.ofMinutes(5),
            Duration.ofSeconds(1),
            Duration.ofSeconds(16),
            Duration.ofSeconds(60),
            1_000,
            10_000);
}
