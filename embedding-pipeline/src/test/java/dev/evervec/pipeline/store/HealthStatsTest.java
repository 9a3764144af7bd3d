package dev.evervec.pipeline.store;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.config.HealthSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class HealthStatsTest {
    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05.678Z");
    private static final SourceHealth BOOKS = new SourceHealth("books", 9, 2, 1, 3, 4, NOW.minusSeconds(60));
    private static final SourceHealth FILMS = new SourceHealth("films", 3, 5, 0, 1, 0, NOW.minusSeconds(90));
    private static final SourceHealth PLAYS = new SourceHealth("plays", 0, 0, 7, 0, 0, null);

    private static HealthStats health(List<SourceHealth> sources) {
        return health(sources, null, null);
    }

    private static HealthStats health(List<SourceHealth> sources, @Nullable JobInfo last, @Nullable JobInfo live) {
        return HealthStats.of("7d33b963", NOW, sources, last, live);
    }

    private static JobInfo job(String id, JobState state, @Nullable String heldUpBy) {
        Instant ended = state == JobState.RUNNING ? null : NOW.minusSeconds(1);
        return new JobInfo(
                id,
                JobScope.ALL,
                "7d33b963",
                state,
                NOW.minusSeconds(9),
                ended,
                0,
                Map.of(),
                0,
                0,
                0,
                null,
                state == JobState.RUNNING ? 1 : 0,
                heldUpBy,
                false,
                null);
    }

    private static HealthSettings thresholds(
            @Nullable Integer failed,
            @Nullable Integer pending,
            @Nullable Integer stale,
            @Nullable Duration oldest,
            @Nullable Double rate) {
        return new HealthSettings(
                optional(failed),
                optional(pending),
                optional(stale),
                oldest,
                rate == null ? OptionalDouble.empty() : OptionalDouble.of(rate));
    }

    private static OptionalInt optional(@Nullable Integer number) {
        return number == null ? OptionalInt.empty() : OptionalInt.of(number);
    }

    @Test
    void theTotalAddsUpTheSourcesAndHasTheOldestPendingOfThemAll() {
        SourceHealth total = health(List.of(BOOKS, FILMS, PLAYS)).total();

        assertThat(total).isEqualTo(new SourceHealth("all", 12, 7, 8, 4, 4, NOW.minusSeconds(90)));
        assertThat(total.successRate()).isEqualTo(0.75);
        assertThat(total.oldestPendingAge(NOW)).isEqualTo(Duration.ofSeconds(90));
    }

    @Test
    void withoutEmbeddedOrFailedRecordsThereIsNoSuccessRate() {
        assertThat(health(List.of()).total().successRate()).isNull();
        assertThat(PLAYS.successRate()).isNull();
        assertThat(new SourceHealth("all", 0, 0, 0, 2, 0, null).successRate()).isZero();
    }

    @Test
    void aClockThatJumpedBackGivesNoNegativeAge() {
        assertThat(BOOKS.oldestPendingAge(NOW.minusSeconds(3600))).isEqualTo(Duration.ZERO);
    }

    @Test
    void oneSourceAloneIsItsOwnTotal() {
        HealthStats all = health(List.of(BOOKS, FILMS));

        HealthStats films = all.only("films").orElseThrow();

        assertThat(films.sources()).containsExactly(FILMS);
        assertThat(films.total().pending()).isEqualTo(5);
        assertThat(films.breaches(thresholds(2, null, null, null, null))).isEmpty();
        assertThat(all.only("plays")).isEmpty();
    }

    @Test
    void aCircuitIsOpenWhileARunningJobSaysSoWhicheverOfTheTwo() {
        JobInfo held = job("b1", JobState.RUNNING, "openai: 503");
        JobInfo running = job("b2", JobState.RUNNING, null);
        JobInfo dead = job("b3", JobState.INTERRUPTED, "openai: 503");

        assertThat(health(List.of(BOOKS), held, null).heldUpBy()).isEqualTo("openai: 503");
        assertThat(health(List.of(BOOKS), running, held).heldUpBy()).isEqualTo("openai: 503");
        assertThat(health(List.of(BOOKS), held, running).circuitOpen()).isTrue();
        assertThat(health(List.of(BOOKS), running, dead).circuitOpen()).isFalse();
        assertThat(health(List.of(BOOKS)).circuitOpen()).isFalse();
    }

    @Test
    void everyThresholdThatIsPassedIsNamedWithItsLimitAndItsFigure() {
        HealthSettings strict = thresholds(0, 1, 0, Duration.ofSeconds(59), 0.9);

        assertThat(health(List.of(BOOKS)).breaches(strict))
                .containsExactly(
                        "3 records are failed, max_failed is 0",
                        "2 records are pending, max_pending is 1",
                        "4 records are stale, max_stale is 0",
                        "the oldest pending record has waited 60 s, max_oldest_pending is 59 s",
                        "the success rate is 0.75, min_success_rate is 0.9");
    }

    @Test
    void aSuccessRateIsShownRoundedDownSoThatItNeverLooksLikeMore() {
        SourceHealth almost = new SourceHealth("books", 999_999, 0, 0, 1, 0, null);

        assertThat(health(List.of(almost)).breaches(thresholds(null, null, null, null, 1.0)))
                .containsExactly("the success rate is 0.9999, min_success_rate is 1.0");
    }

    @Test
    void aThresholdThatIsJustReachedIsNotPassed() {
        HealthSettings exact = thresholds(3, 2, 4, Duration.ofSeconds(60), 0.75);

        assertThat(health(List.of(BOOKS)).breaches(exact)).isEmpty();
        assertThat(health(List.of(PLAYS)).breaches(thresholds(0, 0, 0, Duration.ZERO, 1.0)))
                .as("nothing pending and nothing tried")
                .isEmpty();
        assertThat(health(List.of(BOOKS)).breaches(HealthSettings.NONE)).isEmpty();
    }

    @Test
    void jsonHasEverythingAndNullForWhatIsNotKnown() throws Exception {
        HealthSettings thresholds = thresholds(2, null, null, null, null);

        JsonNode json = new ObjectMapper()
                .readTree(health(List.of(BOOKS, PLAYS), job("b1", JobState.COMPLETED, null), null)
                        .toJson(thresholds));
        JsonNode nothing = new ObjectMapper().readTree(health(List.of()).toJson(thresholds));

        assertThat(json.get("healthy").asBoolean()).isFalse();
        assertThat(json.get("breaches")).hasSize(1);
        assertThat(json.at("/sources/0/oldest_pending_age_secs").asDouble()).isEqualTo(60);
        assertThat(json.at("/sources/0/oldest_pending").asText()).isEqualTo("2026-01-02T03:03:05.678Z");
        assertThat(json.at("/sources/1/success_rate").isNull()).isTrue();
        assertThat(json.at("/total/completed").asLong()).isEqualTo(9);
        assertThat(json.at("/last_run/state").asText()).isEqualTo("completed");
        assertThat(nothing.get("last_run").isNull()).isTrue();
        assertThat(nothing.get("held_up_by").isNull()).isTrue();
        assertThat(nothing.get("healthy").asBoolean()).isTrue();
    }
}
