package dev.evervec.micrometer;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.Wait;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Adds up what the progress of jobs tells: progress has the sums of one job, counters go on over all of them. Jobs may run
 * beside each other; each has its own thread.
 */
final class JobMeters {
    private final MeterRegistry registry;
    private final Tags common;
    private final Counter splits;
    private final Map<String, Seen> seen = new ConcurrentHashMap<>();

    /** What of a job is in the counters already. */
    private record Seen(long splits, Map<Wait, Duration> waited) {
        static final Seen NOTHING = new Seen(0, Map.of());
    }

    JobMeters(MeterRegistry registry, Tags common) {
        this.registry = registry;
        this.common = common;
        this.splits = Counter.builder(Names.SPLITS)
                .description("Requests that were split, to find the texts that a provider refuses")
                .tags(common)
                .register(registry);
        for (Wait cause : Wait.values()) {
            waits(cause);
        }
    }

    private Counter waits(Wait cause) {
        return Counter.builder(Names.WAITS)
                .description("How long nothing got through to a provider")
                .baseUnit("seconds")
                .tags(common.and(Names.CAUSE, cause.code()))
                .register(registry);
    }

    void begin(String jobId) {
        seen.put(jobId, Seen.NOTHING);
    }

    void count(BuildProgress progress) {
        Seen now = new Seen(progress.splits(), progress.waited());
        Seen before = seen.put(progress.jobId(), now);
        Seen counted = before == null ? Seen.NOTHING : before;
        splits.increment((double) Math.max(0, now.splits() - counted.splits()));
        now.waited().forEach((cause, waited) -> {
            Duration more = waited.minus(counted.waited().getOrDefault(cause, Duration.ZERO));
            waits(cause).increment(Math.max(0, more.toMillis() / 1000.0));
        });
    }

    void end(String jobId) {
        seen.remove(jobId);
    }
}
