package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Quotas that are used up in the middle of a build, in virtual time. */
class QuotaTest {
    private static final int RECORDS = 40;
    private static final int GOOD_CALLS = 4;

    private final ManualClock clock = new ManualClock();
    private final MemoryStore store = new MemoryStore(clock);
    private final List<Instant> calls = new ArrayList<>();

    private ScriptedProvider provider(int refusals, Fault fault) {
        FaultScript refusing = FaultScript.duringCalls(GOOD_CALLS + 1, GOOD_CALLS + refusals, fault);
        return ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(4))
                .callPolicy(new CallPolicy(0, Duration.ofSeconds(60), 1))
                .clock(clock)
                .faults((number, texts) -> {
                    calls.add(clock.instant());
                    return refusing.onEmbed(number, texts);
                })
                .build();
    }

    private BuildMachine.Ending build(ScriptedProvider provider, Duration quotaPatience) {
        BuildSettings usual = BuildSettings.DEFAULT;
        BuildSettings settings = new BuildSettings(
                usual.outagePatience(),
                usual.firstContactPatience(),
                quotaPatience,
                usual.maxAttempts(),
                usual.onTooLong(),
                null);
        List<SourceRecord> records = IntStream.range(0, RECORDS)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                .toList();
        Simulation simulation = new Simulation(
                7, clock, "job", BuildRequest.all(), InMemorySource.of(records), store, provider, null, settings);
        BuildMachine.Ending ending = simulation.run();
        assertThat(ending).isNotNull();
        return ending;
    }

    private void assertNobodyIsCharged(ScriptedProvider provider) {
        Fingerprint fingerprint = new Fingerprint(provider.model(), "");
        for (int i = 0; i < RECORDS; i++) {
            RecordTrace trace = store.explain(
                            fingerprint, SourceRecord.of("id-" + i, "x").key())
                    .orElseThrow();
            assertThat(trace.attempts()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"PT0S", "PT0.25S", "PT1S", "PT1M1S", "PT59M59S", "PT2H", "PT2H59M"})
    void theWaitThatTheServiceAsksForIsKeptToTheSecondUpToThePatience(Duration asked) {
        ScriptedProvider provider = provider(1, Fault.rateLimited(asked));

        BuildMachine.Ending ending = build(provider, Duration.ofHours(3));

        assertThat(ending.stopCause()).isNull();
        assertThat(ending.books().succeededCount()).isEqualTo(RECORDS);
        Duration waited = Duration.between(calls.get(GOOD_CALLS), calls.get(GOOD_CALLS + 1));
        // The wait begins when the refusal comes: a call takes at most half a second here, some up to 30 s.
        assertThat(waited).isBetween(asked, asked.plusSeconds(31));
        assertThat(provider.embedCalls()).isEqualTo(RECORDS / 4 + 1);
        assertNobodyIsCharged(provider);
    }

    @Test
    void waitsInARowEndWithThePatience() {
        ScriptedProvider provider = provider(1_000, Fault.rateLimited(Duration.ofMinutes(50)));

        BuildMachine.Ending ending = build(provider, Duration.ofHours(3));

        assertThat(ending.stopCause()).contains("quota_patience");
        assertThat(provider.embedCalls()).isEqualTo(GOOD_CALLS + 4);
        assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.ABORTED, 24L));
        assertNobodyIsCharged(provider);
    }

    @Test
    void aWaitLongerThanThePatienceStopsAtOnce() {
        ScriptedProvider provider = provider(1, Fault.rateLimited(Duration.ofHours(4)));

        BuildMachine.Ending ending = build(provider, Duration.ofHours(3));

        assertThat(ending.stopCause()).contains("quota_patience");
        assertThat(provider.embedCalls()).isEqualTo(GOOD_CALLS + 1);
        assertThat(Duration.between(ManualClock.START, clock.instant())).isLessThan(Duration.ofMinutes(5));
        assertNobodyIsCharged(provider);
    }

    @Test
    void aQuotaOfADayStopsAtOnceAndSaysSo() {
        ScriptedProvider provider = provider(1, Fault.dailyQuotaUsedUp());

        BuildMachine.Ending ending = build(provider, Duration.ofHours(3));

        assertThat(ending.stopCause()).contains("quota of the day").contains("tomorrow");
        assertThat(ending.books().succeededCount()).isEqualTo(GOOD_CALLS * 4L);
        assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.ABORTED, 24L));
        assertThat(provider.embedCalls()).isEqualTo(GOOD_CALLS + 1);
        assertNobodyIsCharged(provider);
    }
}
