package dev.evervec.micrometer;

import dev.evervec.pipeline.store.HealthStats;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.SourceHealth;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gauges over the ledger. A scrape reads dozens of them and several scrapers may come at once, so an answer of the store is
 * kept for a while, one thread asks at a time, and the others go on with what was there before.
 */
final class LedgerGauges {
    private static final Logger log = LoggerFactory.getLogger(LedgerGauges.class);

    private final MeterRegistry registry;
    private final Tags common;
    private final Supplier<HealthStats> store;
    private final Duration keptFor;
    private final Clock clock;

    private final ReentrantLock asking = new ReentrantLock();
    private final Set<String> sources = new HashSet<>(); // guarded by asking
    private boolean failing; // guarded by asking
    private volatile Answer latest;

    /** What the store said, null if it failed, and when that was by the registry's clock. */
    private record Answer(@Nullable HealthStats health, long atNanos) {}

    LedgerGauges(MeterRegistry registry, Tags common, Supplier<HealthStats> store, Duration keptFor) {
        this.registry = registry;
        this.common = common;
        this.store = store;
        this.keptFor = keptFor;
        this.clock = registry.config().clock();
        this.latest = new Answer(null, clock.monotonicTime() - keptFor.toNanos());
    }

    /** Asks for the first time, to know the sources; those that come later are found by a scrape. */
    void register() {
        gauge(Names.CIRCUIT_OPEN, "1 while a running job gets nothing through to a provider", common, null, answer -> {
            HealthStats health = answer.health();
            return health == null ? Double.NaN : health.circuitOpen() ? 1 : 0;
        });
        latest();
    }

    private Answer latest() {
        if (isOld(latest) && asking.tryLock()) {
            try {
                if (isOld(latest)) {
                    ask();
                }
            } finally {
                asking.unlock();
            }
        }
        return latest;
    }

    private boolean isOld(Answer answer) {
        return clock.monotonicTime() - answer.atNanos() >= keptFor.toNanos();
    }

    private void ask() {
        HealthStats health = health();
        latest = new Answer(health, clock.monotonicTime());
        if (health != null) {
            health.sources().stream()
                    .map(SourceHealth::source)
                    .filter(sources::add)
                    .forEach(this::register);
        }
    }

    private @Nullable HealthStats health() {
        try {
            HealthStats health = store.get();
            failing = false;
            return health;
        } catch (RuntimeException e) {
            if (!failing) {
                failing = true;
                log.warn("the gauges of the ledger have no values until the store answers again: {}", e.toString());
            }
            return null;
        }
    }

    private void register(String source) {
        Tags tags = common.and(Names.SOURCE, source);
        state(RecordState.EMBEDDED, source, tags, SourceHealth::embedded);
        state(RecordState.PENDING, source, tags, SourceHealth::pending);
        state(RecordState.SKIPPED, source, tags, SourceHealth::skipped);
        state(RecordState.FAILED, source, tags, SourceHealth::failed);
        gauge(
                Names.STALE,
                "Records that have a vector, but not of their current text",
                tags,
                null,
                answer -> of(source, answer, SourceHealth::stale));
        gauge(
                Names.OLDEST_PENDING,
                "How long the oldest pending record has been pending; 0 if none is",
                tags,
                "seconds",
                answer -> oldestPendingAge(source, answer));
    }

    private void state(RecordState state, String source, Tags tags, ToDoubleFunction<SourceHealth> count) {
        gauge(
                Names.RECORDS,
                "Records by state",
                tags.and(Names.STATE, state.code()),
                null,
                answer -> of(source, answer, count));
    }

    private void gauge(
            String name, String description, Tags tags, @Nullable String unit, ToDoubleFunction<Answer> value) {
        Gauge.builder(name, () -> value.applyAsDouble(latest()))
                .description(description)
                .baseUnit(unit)
                .tags(tags)
                .register(registry);
    }

    /** Not a number while the store fails; 0 for a source that is gone. */
    private static double of(String source, Answer answer, ToDoubleFunction<SourceHealth> figure) {
        HealthStats health = answer.health();
        return health == null
                ? Double.NaN
                : health.sources().stream()
                        .filter(one -> one.source().equals(source))
                        .mapToDouble(figure)
                        .sum();
    }

    /** Goes on growing while an answer is kept. */
    private double oldestPendingAge(String source, Answer answer) {
        HealthStats health = answer.health();
        if (health == null) {
            return Double.NaN;
        }
        Duration since = Duration.ofNanos(clock.monotonicTime() - answer.atNanos());
        return of(source, answer, one -> {
            Duration age = one.oldestPendingAge(health.asOf());
            return age == null ? 0 : age.plus(since).toMillis() / 1000.0;
        });
    }
}
