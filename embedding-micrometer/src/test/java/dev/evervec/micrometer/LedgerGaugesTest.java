package dev.evervec.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.store.HealthStats;
import dev.evervec.pipeline.store.SourceHealth;
import dev.evervec.pipeline.store.StoreException;
import io.micrometer.core.instrument.MockClock;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleConfig;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LedgerGaugesTest {
    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");

    private final MockClock clock = new MockClock();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry(SimpleConfig.DEFAULT, clock);
    private final AtomicInteger asked = new AtomicInteger();
    private volatile @Nullable HealthStats stored = health(null, books(2));

    private static SourceHealth books(long pending) {
        return new SourceHealth("books", 9, pending, 1, 3, 4, NOW.minusSeconds(60));
    }

    private static HealthStats health(@Nullable String heldUpBy, SourceHealth... sources) {
        SourceHealth total = new SourceHealth("all", 0, 0, 0, 0, 0, null);
        return new HealthStats("7d33b963", NOW, total, List.of(sources), null, heldUpBy);
    }

    private HealthStats ask() {
        asked.incrementAndGet();
        HealthStats answer = stored;
        if (answer == null) {
            throw new StoreException(StoreException.Kind.TRANSIENT, "the store does not answer", null);
        }
        return answer;
    }

    private void watch() {
        EvervecMetrics.on(registry).watch(this::ask);
    }

    private double records(String source, String state) {
        return registry.get("evervec.records")
                .tags("source", source, "state", state)
                .gauge()
                .value();
    }

    @Test
    void everySourceHasAGaugeForEachState() {
        watch();

        assertThat(records("books", "embedded")).isEqualTo(9);
        assertThat(records("books", "pending")).isEqualTo(2);
        assertThat(records("books", "skipped")).isEqualTo(1);
        assertThat(records("books", "failed")).isEqualTo(3);
        assertThat(registry.get("evervec.records.stale").gauge().value()).isEqualTo(4);
        assertThat(registry.get("evervec.circuit.open").gauge().value()).isZero();
    }

    @Test
    void allGaugesOfAFewScrapesAskTheStoreOnce() {
        watch();

        for (int scrape = 0; scrape < 3; scrape++) {
            registry.getMeters().forEach(meter -> meter.measure().forEach(one -> one.getValue()));
        }
        assertThat(asked).hasValue(1);
        stored = health(null, books(0));
        clock.add(Duration.ofSeconds(5));

        assertThat(records("books", "pending")).isZero();
        assertThat(records("books", "embedded")).isEqualTo(9);
        assertThat(asked).hasValue(2);
    }

    @Test
    void theOldestAgeGoesOnWhileAnAnswerIsKept() {
        watch();

        clock.add(Duration.ofSeconds(4));

        assertThat(registry.get("evervec.pending.oldest.age").gauge().value()).isEqualTo(64);
        assertThat(asked).hasValue(1);
    }

    @Test
    void nothingPendingIsNoAge() {
        stored = health(null, new SourceHealth("books", 9, 0, 1, 3, 4, null));

        watch();

        assertThat(registry.get("evervec.pending.oldest.age").gauge().value()).isZero();
    }

    @Test
    void aStoreThatFailsLeavesGaugesWithoutAValueUntilItAnswersAgain() {
        watch();
        stored = null;
        clock.add(Duration.ofSeconds(5));

        assertThat(records("books", "pending")).isNaN();
        assertThat(registry.get("evervec.pending.oldest.age").gauge().value()).isNaN();
        assertThat(registry.get("evervec.circuit.open").gauge().value()).isNaN();
        assertThat(asked).as("a store that fails is not asked more often").hasValue(2);

        stored = health("openai: 503", books(7));
        clock.add(Duration.ofSeconds(5));

        assertThat(records("books", "pending")).isEqualTo(7);
        assertThat(registry.get("evervec.circuit.open").gauge().value()).isEqualTo(1);
    }

    @Test
    void aStoreThatFailsAtFirstDoesNotFailTheHostsStart() {
        stored = null;

        watch();

        assertThat(registry.get("evervec.circuit.open").gauge().value()).isNaN();
        stored = health(null, books(7));
        clock.add(Duration.ofSeconds(5));
        assertThat(registry.get("evervec.circuit.open").gauge().value()).isZero();
        assertThat(records("books", "pending")).isEqualTo(7);
    }

    @Test
    void aSourceThatComesLaterIsFoundAndOneThatIsGoneIsZero() {
        watch();
        stored = health(null, new SourceHealth("films", 1, 0, 0, 0, 0, null));
        clock.add(Duration.ofSeconds(5));

        assertThat(records("books", "embedded")).isZero();
        assertThat(records("films", "embedded")).isEqualTo(1);
    }

    @Test
    void aScrapeThatComesWhileAnotherAsksGoesOnWithWhatWasThereBefore() throws Exception {
        CountDownLatch isAsking = new CountDownLatch(1);
        CountDownLatch mayAnswer = new CountDownLatch(1);
        watchSlowly(isAsking, mayAnswer);
        stored = health(null, books(7));
        clock.add(Duration.ofSeconds(5));

        CompletableFuture<Double> first = CompletableFuture.supplyAsync(() -> records("books", "pending"));
        assertThat(isAsking.await(10, TimeUnit.SECONDS)).isTrue();
        double second = records("books", "pending");
        mayAnswer.countDown();

        assertThat(second).isEqualTo(2);
        assertThat(first.get(10, TimeUnit.SECONDS)).isEqualTo(7);
    }

    /** Every answer but the first waits to be let go. */
    private void watchSlowly(CountDownLatch isAsking, CountDownLatch mayAnswer) {
        EvervecMetrics.on(registry).watch(() -> {
            HealthStats answer = ask();
            if (asked.get() > 1) {
                isAsking.countDown();
                await(mayAnswer);
            }
            return answer;
        });
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void prometheusScrapesThemAndFindsANewSourceWhileScraping() {
        PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        new LedgerGauges(prometheus, Tags.empty(), this::ask, Duration.ZERO).register();

        assertThat(prometheus.scrape())
                .contains(
                        "evervec_records{source=\"books\",state=\"pending\"} 2.0",
                        "evervec_pending_oldest_age_seconds{source=\"books\"} 60.",
                        "evervec_circuit_open 0.0")
                .doesNotContain("films");
        stored = health(null, books(2), new SourceHealth("films", 1, 0, 0, 0, 0, null));
        prometheus.scrape();

        assertThat(prometheus.scrape()).contains("evervec_records{source=\"films\",state=\"embedded\"} 1.0");
    }
}
