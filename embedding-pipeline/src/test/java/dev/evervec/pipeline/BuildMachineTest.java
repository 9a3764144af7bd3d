package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The state machine with real hands in virtual time. */
class BuildMachineTest {
    private final ManualClock clock = new ManualClock();
    private final MemoryStore store = new MemoryStore(clock);
    private long seed = 1;
    private int jobs;
    private BuildSettings settings = BuildSettings.DEFAULT;

    private static List<SourceRecord> records(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> SourceRecord.of("s" + i % 3, "id-" + i, null, "text number " + i))
                .toList();
    }

    private static ScriptedProvider provider(int maxTexts, FaultScript faults) {
        return ScriptedProvider.builder()
                .dimension(8)
                .limits(ProviderLimits.ofTexts(maxTexts))
                .callPolicy(new CallPolicy(3, Duration.ofSeconds(60), 4))
                .faults(faults)
                .build();
    }

    private static ScriptedProvider rewriter(FaultScript faults) {
        return ScriptedProvider.builder()
                .model("rewriter")
                .capabilities(Capability.REWRITE)
                .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 5))
                .faults(faults)
                .build();
    }

    private Simulation simulation(
            BuildRequest request,
            List<SourceRecord> records,
            ScriptedProvider provider,
            @Nullable ScriptedProvider rewriter) {
        return new Simulation(
                seed++,
                clock,
                "job-" + ++jobs,
                request,
                InMemorySource.of(records),
                store,
                provider,
                rewriter,
                settings);
    }

    private BuildMachine.Ending run(List<SourceRecord> records, ScriptedProvider provider) {
        return ended(simulation(BuildRequest.all(), records, provider, null));
    }

    private static BuildMachine.Ending ended(Simulation simulation) {
        BuildMachine.Ending ending = simulation.run();
        assertThat(ending).isNotNull();
        Endings.assertBooksBalance(simulation, ending);
        assertThat(ending.books().of(Reason.Kind.SKIPPED)).doesNotContainKey(Reason.SUPERSEDED);
        return ending;
    }

    /** The oracle: each stored vector is the function of its record's text. */
    private void assertEveryVectorIsRight(List<SourceRecord> records, ScriptedProvider provider, int expected) {
        Map<String, String> texts = new HashMap<>();
        records.forEach(
                record -> texts.put(record.key().toString(), TextPreparer.prepare(record.title(), record.content())));
        List<StoredVector> vectors = new ArrayList<>();
        store.forEachVector(new Fingerprint(provider.model(), ""), null, vectors::add);
        assertThat(vectors).hasSize(expected);
        for (StoredVector vector : vectors) {
            assertThat(vector.embedding())
                    .isEqualTo(provider.vectorOf(texts.get(vector.key().toString())));
        }
    }

    @Nested
    class WithoutFaults {
        @Test
        void everyRecordGetsItsVectorInFullRequests() {
            ScriptedProvider provider = provider(32, FaultScript.none());

            BuildMachine.Ending ending = run(records(1000), provider);

            assertThat(ending.state()).isEqualTo(JobState.COMPLETED);
            assertThat(ending.books().succeededCount()).isEqualTo(1000);
            assertEveryVectorIsRight(records(1000), provider, 1000);
            assertThat(provider.embedCalls()).isBetween(32, 36);
            assertThat(ending.calls().requests()).isEqualTo(provider.embedCalls());
        }

        @Test
        void aSecondJobHasNothingToDoAndWritesNothing() {
            ScriptedProvider provider = provider(32, FaultScript.none());
            run(records(100), provider);
            int calls = provider.embedCalls();
            long writes = store.writes();

            BuildMachine.Ending ending = run(records(100), provider);

            assertThat(ending.totalPending()).isZero();
            assertThat(provider.embedCalls()).isEqualTo(calls);
            assertThat(store.writes()).isEqualTo(writes);
        }

        @Test
        void onlyAChangedTextIsSentAgain() {
            ScriptedProvider provider = provider(32, FaultScript.none());
            List<SourceRecord> records = new ArrayList<>(records(100));
            run(records, provider);
            records.set(7, SourceRecord.of("s1", "id-7", null, "another text"));

            BuildMachine.Ending ending = run(records, provider);

            assertThat(ending.books().succeededCount()).isEqualTo(1);
            assertThat(provider.timesSent("another text")).isEqualTo(1);
            assertEveryVectorIsRight(records, provider, 100);
        }

        @Test
        void textsThatFillTheMemoryAllowedStillGoInSeveralRequestsAtATime() {
            List<SourceRecord> records = IntStream.range(1000, 1200)
                    .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                    .toList();
            ScriptedProvider provider = provider(8, FaultScript.none());
            long bytesOfTwenty = 20L * "text number 1000".length();
            Simulation simulation = new Simulation(
                    seed,
                    clock,
                    "job",
                    BuildRequest.all(),
                    InMemorySource.of(records),
                    store,
                    provider,
                    null,
                    settings,
                    bytesOfTwenty);

            BuildMachine.Ending ending = ended(simulation);

            assertThat(ending.books().succeededCount()).isEqualTo(200);
            assertThat(simulation.watch().mostRequests()).isGreaterThanOrEqualTo(3);
        }

        @Test
        void rebuildSendsEverythingAgain() {
            ScriptedProvider provider = provider(32, FaultScript.none());
            run(records(50), provider);

            BuildMachine.Ending ending = ended(simulation(BuildRequest.all().rebuild(), records(50), provider, null));

            assertThat(ending.books().succeededCount()).isEqualTo(50);
            assertThat(provider.timesSent("text number 3")).isEqualTo(2);
        }

        @Test
        void aRequestTakesOnlyWhatItSelects() {
            ScriptedProvider provider = provider(32, FaultScript.none());

            BuildMachine.Ending filtered =
                    ended(simulation(BuildRequest.all().filter("id-1"), records(30), provider, null));
            BuildMachine.Ending ids =
                    ended(simulation(BuildRequest.all().ids(List.of("id-2", "nowhere")), records(30), provider, null));
            BuildMachine.Ending source =
                    ended(simulation(BuildRequest.all().source("s0"), records(30), provider, null));

            assertThat(filtered.books().succeededCount()).isEqualTo(11);
            assertThat(ids.books().succeededCount()).isEqualTo(1);
            assertThat(ids.notes()).singleElement().asString().contains("nowhere");
            assertThat(source.books().succeededCount()).isEqualTo(7);
        }

        @Test
        void recordsWithoutTextAreSkippedAndNamed() {
            List<SourceRecord> records =
                    List.of(SourceRecord.of("a", "text"), SourceRecord.of("b", "<p></p>"), SourceRecord.of("c", "  "));
            Simulation simulation = simulation(BuildRequest.all(), records, provider(32, FaultScript.none()), null);

            BuildMachine.Ending ending = ended(simulation);

            assertThat(ending.totalPending()).isEqualTo(2);
            assertThat(ending.books().of(Reason.Kind.SKIPPED)).isEqualTo(Map.of(Reason.EMPTY_CONTENT, 1L));
            assertThat(simulation.told).singleElement().satisfies(outcome -> {
                assertThat(outcome.key().id()).isEqualTo("b");
                assertThat(outcome.reason()).isEqualTo(Reason.EMPTY_CONTENT);
            });
            assertThat(ending.state()).isEqualTo(JobState.COMPLETED);
        }

        @Test
        void aSourceOfWhichEveryTextIsRefusedIsLeftAloneAfterItsAttempts() {
            ScriptedProvider provider = provider(16, FaultScript.badTexts(text -> text.startsWith("text")));
            for (int attempt = 1; attempt <= 3; attempt++) {
                BuildMachine.Ending ending = run(records(100), provider);

                assertThat(ending.state()).isEqualTo(JobState.FAILED);
                assertThat(ending.stopCause()).isNull();
                assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.EMBED_PERMANENT, 100L));
            }
            int calls = provider.embedCalls();

            BuildMachine.Ending ending = run(records(100), provider);

            assertThat(ending.totalPending()).isZero();
            assertThat(provider.embedCalls()).isEqualTo(calls);
            assertThat(ending.notes()).anyMatch(note -> note.contains("failed 3 times"));
        }

        @Test
        void textsThatAServiceFindsTooLongAreTruncatedWhenThatIsWanted() {
            settings = new BuildSettings(
                    settings.outagePatience(),
                    settings.firstContactPatience(),
                    settings.quotaPatience(),
                    settings.maxAttempts(),
                    BuildSettings.TooLong.TRUNCATE,
                    null);
            List<SourceRecord> records = new ArrayList<>(records(40));
            records.set(7, SourceRecord.of("s1", "id-7", null, "word ".repeat(200)));
            // The service accepts less than its limits say.
            ScriptedProvider provider = provider(16, FaultScript.maxTextTokens(60));

            BuildMachine.Ending ending = run(records, provider);

            assertThat(ending.books().succeededCount()).isEqualTo(40);
            assertThat(ending.notes()).singleElement().asString().contains("only its beginning");
            Fingerprint fingerprint = new Fingerprint(provider.model(), "");
            assertThat(store.explain(fingerprint, new RecordKey("s1", "id-7")))
                    .hasValueSatisfying(trace -> assertThat(trace.detail())
                            .startsWith("truncated to ")
                            .endsWith(" of 999 characters"));
        }

        @Test
        void duplicateIdsAreReportedAndTheFirstOneWins() {
            List<SourceRecord> records = List.of(
                    SourceRecord.of("a", "first"), SourceRecord.of("b", "other"), SourceRecord.of("b", "second"));
            ScriptedProvider provider = provider(32, FaultScript.none());

            BuildMachine.Ending ending = run(records, provider);

            assertThat(ending.totalPending()).isEqualTo(2);
            assertThat(ending.notes()).singleElement().asString().contains("default/b");
        }
    }

    @Nested
    class WithRewriting {
        @Test
        void theRewrittenTextIsEmbeddedAndARebuildBuysRewritesAnew() {
            ScriptedProvider provider = provider(16, FaultScript.none());
            ScriptedProvider rewriter = rewriter(FaultScript.none());

            BuildMachine.Ending first = ended(simulation(BuildRequest.all(), records(60), provider, rewriter));
            BuildMachine.Ending again =
                    ended(simulation(BuildRequest.all().rebuild(), records(60), provider, rewriter));

            assertThat(first.books().succeededCount()).isEqualTo(60);
            assertThat(again.books().succeededCount()).isEqualTo(60);
            assertThat(rewriter.rewriteCalls()).isEqualTo(120);
            String rewritten = ScriptedProvider.rewriteOf("Rewrite: text number 5");
            assertThat(provider.timesSent(rewritten)).isEqualTo(2);
        }

        @Test
        void aFailedRewriteSkipsItsRecordAndNoOther() {
            ScriptedProvider provider = provider(16, FaultScript.none());
            ScriptedProvider rewriter =
                    rewriter(FaultScript.onRewrites(prompt -> prompt.endsWith(" 5"), Fault.refusal()));
            Simulation simulation = simulation(BuildRequest.all(), records(20), provider, rewriter);

            BuildMachine.Ending ending = ended(simulation);

            assertThat(ending.books().of(Reason.Kind.SKIPPED)).isEqualTo(Map.of(Reason.REWRITE_ERROR, 1L));
            assertThat(ending.books().succeededCount()).isEqualTo(19);
            assertThat(ending.state()).isEqualTo(JobState.COMPLETED);
            BuildProgress last = simulation.progress.get(simulation.progress.size() - 1);
            assertThat(last.rewrite()).isEqualTo(new BuildProgress.Stage(20, 20, 1));
            assertThat(last.embed().done()).isEqualTo(19);
            assertThat(last.embed().total()).isEqualTo(19);
            assertThat(last.phase()).isEqualTo(Phase.COMPLETED);
        }

        @Test
        void timeoutsAreTriedAgainAndThenSkipped() {
            ScriptedProvider rewriter =
                    rewriter(FaultScript.onRewrites(prompt -> prompt.endsWith(" 5"), Fault.timeout()));

            BuildMachine.Ending ending =
                    ended(simulation(BuildRequest.all(), records(20), provider(16, FaultScript.none()), rewriter));

            assertThat(ending.books().of(Reason.Kind.SKIPPED)).isEqualTo(Map.of(Reason.REWRITE_TIMEOUT, 1L));
        }

        @Test
        void blankRewritesAreSkipped() {
            ScriptedProvider rewriter =
                    rewriter(FaultScript.onRewrites(prompt -> prompt.endsWith(" 5"), Fault.blankRewrite()));

            BuildMachine.Ending ending =
                    ended(simulation(BuildRequest.all(), records(20), provider(16, FaultScript.none()), rewriter));

            assertThat(ending.books().of(Reason.Kind.SKIPPED)).isEqualTo(Map.of(Reason.REWRITE_EMPTY, 1L));
        }
    }

    @Nested
    class FaultsOfTexts {
        @Test
        void oneBadTextDoesNotFailItsRequest() {
            ScriptedProvider provider = provider(256, FaultScript.badTexts(text -> text.endsWith(" 777")));

            BuildMachine.Ending ending = run(records(2048), provider);

            assertThat(ending.books().succeededCount()).isEqualTo(2047);
            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.EMBED_PERMANENT, 1L));
            assertEveryVectorIsRight(records(2048), provider, 2047);
        }

        @Test
        void aBadTextThatIsNamedIsFoundInThreeRequests() {
            ScriptedProvider provider = provider(2048, FaultScript.namedBadTexts(text -> text.endsWith(" 77")));

            BuildMachine.Ending ending = run(records(1000), provider);

            assertThat(ending.books().succeededCount()).isEqualTo(999);
            assertThat(provider.embedCalls()).isEqualTo(3);
        }

        @Test
        void aRecordThatKeepsFailingIsLeftAloneAfterThreeJobs() {
            ScriptedProvider provider = provider(16, FaultScript.badTexts(text -> text.endsWith(" 7")));
            for (int job = 0; job < 3; job++) {
                assertThat(run(records(20), provider).books().of(Reason.Kind.FAILED))
                        .isEqualTo(Map.of(Reason.EMBED_PERMANENT, 1L));
            }
            int calls = provider.embedCalls();

            BuildMachine.Ending ending = run(records(20), provider);

            assertThat(ending.totalPending()).isZero();
            assertThat(provider.embedCalls()).isEqualTo(calls);
            assertThat(ending.notes()).singleElement().asString().contains("s1/id-7");
        }

        @Test
        void whenEveryTextIsRefusedTheProbeSaysThatTheConfigurationIsRight() {
            ScriptedProvider provider = provider(16, FaultScript.badTexts(text -> text.startsWith("text")));

            BuildMachine.Ending ending = run(records(20), provider);

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.EMBED_PERMANENT, 20L));
        }

        @Test
        void aVectorWithADefectIsAskedForAgainAlone() {
            ScriptedProvider provider = provider(16, FaultScript.nextCalls(1, Fault.notANumberAt(3)));

            BuildMachine.Ending ending = run(records(16), provider);

            assertThat(ending.books().succeededCount()).isEqualTo(16);
            assertThat(provider.requests()).hasSize(2);
            assertThat(provider.requests().get(1)).hasSize(1);
        }

        @Test
        void theOnlyTextOfAJobWithAVectorOfAnotherDimensionIsToBlameIfTheProbeHasTheRightOne() {
            ScriptedProvider provider = provider(
                    16, FaultScript.at(text -> text.endsWith(" 0"), index -> Fault.wrongDimensionAt(index, 5)));

            BuildMachine.Ending ending = run(records(1), provider);

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.EMBED_PERMANENT, 1L));
            assertThat(ending.stopCause()).isNull();
            assertThat(provider.embedCalls()).isEqualTo(2);
        }

        @Test
        void oversizedRequestsAreCutSmallerAndChargeNobody() {
            ScriptedProvider provider = provider(256, FaultScript.maxTexts(40));

            BuildMachine.Ending ending = run(records(1000), provider);

            assertThat(ending.books().succeededCount()).isEqualTo(1000);
            assertEveryVectorIsRight(records(1000), provider, 1000);
        }
    }

    @Nested
    class FaultsOfTheProvider {
        @Test
        void aShortOutageCostsNobodyAnything() {
            ScriptedProvider provider = provider(16, FaultScript.nextCalls(12, Fault.serverError()));

            BuildMachine.Ending ending = run(records(100), provider);

            assertThat(ending.books().succeededCount()).isEqualTo(100);
        }

        @Test
        void aLastingOutageEndsTheJobWithTheRestPending() {
            ScriptedProvider provider = provider(16, FaultScript.always(Fault.connectionReset()));

            BuildMachine.Ending ending = run(records(100), provider);

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.ABORTED, 100L));
            assertThat(ending.stopCause()).contains("nothing has succeeded");
            assertThat(ending.duration()).isBetween(Duration.ofSeconds(30), Duration.ofSeconds(33));
            provider.setFaults(FaultScript.none());
            assertThat(run(records(100), provider).books().succeededCount()).isEqualTo(100);
        }

        @Test
        void aTextThatBreaksTheServerWhileOthersSucceedIsFoundBySplitting() {
            ScriptedProvider provider =
                    provider(16, FaultScript.whilePresent(text -> text.endsWith(" 55"), Fault.serverError()));

            BuildMachine.Ending ending = run(records(100), provider);

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.EMBED_TRANSIENT, 1L));
            assertThat(ending.books().succeededCount()).isEqualTo(99);
        }

        @Test
        void aLoneTextThatBreaksTheServerDoesNotLookLikeAnOutage() {
            ScriptedProvider provider =
                    provider(16, FaultScript.whilePresent(text -> text.startsWith("text"), Fault.serverError()));

            BuildMachine.Ending ending = run(records(1), provider);

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.EMBED_TRANSIENT, 1L));
        }

        @Test
        void aLoneTextThatIsTriedForLongerThanAnOutageIsSatOutDoesNotLookLikeOne() {
            ScriptedProvider provider = ScriptedProvider.builder()
                    .callPolicy(new CallPolicy(40, Duration.ofSeconds(60), 4))
                    .faults(FaultScript.whilePresent(text -> text.startsWith("text"), Fault.serverError()))
                    .build();

            BuildMachine.Ending ending = run(records(1), provider);

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.EMBED_TRANSIENT, 1L));
            assertThat(ending.duration()).isGreaterThan(settings.outagePatience());
        }

        @Test
        void quotaIsWaitedForAsToldAndNeverCounted() {
            ScriptedProvider provider =
                    provider(16, FaultScript.nextCalls(3, Fault.rateLimited(Duration.ofSeconds(90))));

            BuildMachine.Ending ending = run(records(100), provider);

            assertThat(ending.books().succeededCount()).isEqualTo(100);
            assertThat(ending.duration()).isGreaterThan(Duration.ofSeconds(90));
        }

        @Test
        void aRefusedKeyStopsAtOnceAndSaysWhatToDo() {
            ScriptedProvider provider = provider(16, FaultScript.always(Fault.keyRefused()));

            BuildMachine.Ending ending = run(records(100), provider);

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.ABORTED, 100L));
            assertThat(provider.embedCalls()).isLessThanOrEqualTo(5);
            assertThat(ending.stopCause()).isNotBlank();
        }

        @Test
        void aWrongDimensionOfEveryVectorIsAMistakeInTheConfiguration() {
            ScriptedProvider provider = provider(16, FaultScript.always(Fault.wrongDimension(5)));

            BuildMachine.Ending ending = run(records(100), provider);

            assertThat(ending.stopCause()).contains("expected dim=8, got 5");
            int underWayAtTheFirstSign = 4;
            assertThat(provider.embedCalls()).isLessThanOrEqualTo(underWayAtTheFirstSign + 5);
        }
    }

    @Nested
    class Stopping {
        @Test
        void aJobThatIsCancelledAtAnyCommandEndsWithBalancedBooks() {
            for (int n = 0; n < 120; n++) {
                int[] left = {n};
                Simulation simulation = simulation(
                                BuildRequest.all(),
                                records(60),
                                provider(4, FaultScript.random(n, 0.3)),
                                n % 2 == 0 ? null : rewriter(FaultScript.random(n, 0.3)))
                        .cancelWhen(command -> left[0]-- == 0);

                ended(simulation);
            }
        }

        @Test
        void aCancelInAnOutageCutsTheProbe() {
            ScriptedProvider provider = provider(16, FaultScript.always(Fault.serverError()));
            Simulation simulation = simulation(BuildRequest.all(), records(60), provider, null)
                    .cancelWhen(command -> command instanceof Command.Probe);

            BuildMachine.Ending ending = ended(simulation);

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.CANCELLED, 60L));
            assertThat(ending.calls().requests()).isEqualTo(provider.embedCalls());
        }

        @Test
        void aCancelledJobKeepsWhatWasPaidForAndLeavesTheRestPending() {
            ScriptedProvider provider = provider(16, FaultScript.none());
            int[] calls = {0};
            Simulation simulation = simulation(BuildRequest.all(), records(1000), provider, null)
                    .cancelWhen(command -> command instanceof Command.Embed && ++calls[0] == 20);

            BuildMachine.Ending ending = ended(simulation);

            assertThat(ending.state()).isEqualTo(JobState.CANCELLED);
            assertThat(ending.totalPending()).isEqualTo(1000);
            long succeeded = ending.books().succeededCount();
            assertThat(succeeded).isPositive();
            assertEveryVectorIsRight(records(1000), provider, (int) succeeded);
            assertThat(run(records(1000), provider).books().succeededCount()).isEqualTo(1000 - succeeded);
        }
    }

    private static void assertThatEveryVectorIsRight(
            MemoryStore store,
            List<SourceRecord> records,
            ScriptedProvider provider,
            @Nullable ScriptedProvider rewriter) {
        String rewrite = rewriter == null ? "" : Fingerprint.ofRewrite(rewriter.model(), "Rewrite: {text}");
        Map<RecordKey, StoredVector> vectors = new HashMap<>();
        store.forEachVector(
                new Fingerprint(provider.model(), rewrite), null, vector -> vectors.put(vector.key(), vector));
        assertThat(vectors).hasSize(records.size());
        for (SourceRecord record : records) {
            String text = record.content();
            String sent = rewriter == null ? text : ScriptedProvider.rewriteOf("Rewrite: " + text);
            assertThat(vectors.get(record.key()).embedding()).isEqualTo(provider.vectorOf(sent));
        }
    }

    /** A small job, in which every call of the store or the source fails once in its turn. */
    @Nested
    class FaultsOfTheStoreAndTheSource {
        private static final int TEXTS = 3;
        private final FaultyStore faulty = new FaultyStore(store);
        private final List<SourceRecord> table = records(40);
        private final ScriptedProvider provider = provider(TEXTS, FaultScript.none());
        private final ScriptedProvider rewriter = rewriter(FaultScript.none());

        private Simulation simulation(RecordSource source, boolean rewriting) {
            ScriptedProvider with = rewriting ? rewriter : null;
            return new Simulation(
                    seed++, clock, "job-" + ++jobs, BuildRequest.all(), source, faulty, provider, with, settings);
        }

        /** A table never seen before, so that each round has everything to do. */
        private List<SourceRecord> freshTable() {
            int round = ++jobs;
            return table.stream()
                    .map(record -> SourceRecord.of(
                            record.key().source(), record.key().id(), null, record.content() + " of round " + round))
                    .toList();
        }

        private int storeCalls(boolean rewriting) {
            faulty.setFaults((call, method) -> null);
            ended(simulation(new FaultySource(freshTable(), 7), rewriting));
            return faulty.calls();
        }

        private void assertACleanJobLeavesEverythingRight(List<SourceRecord> fresh, boolean rewriting) {
            faulty.setFaults((call, method) -> null);
            BuildMachine.Ending ending = ended(simulation(new FaultySource(fresh, 7), rewriting));
            assertThat(ending.state()).isEqualTo(JobState.COMPLETED);
            assertThatEveryVectorIsRight(store, fresh, provider, rewriting ? rewriter : null);
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void aStoreThatFailsForAMomentCostsNothing(boolean rewriting) {
            int last = storeCalls(rewriting) + 3;
            for (int n = 1; n <= last; n++) {
                int failing = n;
                List<SourceRecord> fresh = freshTable();
                faulty.setFaults((call, method) ->
                        call == failing && method != FaultyStore.Method.LOOK_UP ? StoreException.Kind.TRANSIENT : null);

                BuildMachine.Ending ending = ended(simulation(new FaultySource(fresh, 7), rewriting));

                assertThat(ending.books().succeededCount()).as("call " + n).isEqualTo(fresh.size());
                assertThat(ending.state()).isEqualTo(JobState.COMPLETED);
                assertThatEveryVectorIsRight(store, fresh, provider, rewriting ? rewriter : null);
                assertThat(provider.timesSent().values()).containsOnly(1);
            }
            List<RecordKey> inOrder = table.stream().map(SourceRecord::key).toList();
            assertThat(faulty.marked()).hasSize((last + 1) * inOrder.size());
            for (int round = 0; round <= last; round++) {
                assertThat(faulty.marked().subList(round * inOrder.size(), (round + 1) * inOrder.size()))
                        .isEqualTo(inOrder);
            }
        }

        @Test
        void aRecordThatAnotherWorkerTookOverIsCountedAsSuperseded() {
            faulty.loseClaims(key -> key.id().equals("id-5"));

            BuildMachine.Ending ending =
                    simulation(new FaultySource(table, 7), false).run();

            assertThat(ending).isNotNull();
            assertThat(ending.totalPending()).isEqualTo(40);
            assertThat(ending.books().of(Reason.Kind.SKIPPED)).isEqualTo(Map.of(Reason.SUPERSEDED, 1L));
            assertThat(ending.books().succeededCount()).isEqualTo(39);
        }

        @Test
        void recordsThatAnotherWorkerTakesBeforeTheyAreClaimedAreNotPartOfTheJob() {
            Simulation simulation = simulation(new FaultySource(table, 40), false);
            simulation.beforeEachEvent(() -> store.takeOver(table.get(39).key()));

            BuildMachine.Ending ending = ended(simulation);

            assertThat(ending.totalPending()).isEqualTo(39);
            BuildProgress last = simulation.progress.get(simulation.progress.size() - 1);
            assertThat(last.embed()).isEqualTo(new BuildProgress.Stage(39, 39, 0));
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void aStoreThatFailsOnceForGoodEndsTheJobAndLocksNobodyOut(boolean rewriting) {
            int last = storeCalls(rewriting);
            for (int n = 1; n <= last; n++) {
                int failing = n;
                List<SourceRecord> fresh = freshTable();
                faulty.setFaults((call, method) -> call == failing ? StoreException.Kind.PERMANENT : null);

                BuildMachine.Ending ending = ended(simulation(new FaultySource(fresh, 7), rewriting));

                if (ending.books().sum(Reason.Kind.FAILED) == 0) {
                    assertThat(ending.totalPending()).isEqualTo(fresh.size());
                } else {
                    assertThat(ending.state()).isEqualTo(JobState.FAILED);
                }
                if (faulty.calls() == failing) {
                    store.killRunningJob(); // it was the end of the job that failed
                }
                assertACleanJobLeavesEverythingRight(fresh, rewriting);
                assertThat(sentTwice(fresh)).isLessThanOrEqualTo((4 + 2) * TEXTS);
            }
        }

        private long sentTwice(List<SourceRecord> fresh) {
            return fresh.stream()
                    .filter(record -> provider.timesSent(record.content()) > 1)
                    .count();
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void aStoreThatGoesOnFailingEndsTheJob(boolean rewriting) {
            int last = storeCalls(rewriting);
            for (int n = 1; n <= last; n++) {
                int failing = n;
                StoreException.Kind kind = n % 2 == 0 ? StoreException.Kind.TRANSIENT : StoreException.Kind.PERMANENT;
                List<SourceRecord> fresh = freshTable();
                faulty.setFaults((call, method) -> call >= failing ? kind : null);

                ended(simulation(new FaultySource(fresh, 7), rewriting));

                store.killRunningJob();
                assertACleanJobLeavesEverythingRight(fresh, rewriting);
            }
        }

        @Test
        void aStoreThatCannotLookUpRewritesCostsNoRecordAnAttempt() {
            List<SourceRecord> fresh = freshTable();
            faulty.setFaults(
                    (call, method) -> method == FaultyStore.Method.LOOK_UP ? StoreException.Kind.TRANSIENT : null);

            BuildMachine.Ending ending = ended(simulation(new FaultySource(fresh, 7), true));

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.STORE_ERROR, 40L));
            String rewrite = Fingerprint.ofRewrite(rewriter.model(), "Rewrite: {text}");
            assertThat(store.explain(
                            new Fingerprint(provider.model(), rewrite),
                            fresh.get(0).key()))
                    .hasValueSatisfying(trace -> assertThat(trace.attempts()).isZero());
            assertACleanJobLeavesEverythingRight(fresh, true);
        }

        @Test
        void aScanThatBreaksOffAtAnyPageLosesNothingForGood() {
            for (int n = 1; n <= 7; n++) {
                int failing = n;
                List<SourceRecord> fresh = freshTable();
                FaultySource source = new FaultySource(fresh, 7)
                        .pageFault(call -> call == failing ? new SourceException("the line is cut", null) : null);

                BuildMachine.Ending ending = ended(simulation(source, false));

                assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.SOURCE_ERROR, 1L));
                assertThat(ending.books().succeededCount()).isEqualTo(Math.min(40, 7L * (n - 1)));
                assertACleanJobLeavesEverythingRight(fresh, false);
            }
        }

        @Test
        void aFetchThatFailsOnceAtAnyCallCostsNobodyAnything() {
            FaultySource clean = new FaultySource(freshTable(), 7);
            ended(simulation(clean, false));
            for (int n = 1; n <= clean.fetches(); n++) {
                int failing = n;
                List<SourceRecord> fresh = freshTable();
                FaultySource source = new FaultySource(fresh, 7)
                        .fetchFault(call -> call == failing ? new SourceException("the line is cut", null) : null);

                BuildMachine.Ending ending = ended(simulation(source, false));

                assertThat(ending.totalPending()).isEqualTo(40);
                assertThat(ending.books().succeededCount()).isEqualTo(40);
                assertACleanJobLeavesEverythingRight(fresh, false);
            }
        }

        @Test
        void aSourceThatCanNoLongerBeReadStopsTheJobAndChargesNoRecord() {
            List<SourceRecord> fresh = freshTable();
            FaultySource source = new FaultySource(fresh, 7)
                    .fetchFault(call -> new SourceException("the host's database is gone", null));

            BuildMachine.Ending ending = ended(simulation(source, false));

            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.ABORTED, 40L));
            assertThat(ending.stopCause()).contains("the host's database is gone");
            assertThat(source.fetches()).isBetween(6, 8);
            assertACleanJobLeavesEverythingRight(fresh, false);
        }

        @Test
        void unreadableRecordsAreCountedOnceAndNothingElseIsLost() {
            FaultySource source =
                    new FaultySource(table, 2).unreadable(key -> !key.id().endsWith("1"));

            BuildMachine.Ending ending = ended(simulation(source, false));

            assertThat(ending.totalPending()).isEqualTo(40);
            assertThat(ending.books().of(Reason.Kind.FAILED)).isEqualTo(Map.of(Reason.SOURCE_ERROR, 36L));
            assertThat(ending.books().succeededCount()).isEqualTo(4);
        }
    }
}
