package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Whole jobs over texts that occur many times. */
class RewritesBoughtOnceTest {
    private static final int RECORDS = 400;
    private static final int TEXTS = 20;

    private final ManualClock clock = new ManualClock();
    private final FaultyStore store = new FaultyStore(new MemoryStore(clock));
    private final List<SourceRecord> records = IntStream.range(0, RECORDS)
            .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i % TEXTS))
            .toList();
    private final ScriptedProvider rewriter = ScriptedProvider.builder()
            .model("rewriter")
            .capabilities(Capability.REWRITE)
            .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 5))
            .build();

    private BuildMachine.Ending run(long seed, String model) {
        ScriptedProvider embedder = ScriptedProvider.builder()
                .model(model)
                .limits(ProviderLimits.ofTexts(7))
                .build();
        BuildMachine.Ending ending = new Simulation(
                        seed,
                        clock,
                        "job-" + seed + model,
                        BuildRequest.all(),
                        new FaultySource(records, 30),
                        store,
                        embedder,
                        rewriter,
                        BuildSettings.DEFAULT)
                .run();
        assertThat(ending).isNotNull();
        assertThat(ending.books().total()).isEqualTo(ending.totalPending());
        return ending;
    }

    @Test
    void equalTextsBuyOneRewriteInWhateverOrderThingsHappen() {
        for (long seed = 0; seed < 50; seed++) {
            BuildMachine.Ending ending = run(seed, "model-" + seed);

            assertThat(ending.books().succeededCount()).as("seed " + seed).isEqualTo(RECORDS);
            assertThat(rewriter.rewriteCalls()).as("seed " + seed).isEqualTo(TEXTS);
        }
    }

    @Test
    void aRefusedRewriteIsTheOutcomeOfEveryRecordWithItsText() {
        rewriter.setFaults(FaultScript.onRewrites(prompt -> prompt.endsWith(" 5"), Fault.refusal()));

        BuildMachine.Ending ending = run(1, "model");

        assertThat(ending.books().of(Reason.Kind.SKIPPED))
                .isEqualTo(Map.of(Reason.REWRITE_ERROR, (long) RECORDS / TEXTS));
        assertThat(ending.books().succeededCount()).isEqualTo(RECORDS - RECORDS / TEXTS);
    }

    @Test
    void aRewriteThatCannotBeLookedUpIsNotBoughtAndItsRecordStaysPending() {
        int[] lookUps = {0};
        store.setFaults((call, method) ->
                method == FaultyStore.Method.LOOK_UP && ++lookUps[0] == 5 ? StoreException.Kind.PERMANENT : null);

        BuildMachine.Ending ending = run(1, "model");
        assertThat(ending.books().sum(Reason.Kind.FAILED)).isPositive();
        assertThat(ending.books().of(Reason.Kind.FAILED)).containsOnlyKeys(Reason.STORE_ERROR);
        store.setFaults((call, method) -> null);
        run(2, "model");

        assertThat(rewriter.rewriteCalls()).isEqualTo(TEXTS);
    }

    @Test
    void aStoreThatCannotBeAskedForAMomentIsAskedAgain() {
        for (int failing = 1; failing <= 12; failing++) {
            int from = failing;
            int[] lookUps = {0};
            store.setFaults((call, method) ->
                    method == FaultyStore.Method.LOOK_UP && ++lookUps[0] >= from && lookUps[0] < from + 4
                            ? StoreException.Kind.TRANSIENT
                            : null);

            BuildMachine.Ending ending = run(failing, "model-" + failing);

            assertThat(ending.books().succeededCount()).isEqualTo(RECORDS);
        }
        assertThat(rewriter.rewriteCalls()).isEqualTo(TEXTS);
    }
}
