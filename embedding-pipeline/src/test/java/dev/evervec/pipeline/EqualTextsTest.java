package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Equal texts are paid for once, whichever records have them. */
class EqualTextsTest {
    private final ManualClock clock = new ManualClock();
    private final MemoryStore store = new MemoryStore(clock);
    private int jobs;

    private static ScriptedProvider provider(FaultScript faults) {
        return ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(16))
                .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 4))
                .faults(faults)
                .build();
    }

    private Simulation job(BuildRequest request, List<SourceRecord> records, ScriptedProvider provider) {
        return new Simulation(
                jobs,
                clock,
                "job-" + ++jobs,
                request,
                InMemorySource.of(records),
                store,
                provider,
                null,
                BuildSettings.DEFAULT);
    }

    private BuildMachine.Ending run(BuildRequest request, List<SourceRecord> records, ScriptedProvider provider) {
        Simulation job = job(request, records, provider);
        BuildMachine.Ending ending = Objects.requireNonNull(job.run());
        Endings.assertBooksBalance(job, ending);
        return ending;
    }

    private static SourceRecord record(String source, int id, int text) {
        return SourceRecord.of(source, "id-" + id, null, "text number " + text);
    }

    private void assertEveryVectorIsRight(List<SourceRecord> records, ScriptedProvider provider) {
        List<RecordKey> stored = new ArrayList<>();
        store.forEachVector(new Fingerprint(provider.model(), ""), null, vector -> {
            stored.add(vector.key());
            SourceRecord record = records.stream()
                    .filter(one -> one.key().equals(vector.key()))
                    .findFirst()
                    .orElseThrow();
            assertThat(vector.embedding()).isEqualTo(provider.vectorOf(record.content()));
        });
        assertThat(stored).hasSameSizeAs(records);
    }

    @Test
    void aCorpusWithThirtyPercentDuplicatesCostsThirtyPercentLess() {
        List<SourceRecord> distinct =
                IntStream.range(0, 1000).mapToObj(i -> record("s", i, 1000 + i)).toList();
        List<SourceRecord> records = IntStream.range(0, 1000)
                .mapToObj(i -> record("s", i, 1000 + i % 700))
                .toList();
        ScriptedProvider provider = provider(FaultScript.none());
        long without = new EqualTextsTest()
                .run(BuildRequest.all(), distinct, provider(FaultScript.none()))
                .calls()
                .usage()
                .totalTokens();

        BuildMachine.Ending ending = run(BuildRequest.all(), records, provider);

        assertThat(ending.books().succeededCount()).isEqualTo(1000);
        assertThat(ending.calls().usage().totalTokens()).isLessThanOrEqualTo(without * 70 / 100);
        assertThat(provider.timesSent().values()).allMatch(times -> times == 1);
        assertEveryVectorIsRight(records, provider);
    }

    @Test
    void anotherSourceInALaterJobIsAnsweredByTheStore() {
        ScriptedProvider provider = provider(FaultScript.none());
        List<SourceRecord> first =
                IntStream.range(0, 100).mapToObj(i -> record("a", i, i)).toList();
        run(BuildRequest.all(), first, provider);
        int calls = provider.embedCalls();
        List<SourceRecord> both = new ArrayList<>(first);
        IntStream.range(0, 100).mapToObj(i -> record("b", i, 99 - i)).forEach(both::add);

        BuildMachine.Ending ending = run(BuildRequest.all(), both, provider);

        assertThat(ending.books().succeededCount()).isEqualTo(100);
        assertThat(provider.embedCalls()).isEqualTo(calls);
        assertEveryVectorIsRight(both, provider);
    }

    @Test
    void aTextThatIsOnlyDressedDifferentlyIsNotPaidForAgain() {
        ScriptedProvider provider = provider(FaultScript.none());
        run(BuildRequest.all(), List.of(SourceRecord.of("1", "one text")), provider);

        BuildMachine.Ending ending =
                run(BuildRequest.all(), List.of(SourceRecord.of("1", "<p>one <b>text</b></p>")), provider);

        assertThat(ending.books().succeededCount()).isEqualTo(1);
        assertThat(provider.embedCalls()).isEqualTo(1);
    }

    @Test
    void equalTextsShareARefusalWithoutAskingAgain() {
        ScriptedProvider provider = provider(FaultScript.badTexts(text -> text.endsWith(" 7")));
        List<SourceRecord> records =
                IntStream.range(0, 200).mapToObj(i -> record("s", i, i % 20)).toList();

        BuildMachine.Ending ending = run(BuildRequest.all(), records, provider);

        assertThat(ending.books().of(Reason.Kind.FAILED)).containsEntry(Reason.EMBED_PERMANENT, 10L);
        assertThat(ending.books().succeededCount()).isEqualTo(190);
        assertThat(provider.timesSent("text number 7")).isLessThanOrEqualTo(4); // 16, 4 and 1 texts, one spare
    }

    @Test
    void aRebuildUsesNoOlderVectorAndSendsEqualTextsOnce() {
        ScriptedProvider provider = provider(FaultScript.none());
        List<SourceRecord> records =
                IntStream.range(0, 100).mapToObj(i -> record("s", i, i % 50)).toList();
        run(BuildRequest.all(), records, provider);

        BuildMachine.Ending ending = run(BuildRequest.all().rebuild(), records, provider);

        assertThat(ending.books().succeededCount()).isEqualTo(100);
        assertThat(provider.timesSent().values()).allMatch(times -> times == 2);
    }

    @Test
    void aKilledRebuildIsCarriedOnByAPlainBuildWithoutAnythingOlder() {
        ScriptedProvider provider = provider(FaultScript.none());
        List<SourceRecord> records =
                IntStream.range(0, 200).mapToObj(i -> record("s", i, i)).toList();
        run(BuildRequest.all(), records, provider);
        Simulation killed = job(BuildRequest.all().rebuild(), records, provider)
                .crashAt(new Simulation.CrashPoint(Command.Commit.class, Simulation.CrashPoint.Side.AFTER, 3));
        assertThat(killed.run()).isNull();
        store.killRunningJob();

        BuildMachine.Ending ending = run(BuildRequest.all(), records, provider);

        assertThat(ending.books().succeededCount()).isBetween(1L, 199L);
        Fingerprint fingerprint = new Fingerprint(provider.model(), "");
        for (SourceRecord record : records) {
            RecordTrace trace = store.explain(fingerprint, record.key()).orElseThrow();
            assertThat(Objects.requireNonNull(trace.vector()).jobId()).isIn("job-2", "job-3");
            assertThat(provider.timesSent(record.content())).isGreaterThanOrEqualTo(2);
        }
    }
}
