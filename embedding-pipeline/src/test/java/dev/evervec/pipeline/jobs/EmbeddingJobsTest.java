package dev.evervec.pipeline.jobs;

import static dev.evervec.pipeline.jobs.Office.awaitEnd;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRequest.Retry;
import dev.evervec.pipeline.jobs.EmbeddingJobs.Cancellation;
import dev.evervec.pipeline.jobs.TriggerRefusedException.Refusal;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobScope.Task;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Jobs of this process: begun, watched, stopped, carried on and looked up. */
@Timeout(60)
class EmbeddingJobsTest {
    private static final JobRequest DRY = new JobRequest(null, false, true, null, null, null);
    private static final JobRequest REBUILD = new JobRequest(null, true, false, null, null, null);

    private final Office office = new Office();

    @AfterEach
    void close() {
        office.close();
    }

    private static TriggerRefusedException refusal(Runnable asking) {
        return catchThrowableOfType(TriggerRefusedException.class, asking::run);
    }

    private static void assertRefused(Runnable asking, Refusal why, String words) {
        assertThat(refusal(asking))
                .hasMessageContaining(words)
                .extracting(TriggerRefusedException::refusal)
                .isEqualTo(why);
    }

    // ---- a job ----

    @Test
    void aJobIsShownWithWhatCameOfIt() {
        EmbeddingJobs jobs = office.jobs(office.pipeline(Office.provider()
                        .faults(FaultScript.badTexts(text -> text.endsWith("7")))
                        .build())
                .build());
        assertThat(jobs.status()).isEmpty();

        JobStatus ended =
                awaitEnd(jobs, jobs.trigger(new JobRequest("films", false, false, 5, "1", new BigDecimal("2.50"))));

        assertThat(ended.info().state()).isEqualTo(JobState.FAILED);
        assertThat(ended.phase()).isEqualTo(Phase.FAILED);
        assertThat(ended.info().scope()).isEqualTo(new JobScope(Task.BUILD, "films", "1", 5, new BigDecimal("2.50")));
        assertThat(ended.info().embedded()).isEqualTo(13);
        assertThat(ended.info().notEmbedded()).isEqualTo(Map.of(Reason.EMBED_PERMANENT, 1L));
        assertThat(ended.progress().embed().done()).isEqualTo(14);
        assertThat(ended).matches(JobStatus::here).matches(status -> !status.resumable());
        assertThat(jobs.status()).contains(ended);
    }

    @Test
    void aRunningJobIsToldFromMemoryAndAnEndedOneFromTheStore() {
        EmbeddingJobs jobs = office.heldJobs();
        String id = jobs.trigger(REBUILD);
        office.gate.awaitWaiting(4, Office.LIMIT);
        Office.await(jobs, id, status -> status.progress().embed().total() == 100);
        office.storeIsDown = true;

        JobStatus running = jobs.status().orElseThrow();
        assertThat(running.info().jobId()).isEqualTo(id);
        assertThat(running.info().scope().task()).isEqualTo(Task.REBUILD);
        assertThat(running.progress().embed().total()).isEqualTo(100);
        assertThat(running).matches(JobStatus::isRunning).matches(JobStatus::here);
        assertThat(jobs.status(id)).isPresent();
        assertThat(jobs.output(id).orElseThrow().log()).contains("begin rebuild of all sources");
        assertRefused(() -> jobs.trigger(JobRequest.ALL), Refusal.ALREADY_RUNNING, id);
        assertThatThrownBy(() -> jobs.history(5)).isInstanceOf(StoreException.class);

        office.storeIsDown = false;
        office.gate.open();
        awaitEnd(jobs, id);
        office.storeIsDown = true;
        assertThatThrownBy(jobs::status).isInstanceOf(StoreException.class);
    }

    @Test
    void aJobWhoseEndTheStoreDidNotTakeIsNotShownAsRunning() {
        EmbeddingJobs jobs = office.heldJobs();
        String id = jobs.trigger(JobRequest.ALL);
        office.gate.awaitWaiting(4, Office.LIMIT);
        office.storeIsDown = true;
        office.gate.open();
        Office.awaitThat(() -> isOver(jobs));

        office.storeIsDown = false;

        JobStatus ended = jobs.status(id).orElseThrow();
        assertThat(office.store.job(id).orElseThrow().state()).isEqualTo(JobState.RUNNING);
        assertThat(ended.info().state()).isEqualTo(JobState.FAILED);
        assertThat(ended.info().endedAt()).isNotNull();
        assertThat(ended.info().notEmbedded()).containsKey(Reason.STORE_ERROR);
        assertThat(ended.stoppedBy()).contains("the store is down");
    }

    /** A status from memory is that of a running job. */
    private static boolean isOver(EmbeddingJobs jobs) {
        try {
            return jobs.status().isEmpty();
        } catch (StoreException e) {
            return true;
        }
    }

    @Test
    void notesAndCauseOfAnEndedJobAreKnownWhereItRan() {
        EmbeddingJobs jobs = office.jobs();
        String first = jobs.trigger(new JobRequest(null, false, false, null, null, new BigDecimal("0.000001")));
        JobStatus ended = awaitEnd(jobs, first);
        assertThat(ended.info().notEmbedded()).containsKey(Reason.OVER_BUDGET);
        assertThat(ended.stoppedBy()).isNotNull();

        IntStream.range(0, 5).forEach(any -> awaitEnd(jobs, jobs.trigger(JobRequest.ALL)));

        JobStatus kept = jobs.history(6).get(5);
        assertThat(kept.info().jobId()).isEqualTo(first);
        assertThat(kept.stoppedBy()).isEqualTo(ended.stoppedBy());
        awaitEnd(jobs, jobs.trigger(JobRequest.ALL));
        assertThat(jobs.status(first).orElseThrow())
                .as("a long time later")
                .matches(status -> !status.here() && status.stoppedBy() == null);
    }

    @Test
    void theConfiguredBudgetIsShownWhereARequestSetsNone() {
        BuildPipeline pipeline = office.pipeline(
                        Office.provider().gate(office.gate).build())
                .settings(budget("7"))
                .build();
        EmbeddingJobs jobs = office.jobs(pipeline);

        String id = jobs.trigger(JobRequest.ALL);

        assertThat(jobs.status(id).orElseThrow().info().scope().budgetUsd()).isEqualByComparingTo("7");
    }

    private static BuildSettings budget(String usd) {
        var all = BuildSettings.DEFAULT;
        return new BuildSettings(
                all.outagePatience(),
                all.firstContactPatience(),
                all.quotaPatience(),
                all.maxAttempts(),
                all.onTooLong(),
                new BigDecimal(usd));
    }

    @Test
    void failedRecordsAreTriedAgain() {
        var provider = Office.provider()
                .faults(FaultScript.badTexts(text -> text.endsWith("7")))
                .build();
        EmbeddingJobs jobs = office.jobs(office.pipeline(provider).build());
        awaitEnd(jobs, jobs.trigger(JobRequest.ALL));
        provider.setFaults(FaultScript.badTexts(text -> false));

        JobStatus ended = awaitEnd(jobs, jobs.retryFailed(new RetryRequest("films", Retry.NOW, null)));

        assertThat(ended.info().scope()).isEqualTo(new JobScope(Task.RETRY_FAILED, "films", null, null, null));
        assertThat(ended.info().embedded()).isEqualTo(10);
    }

    // ---- refusals ----

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "books2 | - | -   | -    | source     | there is no source \"books2\"",
                "''     | - | -   | -    | source     | there is no source \"\"",
                "-      | 0 | -   | -    | batch_size | batch_size must be from 1 to 256, not 0",
                "-      | 257 | - | -    | batch_size | batch_size must be from 1 to 256, not 257",
                "-      | - | ''  | -    | filter     | filter must not be empty",
                "-      | - | -   | 0    | budget_usd | must be more than 0",
                "-      | - | -   | -1   | budget_usd | must be more than 0",
                "-      | - | -   | 1e7  | budget_usd | at most 1000000 USD, not 10000000",
                "-      | - | -   | 1e999999999  | budget_usd | not 1E+999999999",
                "-      | - | -   | 1e-999999999 | budget_usd | has at most 12 decimals"
            })
    void aWrongRequestIsRefusedWithTheKeyThatIsWrong(
            String source, Integer batchSize, String filter, BigDecimal budget, String field, String words) {
        EmbeddingJobs jobs = office.jobs();

        for (boolean dryRun : List.of(true, false)) {
            TriggerRefusedException refusal =
                    refusal(() -> jobs.trigger(new JobRequest(source, false, dryRun, batchSize, filter, budget)));

            assertThat(refusal.refusal()).isEqualTo(Refusal.INVALID);
            assertThat(refusal.field()).isEqualTo(field);
            assertThat(refusal).hasMessageContaining(words);
        }
        assertThat(office.store.jobs(1)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\u0000b", "line\nbreak", "half \ud83d", "\udc00"})
    void aFilterThatNoIdCanHaveIsRefused(String filter) {
        assertThat(refusal(() -> office.jobs().trigger(new JobRequest(null, false, false, null, filter, null)))
                        .field())
                .isEqualTo("filter");
    }

    @Test
    void aFilterMayBeAsLongAsAnIdAndNoLonger() {
        EmbeddingJobs jobs = office.jobs();
        String longest = "\u00e9".repeat(256);

        awaitEnd(jobs, jobs.trigger(new JobRequest(null, false, false, null, longest, null)));
        TriggerRefusedException refusal =
                refusal(() -> jobs.trigger(new JobRequest(null, false, false, null, longest + "x", null)));

        assertThat(refusal.field()).isEqualTo("filter");
        assertThat(refusal.getMessage()).hasSizeLessThan(100);
    }

    @Test
    void whatWasSentIsNeverQuotedAtLength() {
        TriggerRefusedException refusal = refusal(
                () -> office.jobs().trigger(new JobRequest("x\n".repeat(5_000), false, false, null, null, null)));

        assertThat(refusal.getMessage()).hasSizeLessThan(120).doesNotContain("\n");
    }

    @Test
    void theLargestBatchSizeMayBeRaised() {
        EmbeddingJobs jobs = EmbeddingJobs.builder(
                        office.pipeline(Office.provider().build()).build())
                .maxBatchSize(1_000)
                .build();

        awaitEnd(jobs, jobs.trigger(new JobRequest(null, false, false, 1_000, null, null)));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> EmbeddingJobs.builder(
                                office.pipeline(Office.provider().build()).build())
                        .maxBatchSize(0));
        jobs.close();
    }

    @Test
    void allIsEverySourceAndOneThatOnlyTheStoreKnowsIsKnown() {
        EmbeddingJobs jobs = office.jobs();
        awaitEnd(jobs, jobs.trigger(new JobRequest("all", false, false, null, null, null)));
        EmbeddingJobs emptied = office.jobs(office.pipeline(Office.provider().build())
                .records(InMemorySource.of(List.of()))
                .build());

        String id = emptied.trigger(new JobRequest("films", false, false, null, null, null));

        assertThat(awaitEnd(emptied, id).info().scope().source()).isEqualTo("films");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBudgetWithoutPricesIsRefusedAtOnce(boolean dryRun) {
        var unpriced = ScriptedProvider.builder().build();
        EmbeddingJobs jobs = office.jobs(office.pipeline(unpriced).build());
        EmbeddingJobs configured =
                office.jobs(office.pipeline(unpriced).settings(budget("1")).build());

        TriggerRefusedException asked =
                refusal(() -> jobs.trigger(new JobRequest(null, false, dryRun, null, null, BigDecimal.ONE)));
        TriggerRefusedException set =
                refusal(() -> configured.trigger(new JobRequest(null, false, dryRun, null, null, null)));

        assertThat(asked.field()).isEqualTo("budget_usd");
        assertThat(set.field()).isNull();
        assertThat(List.of(asked, set))
                .allMatch(refusal -> refusal.refusal() == Refusal.INVALID)
                .allMatch(refusal -> refusal.getMessage().contains("usd_per_million_tokens"));
    }

    @Test
    void oneJobAtATimeWhicheverProcessBeganIt() {
        EmbeddingJobs jobs = office.jobs();
        office.beginElsewhere("elsewhere", JobScope.ALL);

        for (JobRequest request : List.of(JobRequest.ALL, DRY, REBUILD)) {
            assertRefused(() -> jobs.trigger(request), Refusal.ALREADY_RUNNING, "elsewhere");
        }
        assertRefused(() -> jobs.retryFailed(RetryRequest.DUE), Refusal.ALREADY_RUNNING, "elsewhere");
        assertThat(jobs.history(10)).hasSize(1);
    }

    @Test
    void aDryRunHoldsTheOnePlaceLikeAnyJob() {
        HeldSource records = new HeldSource(Office.records());
        EmbeddingJobs jobs = office.jobs(
                office.pipeline(Office.provider().build()).records(records).build());
        String id = jobs.trigger(DRY);

        assertRefused(() -> jobs.trigger(JobRequest.ALL), Refusal.ALREADY_RUNNING, id);
        assertRefused(() -> jobs.trigger(DRY), Refusal.ALREADY_RUNNING, id);
        assertThat(jobs.status().orElseThrow())
                .matches(JobStatus::dryRun)
                .matches(JobStatus::isRunning)
                .matches(status -> status.phase() == Phase.SCANNING);

        records.letGo();
        assertThat(awaitEnd(jobs, id).estimate().total().toEmbed()).isEqualTo(100);
        awaitEnd(jobs, jobs.trigger(JobRequest.ALL));
    }

    // ---- dry runs ----

    @Test
    void aDryRunTellsWhatItFoundAndLeavesNothingInTheStore() {
        EmbeddingJobs jobs = office.jobs();
        long writes = office.store.writes();

        String id = jobs.trigger(new JobRequest("films", true, true, 4, "1", BigDecimal.TEN));
        JobStatus ended = awaitEnd(jobs, id);

        assertThat(ended.info().state()).isEqualTo(JobState.COMPLETED);
        assertThat(ended.info().scope()).isEqualTo(new JobScope(Task.REBUILD, "films", "1", 4, BigDecimal.TEN));
        assertThat(ended.recordsRead()).isEqualTo(14L);
        assertThat(ended.estimate().total().toEmbed()).isEqualTo(14);
        assertThat(ended.estimate().budgetUsd()).isEqualTo(BigDecimal.TEN);
        assertThat(jobs.output(id).orElseThrow().log().lines().map(EmbeddingJobsTest::withoutTime))
                .startsWith("begin dry run of a rebuild of source films, ids with 1, generation "
                        + ended.info().generation())
                .last()
                .satisfies(line -> assertThat(line)
                        .startsWith("end completed: 14 records read, 14 to embed, 4 requests, 0.00000"));
        assertThat(office.store.writes()).isEqualTo(writes);
        assertThat(office.store.jobs(1)).isEmpty();
        assertThat(office.jobs().status(id)).as("in another process").isEmpty();
    }

    private static String withoutTime(String line) {
        return line.substring(line.indexOf(' ') + 1);
    }

    @Test
    void aDryRunThatCannotReadTheRecordsFailsAndSaysWhy() {
        HeldSource records = new HeldSource(Office.records());
        EmbeddingJobs jobs = office.jobs(
                office.pipeline(Office.provider().build()).records(records).build());
        String id = jobs.trigger(DRY);

        records.fail("cannot read table books");
        JobStatus ended = awaitEnd(jobs, id);

        assertThat(ended.info().state()).isEqualTo(JobState.FAILED);
        assertThat(ended.stoppedBy()).isEqualTo("cannot read table books");
        assertThat(ended.estimate()).isNull();
        assertThat(jobs.output(id).orElseThrow().log())
                .contains(" stopped cannot read table books\n", " end failed: 0");
    }

    @Test
    void aDryRunThatBreaksDoesNotTellWhatTheHostsCodeSaid() {
        HeldSource records = new HeldSource(Office.records());
        EmbeddingJobs jobs = office.jobs(
                office.pipeline(Office.provider().build()).records(records).build());
        office.storeIsDown = false;
        String id = jobs.trigger(DRY);

        records.breakWith(new IllegalStateException("secret text"));
        JobStatus ended = awaitEnd(jobs, id);

        assertThat(ended.info().state()).isEqualTo(JobState.FAILED);
        assertThat(ended.stoppedBy()).contains("IllegalStateException").doesNotContain("secret");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aDryRunIsCancelledEvenIfTheSourceSwallowsTheInterrupt(boolean swallows) {
        HeldSource records = new HeldSource(Office.records()).swallowInterrupts(swallows);
        EmbeddingJobs jobs = office.jobs(
                office.pipeline(Office.provider().build()).records(records).build());
        String id = jobs.trigger(DRY);
        records.awaitReader();

        assertThat(jobs.cancel(id)).isEqualTo(Cancellation.REQUESTED);
        JobStatus ended = awaitEnd(jobs, id);

        assertThat(ended.info().state()).isEqualTo(JobState.CANCELLED);
        assertThat(ended.phase()).isEqualTo(Phase.CANCELLED);
        assertThat(jobs.cancel(id)).isEqualTo(Cancellation.NOT_RUNNING);
    }

    // ---- cancelling ----

    @Test
    void aRunningJobIsCancelled() {
        EmbeddingJobs jobs = office.heldJobs();
        String id = jobs.trigger(JobRequest.ALL);
        office.gate.awaitWaiting(4, Office.LIMIT);

        assertThat(jobs.cancel(id)).isEqualTo(Cancellation.REQUESTED);
        jobs.status(id)
                .filter(JobStatus::isRunning)
                .ifPresent(
                        running -> assertThat(running.info().cancelRequested()).isTrue());
        office.gate.open();

        assertThat(awaitEnd(jobs, id).info().state()).isEqualTo(JobState.CANCELLED);
        assertThat(jobs.cancel(id)).isEqualTo(Cancellation.NOT_RUNNING);
    }

    @Test
    void aJobOfAnotherProcessIsAskedToStopThroughTheStore() {
        EmbeddingJobs jobs = office.jobs();
        var elsewhere = office.beginElsewhere("elsewhere", JobScope.ALL);

        assertThat(jobs.cancel("elsewhere")).isEqualTo(Cancellation.REQUESTED);

        assertThat(office.store.cancelRequested(elsewhere)).isTrue();
        assertThat(jobs.status().orElseThrow().info().cancelRequested()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "..",
                "../x",
                "..\\x",
                "a/b",
                "/etc/passwd",
                "a\u0000b",
                "x\n",
                "live",
                "never-was",
                "65-characters-65-characters-65-characters-65-characters-65-charac"
            })
    void anIdThatIsNoneIsThatOfNoJob(String id) {
        EmbeddingJobs jobs = office.jobs();
        awaitEnd(jobs, jobs.trigger(JobRequest.ALL));

        assertThat(jobs.status(id)).isEmpty();
        assertThat(jobs.output(id)).isEmpty();
        assertThat(jobs.cancel(id)).isEqualTo(Cancellation.UNKNOWN_JOB);
        assertRefused(() -> jobs.resume(id), Refusal.UNKNOWN_JOB, "there is no job");
    }

    // ---- carrying on ----

    private String interrupted(String id, JobScope scope) {
        office.beginElsewhere(id, scope);
        office.store.killRunningJob();
        return id;
    }

    @Test
    void anInterruptedJobIsCarriedOnByANewOneThatNamesIt() {
        JobScope scope = new JobScope(Task.REBUILD, "films", "1", 3, new BigDecimal("0.5"));
        interrupted("died", scope);
        EmbeddingJobs jobs = office.heldJobs();
        assertThat(jobs.status().orElseThrow())
                .matches(JobStatus::resumable)
                .matches(status -> status.info().state() == JobState.INTERRUPTED)
                .matches(status -> status.phase() == null);

        String id = jobs.resume("died");

        JobStatus running = jobs.status().orElseThrow();
        assertThat(running.info().resumes()).isEqualTo("died");
        assertThat(running.info().scope()).isEqualTo(scope);
        office.gate.open();
        JobStatus ended = awaitEnd(jobs, id);
        assertThat(ended.info().resumes()).isEqualTo("died");
        assertThat(ended.info().embedded()).isEqualTo(14);
        assertThat(jobs.status("died").orElseThrow().resumable()).isFalse();
        assertRefused(() -> jobs.resume("died"), Refusal.NOT_RESUMABLE, "died");
    }

    @Test
    void onlyTheLastJobCanBeCarriedOn() {
        interrupted("first", JobScope.ALL);
        interrupted("second", JobScope.ALL);
        EmbeddingJobs jobs = office.jobs();

        assertThat(jobs.history(2)).extracting(JobStatus::resumable).containsExactly(true, false);
        assertRefused(() -> jobs.resume("first"), Refusal.NOT_RESUMABLE, "first");
        awaitEnd(jobs, jobs.resume("second"));
    }

    @Test
    void whatWasNotInterruptedIsNotCarriedOn() {
        EmbeddingJobs jobs = office.jobs();
        String ended = jobs.trigger(JobRequest.ALL);
        awaitEnd(jobs, ended);
        String dryRun = jobs.trigger(DRY);
        awaitEnd(jobs, dryRun);
        String ids = interrupted("ids", new JobScope(Task.IDS, null, null, null, null));

        assertRefused(() -> jobs.resume(ended), Refusal.NOT_RESUMABLE, "completed");
        assertRefused(() -> jobs.resume(dryRun), Refusal.NOT_RESUMABLE, "dry run");
        assertRefused(() -> jobs.resume(ids), Refusal.NOT_RESUMABLE, "run a build with them again");
        assertThat(jobs.status(ids).orElseThrow().resumable()).isFalse();
        office.beginElsewhere("elsewhere", JobScope.ALL);
        assertRefused(() -> jobs.resume("elsewhere"), Refusal.ALREADY_RUNNING, "elsewhere");
    }

    // ---- history ----

    @Test
    void historyHasBuildsAndDryRunsNewestFirst() {
        EmbeddingJobs jobs = office.jobs();
        List<String> begun = IntStream.range(0, 6)
                .mapToObj(i -> {
                    String id = jobs.trigger(i % 2 == 0 ? DRY : JobRequest.ALL);
                    awaitEnd(jobs, id);
                    return id;
                })
                .toList();

        assertThat(jobs.history(500))
                .extracting(status -> status.info().jobId())
                .containsExactlyInAnyOrderElementsOf(begun);
        assertThat(jobs.history(500))
                .isSortedAccordingTo((one, other) ->
                        other.info().startedAt().compareTo(one.info().startedAt()));
        assertThat(jobs.history(1)).extracting(status -> status.info().jobId()).containsExactly(begun.get(5));
        assertThat(jobs.status().orElseThrow().info().jobId()).isEqualTo(begun.get(5));
        assertThatIllegalArgumentException().isThrownBy(() -> jobs.history(0));
        assertThatIllegalArgumentException().isThrownBy(() -> jobs.history(501));
    }

    @Test
    void onlySoManyDryRunsAreRemembered() {
        EmbeddingJobs jobs = office.jobs();
        String first = jobs.trigger(DRY);
        awaitEnd(jobs, first);

        IntStream.range(0, 60).forEach(any -> awaitEnd(jobs, jobs.trigger(DRY)));

        assertThat(jobs.history(500)).hasSize(51);
        assertThat(jobs.status(first)).isEmpty();
        assertThat(jobs.output(first)).isEmpty();
    }

    // ---- closing ----

    @Test
    void closingCancelsWhatRunsHereAndWaitsForItsEnd() {
        EmbeddingJobs jobs = office.heldJobs();
        String id = jobs.trigger(JobRequest.ALL);
        office.gate.awaitWaiting(4, Office.LIMIT);

        Thread opener = new Thread(office.gate::open, "opener");
        opener.start();
        jobs.close();
        jobs.close();

        assertThat(office.store.job(id).orElseThrow().state()).isNotEqualTo(JobState.RUNNING);
        assertRefused(() -> jobs.trigger(JobRequest.ALL), Refusal.CLOSED, "shutting down");
        assertRefused(() -> jobs.trigger(DRY), Refusal.CLOSED, "shutting down");
        assertRefused(() -> jobs.retryFailed(RetryRequest.DUE), Refusal.CLOSED, "shutting down");
        assertRefused(() -> jobs.resume(id), Refusal.CLOSED, "shutting down");
        assertThat(jobs.status(id)).as("what was can be looked at").isPresent();
    }

    @Test
    void closingEndsADryRunAndItsThread() {
        HeldSource records = new HeldSource(Office.records());
        EmbeddingJobs jobs = office.jobs(
                office.pipeline(Office.provider().build()).records(records).build());
        String id = jobs.trigger(DRY);
        records.awaitReader();
        assertThat(threads())
                .filteredOn(name -> name.contains(id))
                .hasSize(1)
                .allMatch(name -> name.startsWith("evervec-"));

        jobs.close();

        assertThat(threads()).noneMatch(name -> name.contains(id));
        assertThat(jobs.status(id).orElseThrow().info().state()).isEqualTo(JobState.CANCELLED);
    }

    private static List<String> threads() {
        Set<Thread> all = Thread.getAllStackTraces().keySet();
        return all.stream().filter(Thread::isDaemon).map(Thread::getName).toList();
    }

    // ---- the host's own use of the store ----

    @Test
    void aBuildThatTheHostRunsByItselfIsSeenAndStopped() {
        BuildPipeline pipeline =
                office.pipeline(Office.provider().gate(office.gate).build()).build();
        EmbeddingJobs jobs = office.jobs(pipeline);
        var run = pipeline.start(BuildRequest.all());
        office.gate.awaitWaiting(4, Office.LIMIT);

        assertThat(jobs.status().orElseThrow()).matches(JobStatus::isRunning).matches(status -> !status.here());
        assertRefused(() -> jobs.trigger(JobRequest.ALL), Refusal.ALREADY_RUNNING, run.jobId());
        assertThat(jobs.cancel(run.jobId())).isEqualTo(Cancellation.REQUESTED);

        office.gate.open();
        run.result();
    }
}
