package dev.evervec.pipeline.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobStart.WhileRunning;
import dev.evervec.provider.Capability;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a store promises on top of {@link EmbeddingStoreContract} whose builds may have several workers. */
public abstract class SharedStoreContract extends EmbeddingStoreContract {
    protected static final JobScope BUILD = JobScope.ALL;
    protected static final JobScope REBUILD = new JobScope(JobScope.Task.REBUILD, null, null, null, null);
    private static final Duration MOMENT = Duration.ofSeconds(1);

    /** The clock by which leases are judged: it goes, and jumps when a test lets time pass. */
    protected static final class JumpingClock extends Clock {
        private final Clock going = Clock.systemUTC();
        private volatile Duration ahead = Duration.ZERO;

        /** Lets so much time pass at once. */
        public void jump(Duration time) {
            ahead = ahead.plus(time);
        }

        @Override
        public Instant instant() {
            return going.instant().plus(ahead);
        }

        @Override
        public ZoneId getZone() {
            return going.getZone();
        }

        @Override
        public Clock withZone(ZoneId zone) {
            throw new UnsupportedOperationException();
        }
    }

    protected final JumpingClock clock = new JumpingClock();
    private final List<EmbeddingStore> others = new ArrayList<>();

    /** The same data as another process sees it; nobody is taken for dead. */
    protected abstract EmbeddingStore another() throws Exception;

    @Override
    protected EmbeddingStore successor() throws Exception {
        clock.jump(LEASE);
        return another();
    }

    @AfterEach
    void closeOthers() {
        others.forEach(EmbeddingStore::close);
    }

    /** A process at work on a job. */
    protected static final class Worker {
        final EmbeddingStore store;
        final JobTicket job;

        Worker(EmbeddingStore store, JobStart start) {
            this.store = store;
            this.job = store.beginJob(start);
        }

        MarkedPage mark(ScannedRecord... page) {
            return store.mark(job, List.of(page), MarkMode.PENDING);
        }

        MarkedPage markAll(ScannedRecord... page) {
            return store.mark(job, List.of(page), MarkMode.REBUILD);
        }

        ScanSummary endScan() {
            return store.endScan(job, new ScanScope.Complete(null), ALL);
        }

        List<Claim> claim(int limit) {
            return store.claim(job, limit, LEASE);
        }

        Set<RecordKey> commit(RecordResult... results) {
            return store.commit(job, List.of(results), List.of());
        }

        /** Embeds what it claims, up to so many records. */
        int embed(int limit) {
            List<Claim> claims = claim(limit);
            claims.forEach(
                    claim -> assertThat(commit(embedded(claim, textAt(claim)))).isEmpty());
            return claims.size();
        }

        void renew() {
            store.renewLeases(job, LEASE);
        }

        Remaining remaining() {
            return store.remaining(job);
        }

        JobEnd end(JobState state, Reason untaken) {
            return store.endJob(job, state, untaken);
        }

        JobEnd end() {
            return end(JobState.COMPLETED, Reason.ABORTED);
        }
    }

    private static JobStart start(String id, JobScope scope, WhileRunning whileRunning) {
        return new JobStart(id, FINGERPRINT, 3, Set.of(), JobStart.Kind.BUILD, scope, null, whileRunning);
    }

    /** Begins the build, or joins it. */
    private Worker worker() throws Exception {
        return worker("equal", BUILD);
    }

    private Worker worker(String id, JobScope scope) throws Exception {
        EmbeddingStore process = another();
        others.add(process);
        return new Worker(process, start(id, scope, WhileRunning.JOIN_EQUAL));
    }

    private static ScannedRecord[] records(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> scanned(String.valueOf(i), "text " + i))
                .toArray(ScannedRecord[]::new);
    }

    private static ProviderCall call() {
        return new ProviderCall(
                Instant.EPOCH,
                Duration.ZERO,
                "local",
                "model-a",
                Capability.EMBEDDING,
                1,
                TokenUsage.reported(10, 0),
                new BigDecimal("0.25"),
                null,
                List.of());
    }

    private JobInfo info() {
        return store.job("equal").orElseThrow();
    }

    @Nested
    class Joining {
        @Test
        void anEqualBuildJoinsTheOneThatRuns() throws Exception {
            Worker first = worker("equal", BUILD);
            Worker second = worker("other", BUILD);

            assertThat(first.job.role()).isEqualTo(JobTicket.Role.FIRST);
            assertThat(second.job.role()).isEqualTo(JobTicket.Role.JOINED);
            assertThat(second.job.number()).isEqualTo(first.job.number());
            assertThat(second.job.owner()).isNotEqualTo(first.job.owner());
            assertThat(second.job.start().jobId()).isEqualTo("equal");
            assertThat(store.jobs(10)).extracting(JobInfo::jobId).containsExactly("equal");
            assertThat(store.job("other")).isEmpty();
        }

        @Test
        void aBuildOfTheSameIdJoins() throws Exception {
            worker();

            JobTicket joined = another().beginJob(start("equal", BUILD, WhileRunning.JOIN_NAMED));

            assertThat(joined.role()).isEqualTo(JobTicket.Role.JOINED);
        }

        @Test
        void oneOfAnotherIdIsRefusedIfItIsToJoinByName() throws Exception {
            worker();

            assertRefused(start("other", BUILD, WhileRunning.JOIN_NAMED));
        }

        @Test
        void nothingJoinsThatIsNotToJoin() throws Exception {
            worker();

            assertRefused(start("other", BUILD, WhileRunning.REFUSE));
            assertRefused(start("equal", BUILD, WhileRunning.REFUSE));
        }

        private void assertRefused(JobStart start, String... why) {
            assertThatThrownBy(() -> another().beginJob(start))
                    .isInstanceOfSatisfying(
                            JobRefusedException.class,
                            refused -> assertThat(refused.kind()).isEqualTo(JobRefusedException.Kind.RUNNING))
                    .hasMessageContaining("equal")
                    .satisfies(refused -> assertThat(whyInThisStore(why))
                            .allSatisfy(reason -> assertThat(refused).hasMessageContaining(reason)));
        }

        static Stream<Arguments> others() {
            JobScope ids = new JobScope(JobScope.Task.IDS, null, null, null, null);
            JobScope ofSource = new JobScope(JobScope.Task.BUILD, "articles", null, null, null);
            JobScope filtered = new JobScope(JobScope.Task.BUILD, null, "7", null, null);
            JobScope capped = new JobScope(JobScope.Task.BUILD, null, null, null, BigDecimal.ONE);
            return Stream.of(
                    arguments(start("other", REBUILD, WhileRunning.JOIN_EQUAL), "rebuild"),
                    arguments(start("other", ids, WhileRunning.JOIN_EQUAL), "ids"),
                    arguments(start("other", ofSource, WhileRunning.JOIN_EQUAL), "source"),
                    arguments(start("other", filtered, WhileRunning.JOIN_EQUAL), "filter"),
                    arguments(start("other", capped, WhileRunning.JOIN_EQUAL), "budget"),
                    arguments(equalBut(fingerprint("model-b"), 3, Set.of()), "model"),
                    arguments(equalBut(FINGERPRINT, 4, Set.of()), "attempts"),
                    arguments(equalBut(FINGERPRINT, 3, Set.of(Reason.INPUT_TOO_LONG)), "too long"));
        }

        private static JobStart equalBut(Fingerprint fingerprint, int maxAttempts, Set<Reason> reconsidered) {
            return new JobStart(
                    "other",
                    fingerprint,
                    maxAttempts,
                    reconsidered,
                    JobStart.Kind.BUILD,
                    BUILD,
                    null,
                    WhileRunning.JOIN_EQUAL);
        }

        @ParameterizedTest
        @MethodSource("others")
        void oneThatAsksForSomethingElseIsToldWhatAndWhichJobRuns(JobStart other, String why) throws Exception {
            worker();

            assertRefused(other, why);
        }

        @Test
        void howManyTextsGoIntoARequestIsEachWorkersOwnMatter() throws Exception {
            worker();

            Worker second = worker("other", new JobScope(JobScope.Task.BUILD, null, null, 7, null));

            assertThat(second.job.role()).isEqualTo(JobTicket.Role.JOINED);
        }

        @Test
        void retriesOfWhatFailedAreNeverShared() throws Exception {
            JobScope retry = new JobScope(JobScope.Task.RETRY_FAILED, null, null, null, null);
            worker("equal", retry);

            assertRefused(start("other", retry, WhileRunning.JOIN_EQUAL));
        }

        @Test
        void aRebuildJoinsOneThatCarriesOnTheSame() throws Exception {
            worker("before", REBUILD);
            clock.jump(LEASE);
            JobStart resuming = new JobStart(
                    "equal", FINGERPRINT, 3, Set.of(), JobStart.Kind.BUILD, REBUILD, "before", WhileRunning.JOIN_EQUAL);
            JobTicket first = another().beginJob(resuming);

            JobTicket second = another().beginJob(resuming);

            assertThat(second.role()).isEqualTo(JobTicket.Role.JOINED);
            assertThat(second.resumed()).isEqualTo(first.resumed());
            assertRefused(start("other", REBUILD, WhileRunning.JOIN_EQUAL), "carries on");
        }

        @Test
        void oneWhoseWorkersAreAllDeadIsNotJoined() throws Exception {
            worker();
            clock.jump(LEASE);

            Worker next = worker("other", BUILD);

            assertThat(next.job.role()).isEqualTo(JobTicket.Role.FIRST);
            assertThat(info().state()).isEqualTo(JobState.INTERRUPTED);
            assertThat(next.job.resumed().jobId()).isEqualTo("equal");
        }

        @Test
        void aJobLivesAsLongAsOneOfItsWorkers() throws Exception {
            worker();
            Worker second = worker();
            clock.jump(LEASE.minus(MOMENT));
            second.renew();
            clock.jump(LEASE.minus(MOMENT));

            assertThat(info().state()).isEqualTo(JobState.RUNNING);
            assertRefused(start("other", BUILD, WhileRunning.REFUSE));

            clock.jump(MOMENT);
            assertThat(info().state()).isEqualTo(JobState.INTERRUPTED);
        }
    }

    @Nested
    class SharingAList {
        private Worker first;
        private Worker second;

        @BeforeEach
        void join() throws Exception {
            first = worker();
            second = worker();
            first.mark(records(4));
        }

        @Test
        void everyRecordIsClaimedByOne() {
            assertThat(ids(first.claim(3))).containsExactly("0", "1", "2");
            assertThat(ids(second.claim(3))).containsExactly("3");
            assertThat(first.claim(3)).isEmpty();
        }

        @Test
        void whatIsClaimedByOthersMayComeBack() {
            first.endScan();
            first.claim(4);

            assertThat(second.remaining()).isEqualTo(Remaining.LATER);
            assertThat(first.remaining()).isEqualTo(Remaining.NOTHING);
        }

        @Test
        void nothingRemainsWhenAllIsStored() {
            first.endScan();
            first.embed(4);

            assertThat(second.remaining()).isEqualTo(Remaining.NOTHING);
        }

        @Test
        void moreMayComeWhileAnotherScans() {
            first.embed(4);

            assertThat(second.remaining()).isEqualTo(Remaining.LATER);
        }

        @Test
        void theClaimsOfADeadWorkerGoBackToTheList() {
            first.endScan();
            List<Claim> lost = first.claim(2);
            clock.jump(LEASE.minus(MOMENT));
            second.renew();
            assertThat(second.remaining()).isEqualTo(Remaining.LATER);
            assertThat(ids(second.claim(9))).containsExactly("2", "3");

            clock.jump(MOMENT);
            assertThat(second.remaining()).isEqualTo(Remaining.LATER);

            List<Claim> taken = second.claim(9);
            assertThat(ids(taken)).containsExactly("0", "1");
            assertThat(taken)
                    .allSatisfy(claim -> assertThat(lost)
                            .noneMatch(before -> before.version() == claim.version()
                                    && before.key().equals(claim.key())));
        }

        @Test
        void aLeaseThatIsRenewedIsNotOver() {
            first.endScan();
            first.claim(4);
            clock.jump(LEASE.minus(MOMENT));
            first.renew();
            second.renew();
            clock.jump(LEASE.minus(MOMENT));

            assertThat(second.remaining()).isEqualTo(Remaining.LATER);
            assertThat(second.claim(4)).isEmpty();
        }

        @Test
        void aLateResultIsRefusedAndItsCallIsPaidForAllTheSame() {
            first.endScan();
            List<Claim> lost = first.claim(1);
            clock.jump(LEASE);
            second.renew();
            second.remaining();
            Claim taken = second.claim(1).get(0);

            assertThat(first.store.commit(first.job, List.of(embedded(lost.get(0), "late")), List.of(call())))
                    .containsExactly(key("0"));
            assertThat(vectors(FINGERPRINT)).isEmpty();

            assertThat(second.commit(embedded(taken, "text 0"))).isEmpty();
            assertThat(first.store.commit(first.job, List.of(embedded(lost.get(0), "late")), List.of(call())))
                    .containsExactly(key("0"));
            assertThat(vectors(FINGERPRINT).get(key("0")).textHash()).isEqualTo(Sha256.ofText("text 0"));
            assertThat(info().costUsd()).isEqualByComparingTo("0.50");
            assertThat(info().embedded()).isEqualTo(1);
            assertThat(info().notEmbedded()).isEmpty();
            assertThat(outcomes(first.job, Reason.SUPERSEDED)).isEmpty();
        }

        @Test
        void aResultIsRefusedAlsoWhileWhatItIsOfIsStillOnTheList() {
            first.endScan();
            List<Claim> lost = first.claim(1);
            clock.jump(LEASE);
            second.renew();
            second.remaining();

            assertThat(first.commit(embedded(lost.get(0), "text 0"))).containsExactly(key("0"));

            assertThat(ids(second.claim(9))).containsExactly("0", "1", "2", "3");
        }

        @Test
        void aResultIsTakenAfterItsLeaseIfNobodyElseCame() {
            List<Claim> claims = first.claim(1);
            clock.jump(LEASE);

            assertThat(first.commit(embedded(claims.get(0), "text 0"))).isEmpty();
        }

        @Test
        void aWorkerThatWasAwayForTooLongMayGoOn() {
            first.endScan();
            first.claim(2);
            clock.jump(LEASE);
            second.renew();
            second.remaining();

            assertThat(ids(first.claim(3))).containsExactly("2", "3", "0");
            assertThat(ids(second.claim(3))).containsExactly("1");
            assertThat(second.remaining()).isEqualTo(Remaining.LATER);
        }

        @Test
        void whatAWorkerOnlyStoppedBeforeIsLeftToTheOthers() {
            first.endScan();
            List<Claim> claims = first.claim(4);

            assertThat(first.commit(
                            not(claims.get(0), "text 0", Reason.ABORTED),
                            not(claims.get(1), "text 1", Reason.OVER_BUDGET),
                            not(claims.get(2), "text 2", Reason.STORE_ERROR),
                            not(claims.get(3), "text 3", Reason.CANCELLED)))
                    .isEmpty();

            assertThat(info().notEmbedded()).isEmpty();
            assertThat(second.remaining()).isEqualTo(Remaining.LATER);
            assertThat(second.embed(9)).isEqualTo(4);
            assertThat(info().embedded()).isEqualTo(4);
        }

        @Test
        void whatTheLastOneStoppedBeforeIsCounted() {
            first.endScan();
            second.end();

            first.commit(not(first.claim(1).get(0), "text 0", Reason.OVER_BUDGET));

            assertThat(info().notEmbedded()).containsExactly(Map.entry(Reason.OVER_BUDGET, 1L));
            assertThat(ids(first.claim(9))).containsExactly("1", "2", "3");
        }

        @Test
        void aRecordThatIsOutOfDateIsNotPassedOn() {
            first.endScan();

            first.commit(not(first.claim(1).get(0), "text 0", Reason.SUPERSEDED));

            assertThat(info().notEmbedded()).containsExactly(Map.entry(Reason.SUPERSEDED, 1L));
            assertThat(ids(second.claim(9))).containsExactly("1", "2", "3");
        }

        @Test
        void totalsAreTheSumsOverAllWorkers() {
            first.endScan();
            for (Worker worker : List.of(first, second)) {
                List<Claim> claims = worker.claim(2);
                worker.store.commit(
                        worker.job,
                        List.of(
                                embedded(claims.get(0), textAt(claims.get(0))),
                                not(claims.get(1), textAt(claims.get(1)), Reason.EMBED_PERMANENT)),
                        List.of(call(), call()));
            }

            JobInfo info = info();

            assertThat(info.embedded()).isEqualTo(2);
            assertThat(info.notEmbedded()).containsExactly(Map.entry(Reason.EMBED_PERMANENT, 2L));
            assertThat(info.requests()).isEqualTo(4);
            assertThat(info.inputTokens()).isEqualTo(40);
            assertThat(info.costUsd()).isEqualByComparingTo("1");
        }

        @Test
        void aJobIsHeldUpIfAllOfItsLivingWorkersAre() {
            first.store.noteHeldUp(first.job, "no answer");
            assertThat(info().heldUpBy()).isNull();

            second.store.noteHeldUp(second.job, "no answer");
            assertThat(info().heldUpBy()).isEqualTo("no answer");

            second.store.noteHeldUp(second.job, null);
            assertThat(info().heldUpBy()).isNull();

            clock.jump(LEASE);
            first.renew();
            assertThat(info().heldUpBy()).isEqualTo("no answer");
        }

        @Test
        void allAreAskedToStop() {
            assertThat(first.store.cancelRequested(first.job)).isFalse();

            assertThat(store.requestCancel("equal")).isTrue();

            assertThat(first.store.cancelRequested(first.job)).isTrue();
            assertThat(second.store.cancelRequested(second.job)).isTrue();
            assertThat(info().cancelRequested()).isTrue();
        }

        @Test
        void nothingIsPrunedWhileOneWorks() {
            first.end();

            assertThatThrownBy(() -> store.prune(FINGERPRINT.generation())).isInstanceOf(JobRefusedException.class);

            second.end();
            assertThat(store.prune(FINGERPRINT.generation())).hasValue(0L);
        }
    }

    @Nested
    class EndingOneOfSeveral {
        private Worker first;
        private Worker second;

        @BeforeEach
        void join() throws Exception {
            first = worker();
            second = worker();
            first.mark(records(4));
            first.endScan();
        }

        @Test
        void theOthersGoOnAndGetWhatItHadClaimed() {
            first.claim(3);

            assertThat(first.end(JobState.FAILED, Reason.ABORTED)).isEqualTo(new JobEnd(0));

            assertThat(info().state()).isEqualTo(JobState.RUNNING);
            assertThat(info().endedAt()).isNull();
            assertThat(second.embed(9)).isEqualTo(4);
        }

        @Test
        void theLastOneEndsTheJob() {
            first.embed(2);
            first.end();
            second.embed(2);

            assertThat(second.end()).isEqualTo(new JobEnd(0));

            assertThat(info().state()).isEqualTo(JobState.COMPLETED);
            assertThat(info().endedAt()).isNotNull();
            assertThat(info().embedded()).isEqualTo(4);
        }

        @Test
        void theTroubleOfOneIsNotThatOfTheJob() {
            first.claim(2);
            first.end(JobState.FAILED, Reason.ABORTED);
            second.embed(9);
            second.end();

            assertThat(info().state()).isEqualTo(JobState.COMPLETED);
            assertThat(info().notEmbedded()).isEmpty();
        }

        @Test
        void aLastOneInTroubleLeavesAJobThatIsDone() {
            second.embed(9);
            second.end();
            first.end(JobState.FAILED, Reason.ABORTED);

            assertThat(info().state()).isEqualTo(JobState.COMPLETED);
        }

        @Test
        void recordsThatFailedForTheOtherMakeTheJobFail() {
            second.commit(not(second.claim(1).get(0), "text 0", Reason.EMBED_PERMANENT));
            second.end(JobState.FAILED, Reason.ABORTED);
            first.embed(9);
            first.end(JobState.COMPLETED, Reason.ABORTED);

            assertThat(info().state()).isEqualTo(JobState.FAILED);
        }

        @Test
        void whatNobodyTookIsCountedByTheLast() {
            first.claim(1);
            first.end(JobState.FAILED, Reason.ABORTED);
            second.claim(1);

            assertThat(second.end(JobState.FAILED, Reason.ABORTED)).isEqualTo(new JobEnd(4));

            assertThat(info().state()).isEqualTo(JobState.FAILED);
            assertThat(info().notEmbedded()).containsExactly(Map.entry(Reason.ABORTED, 4L));
        }

        @Test
        void whatIsLeftForWantOfMoneyDoesNotMakeItFail() {
            first.end(JobState.COMPLETED, Reason.OVER_BUDGET);
            second.end(JobState.COMPLETED, Reason.OVER_BUDGET);

            assertThat(info().state()).isEqualTo(JobState.COMPLETED);
            assertThat(info().notEmbedded()).containsExactly(Map.entry(Reason.OVER_BUDGET, 4L));
        }

        @Test
        void aJobThatWasAskedToStopIsCancelledWhoeverEndsLast() {
            store.requestCancel("equal");
            first.end(JobState.CANCELLED, Reason.CANCELLED);
            second.end(JobState.FAILED, Reason.ABORTED);

            assertThat(info().state()).isEqualTo(JobState.CANCELLED);
        }

        @Test
        void whatADeadOneHadClaimedIsLeftOverToo() {
            List<Claim> claims = first.claim(3);
            clock.jump(LEASE);
            second.renew();

            assertThat(second.end(JobState.CANCELLED, Reason.CANCELLED)).isEqualTo(new JobEnd(4));

            assertThat(first.store.commit(first.job, List.of(embedded(claims.get(0), "text 0")), List.of(call())))
                    .containsExactly(key("0"));
            assertThat(info().notEmbedded()).containsExactly(Map.entry(Reason.CANCELLED, 4L));
            assertThat(info().costUsd()).isEqualByComparingTo("0.25");
            assertThat(stats().pending()).isEqualTo(4);
        }

        @Test
        void aJobThatOneLeftBecauseNothingWasLeftToDoIsCompleteThoughAnotherDied() throws Exception {
            assertThat(second.embed(9)).isEqualTo(4);
            assertThat(second.remaining()).isEqualTo(Remaining.NOTHING);
            assertThat(second.end()).isEqualTo(new JobEnd(0));
            assertThat(info().state()).isEqualTo(JobState.RUNNING);

            clock.jump(LEASE);

            assertThat(info().state()).isEqualTo(JobState.COMPLETED);
            worker("next", BUILD);
            assertThat(info().state()).isEqualTo(JobState.COMPLETED);
        }

        @Test
        void aJobThatOneLeftBeforeItsEndIsInterruptedWhenTheOtherDies() throws Exception {
            second.embed(2);
            second.end(JobState.FAILED, Reason.ABORTED);

            clock.jump(LEASE);

            assertThat(info().state()).isEqualTo(JobState.INTERRUPTED);
            worker("next", BUILD);
            assertThat(info().state()).isEqualTo(JobState.INTERRUPTED);
        }

        @Test
        void aWorkerOfAJobThatHasEndedIsTold() {
            clock.jump(LEASE);
            second.renew();
            second.end();

            assertThatThrownBy(() -> first.claim(1)).isInstanceOf(StoreException.class);
            assertThatThrownBy(first::remaining).isInstanceOf(StoreException.class);
        }

        @Test
        void oneThatHasEndedDoesNotJoinAgainButANewOneDoes() throws Exception {
            first.end();

            Worker third = worker();

            assertThat(third.job.role()).isEqualTo(JobTicket.Role.JOINED);
            assertThat(third.embed(9)).isEqualTo(4);
        }
    }

    @Nested
    class TakingOverAScan {
        private Worker first;
        private Worker second;

        @BeforeEach
        void join() throws Exception {
            embed(FINGERPRINT, scanned("gone", "gone"), scanned("same", "same"));
            first = worker("equal", REBUILD);
            second = worker("equal", REBUILD);
        }

        private void firstDies() {
            clock.jump(LEASE);
            second.renew();
        }

        private ScannedRecord[] all() {
            return Stream.concat(Stream.of(scanned("same", "same")), Arrays.stream(records(4)))
                    .toArray(ScannedRecord[]::new);
        }

        @Test
        void oneWorkerIsToldToScanWhenTheOneThatDidIsDead() throws Exception {
            Worker third = worker("equal", REBUILD);
            first.markAll(records(2));
            firstDies();
            third.renew();

            assertThat(second.remaining()).isEqualTo(Remaining.SCAN);
            assertThat(third.remaining()).isEqualTo(Remaining.LATER);
        }

        @Test
        void oneThatEndedBeforeItsScanDidIsSucceededToo() {
            first.end(JobState.FAILED, Reason.ABORTED);

            assertThat(second.remaining()).isEqualTo(Remaining.SCAN);
        }

        @Test
        void whatTheJobHasSettledIsNotTakenAgain() {
            first.markAll(records(4));
            second.commit(not(second.claim(1).get(0), "text 0", Reason.EMBED_PERMANENT));
            second.commit(not(second.claim(1).get(0), "text 1", Reason.SUPERSEDED));
            second.embed(1);
            firstDies();
            second.remaining();

            MarkedPage again = second.markAll(all());

            assertThat(again).isEqualTo(new MarkedPage(1, List.of(), List.of(), List.of()));
            assertThat(ids(second.claim(9))).containsExactlyInAnyOrder("3", "same");
            assertThat(trace("0").state()).isEqualTo(RecordState.FAILED);
            assertThat(trace("2").state()).isEqualTo(RecordState.EMBEDDED);
        }

        @Test
        void whatOthersHaveClaimedIsLeftToThem() {
            first.markAll(records(4));
            List<Claim> claims = second.claim(2);
            firstDies();
            second.remaining();

            assertThat(second.markAll(scanned("0", "changed"), scanned("1", "text 1")))
                    .isEqualTo(new MarkedPage(0, List.of(), List.of(), List.of()));

            assertThat(second.commit(embedded(claims.get(0), "text 0"), embedded(claims.get(1), "text 1")))
                    .isEmpty();
            assertThat(trace("0").state()).isEqualTo(RecordState.EMBEDDED);
        }

        @Test
        void whatIsOnTheListGetsItsLatestLocator() {
            first.markAll(records(4));
            firstDies();
            second.remaining();

            assertThat(second.markAll(scanned("0", "changed")).taken()).isZero();

            assertThat(textAt(second.claim(1).get(0))).isEqualTo("changed");
        }

        @Test
        void onlyWhatTheSecondScanMetIsThere() {
            first.markAll(scanned("gone", "gone"));
            firstDies();
            second.remaining();
            second.markAll(all());

            assertThat(second.endScan()).isEqualTo(new ScanSummary(Map.of("articles", 1L), Map.of()));

            assertThat(store.explain(FINGERPRINT, key("gone"))).isEmpty();
            assertThat(stats().total()).isEqualTo(5);
        }

        @Test
        void oneThatWakesUpScansInVain() {
            first.markAll(records(2));
            firstDies();
            second.remaining();
            second.markAll(all());

            assertThat(first.markAll(scanned("new", "new"), scanned("same", "same")))
                    .isEqualTo(new MarkedPage(0, List.of(), List.of(), List.of()));
            assertThat(first.endScan()).isEqualTo(new ScanSummary(Map.of(), Map.of()));

            assertThat(second.endScan()).isEqualTo(new ScanSummary(Map.of("articles", 1L), Map.of()));
            assertThat(store.explain(FINGERPRINT, key("new"))).isEmpty();
        }

        @Test
        void anUnreadableRecordIsCountedOnce() {
            RecordOutcome unreadable = new RecordOutcome(key("line 7"), Reason.SOURCE_ERROR, "not valid JSON");
            first.store.keepOutcomes(first.job, List.of(unreadable));
            firstDies();
            second.remaining();
            second.store.keepOutcomes(second.job, List.of(unreadable));

            assertThat(info().notEmbedded()).containsExactly(Map.entry(Reason.SOURCE_ERROR, 1L));
            assertThat(outcomes(second.job, Reason.SOURCE_ERROR)).containsExactly(unreadable);
        }

        @Test
        void aJobWhoseScanNobodyEndedHasFailed() {
            first.end(JobState.FAILED, Reason.ABORTED);
            second.end(JobState.FAILED, Reason.ABORTED);

            assertThat(info().state()).isEqualTo(JobState.FAILED);
        }
    }

    @Nested
    class BesideLiveEmbedding {
        private Worker first;
        private Worker second;
        private Worker live;

        @BeforeEach
        void begin() throws Exception {
            first = worker();
            second = worker();
            first.mark(records(4));
            EmbeddingStore process = another();
            others.add(process);
            live = live(process);
        }

        private Worker live(EmbeddingStore process) {
            return new Worker(process, new JobStart(JobStart.LIVE_ID, FINGERPRINT, 3, Set.of(), JobStart.Kind.LIVE));
        }

        @Test
        void liveTakesFromTheListWhatNobodyHasClaimed() {
            second.claim(1);

            MarkedPage marked = live.mark(scanned("0", "new"), scanned("1", "new"));

            assertThat(marked).isEqualTo(new MarkedPage(1, List.of(), List.of(), List.of(key("0"))));
            assertThat(ids(first.claim(9))).containsExactly("2", "3");
            assertThat(live.embed(9)).isEqualTo(1);
        }

        @Test
        void whatADeadWorkerHadClaimedIsLivesToo() {
            List<Claim> lost = second.claim(1);
            clock.jump(LEASE);
            first.renew();
            live.renew();

            assertThat(live.mark(scanned("0", "new")).taken()).isEqualTo(1);
            assertThat(live.embed(9)).isEqualTo(1);
            assertThat(second.commit(embedded(lost.get(0), "text 0"))).containsExactly(key("0"));
            assertThat(vectors(FINGERPRINT).get(key("0")).textHash()).isEqualTo(Sha256.ofText("new"));
        }

        @Test
        void whatLiveHadClaimedWhenItDiedIsTakenByTheBuild() {
            live.mark(scanned("new", "new"));
            live.claim(1);
            assertThat(first.mark(scanned("new", "new")).busy()).containsExactly(key("new"));
            clock.jump(LEASE);
            first.renew();

            assertThat(first.mark(scanned("newer", "newer")).taken()).isEqualTo(1);

            live(live.store);
            assertThatThrownBy(() -> live.claim(1)).isInstanceOf(StoreException.class);
        }

        @Test
        void oneAtATimeEmbedsLive() throws Exception {
            EmbeddingStore process = another();

            assertThatThrownBy(() -> live(process)).isInstanceOf(JobRefusedException.class);

            clock.jump(LEASE);
            assertThat(live(process).job.role()).isEqualTo(JobTicket.Role.ALONE);
        }

        @Test
        void itsTotalsOutliveItsWorkers() {
            live.mark(scanned("new", "new"));
            live.store.commit(live.job, List.of(embedded(live.claim(1).get(0), "new")), List.of(call()));
            live.end();
            Worker next = live(live.store);
            next.mark(scanned("newer", "newer"));
            next.store.commit(next.job, List.of(embedded(next.claim(1).get(0), "newer")), List.of(call()));

            JobInfo info = store.job(JobStart.LIVE_ID).orElseThrow();

            assertThat(info.embedded()).isEqualTo(2);
            assertThat(info.costUsd()).isEqualByComparingTo("0.5");
        }
    }

    /** Workers that join, stop, die and wake up again at any moment. */
    @Nested
    class AnyInterleaving {
        private Random random;
        private String job;
        private ScannedRecord[] records;
        private int calls;
        private final List<Hand> working = new ArrayList<>();
        private final List<Hand> away = new ArrayList<>();

        /** A worker, what it has claimed, and how far it has scanned; nothing if it does not. */
        private static final class Hand {
            final Worker worker;
            final List<Claim> claims = new ArrayList<>();
            int scanned;

            Hand(Worker worker) {
                this.worker = worker;
                this.scanned = worker.job.role() == JobTicket.Role.FIRST ? 0 : Integer.MAX_VALUE;
            }
        }

        @Test
        void everyRecordIsCountedOnceAndStoredByOne() throws Exception {
            long seed = System.nanoTime();
            System.out.println("workers' seed: " + seed);
            random = new Random(seed);
            for (int round = 0; round < 40; round++) {
                play(round);
                verify("seed " + seed + ", round " + round);
            }
        }

        private void play(int round) throws Exception {
            job = "round-" + round;
            calls = 0;
            away.clear();
            records = IntStream.range(0, 1 + random.nextInt(30))
                    .mapToObj(i -> scanned(round + "-" + i, "text " + i))
                    .toArray(ScannedRecord[]::new);
            working.add(new Hand(worker(job, BUILD)));
            while (!working.isEmpty()) {
                Hand hand = working.get(random.nextInt(working.size()));
                switch (random.nextInt(24)) {
                    case 0, 1 -> join();
                    case 2 -> goAway(hand);
                    case 3 -> wakeUp();
                    case 4 -> stop(hand);
                    default -> work(hand);
                }
            }
            while (!away.isEmpty()) {
                wakeUp();
            }
        }

        private void join() throws Exception {
            if (working.size() < 4) {
                working.add(new Hand(worker(job, BUILD)));
            }
        }

        private void goAway(Hand hand) {
            if (working.size() > 1) {
                working.remove(hand);
                away.add(hand);
                clock.jump(LEASE.minus(MOMENT));
                working.forEach(other -> other.worker.renew());
                clock.jump(MOMENT);
            }
        }

        private void wakeUp() {
            if (!away.isEmpty()) {
                Hand late = away.remove(random.nextInt(away.size()));
                commit(late, late.claims.size());
            }
        }

        private void stop(Hand hand) {
            working.remove(hand);
            boolean failed = random.nextBoolean();
            hand.worker.end(
                    failed ? JobState.FAILED : JobState.COMPLETED, failed ? Reason.ABORTED : Reason.OVER_BUDGET);
        }

        private void work(Hand hand) {
            if (hand.scanned < records.length) {
                int to = Math.min(records.length, hand.scanned + 1 + random.nextInt(8));
                hand.worker.mark(Arrays.copyOfRange(records, hand.scanned, to));
                hand.scanned = to;
            } else if (hand.scanned == records.length) {
                hand.worker.endScan();
                hand.scanned = Integer.MAX_VALUE;
            } else if (random.nextBoolean()) {
                commit(hand, random.nextInt(hand.claims.size() + 1));
            } else {
                List<Claim> claims = hand.worker.claim(1 + random.nextInt(6));
                hand.claims.addAll(claims);
                if (hand.claims.isEmpty()) {
                    nothingToDo(hand);
                }
            }
        }

        private void nothingToDo(Hand hand) {
            Remaining remaining = hand.worker.remaining();
            if (remaining == Remaining.SCAN) {
                hand.scanned = 0;
            } else if (remaining == Remaining.NOTHING) {
                working.remove(hand);
                hand.worker.end();
            }
        }

        private void commit(Hand hand, int count) {
            List<RecordResult> results = new ArrayList<>();
            for (Claim claim : hand.claims.subList(0, count)) {
                Reason reason = Reason.values()[random.nextInt(Reason.values().length)];
                results.add(random.nextBoolean() ? embedded(claim, textAt(claim)) : not(claim, textAt(claim), reason));
            }
            hand.claims.subList(0, count).clear();
            hand.worker.store.commit(hand.worker.job, results, List.of(call()));
            calls++;
        }

        private void verify(String when) {
            JobInfo info = store.job(job).orElseThrow();
            Set<RecordKey> embedded = new HashSet<>();
            int inLedger = 0;
            for (ScannedRecord record : records) {
                RecordState state = store.explain(FINGERPRINT, record.key())
                        .map(RecordTrace::state)
                        .orElse(null);
                inLedger += state == null ? 0 : 1;
                if (state == RecordState.EMBEDDED) {
                    embedded.add(record.key());
                }
            }
            long notEmbedded = info.notEmbedded().values().stream()
                    .mapToLong(Long::longValue)
                    .sum();
            assertThat(info.state()).as(when).isNotIn(JobState.RUNNING, JobState.INTERRUPTED);
            assertThat(info.embedded() + notEmbedded).as(when).isEqualTo(inLedger);
            assertThat(info.embedded()).as(when).isEqualTo(embedded.size());
            assertThat(info.requests()).as(when).isEqualTo(calls);
            Map<RecordKey, StoredVector> vectors = vectors(FINGERPRINT);
            for (ScannedRecord record : records) {
                assertThat(vectors.containsKey(record.key())).as(when).isEqualTo(embedded.contains(record.key()));
            }
        }
    }

    @Nested
    class SharingABudget {
        private final JobScope capped = new JobScope(JobScope.Task.BUILD, null, null, null, BigDecimal.TEN);
        private Worker first;
        private Worker second;

        @BeforeEach
        void join() throws Exception {
            first = worker("equal", capped);
            second = worker("equal", capped);
        }

        private BudgetGrant ask(Worker worker, String spent, String kept, String least, String wanted) {
            return worker.store.grantBudget(
                    worker.job,
                    new BudgetAsk(
                            new BigDecimal(spent),
                            new BigDecimal(kept),
                            new BigDecimal(least),
                            new BigDecimal(wanted)));
        }

        private void assertGranted(BudgetGrant grant, String usd, BudgetGrant.Rest rest) {
            assertThat(grant.granted()).isEqualByComparingTo(usd);
            assertThat(grant.rest()).isEqualTo(rest);
        }

        @Test
        void whatOneHoldsTheOthersDoNotGet() {
            assertGranted(ask(first, "0", "0", "1", "6"), "6", BudgetGrant.Rest.KNOWN);
            assertGranted(ask(second, "0", "0", "1", "6"), "4", BudgetGrant.Rest.WITH_OTHERS);
            assertGranted(ask(first, "2", "4", "1", "1"), "0", BudgetGrant.Rest.WITH_OTHERS);
        }

        @Test
        void whatIsNotKeptIsThereAgain() {
            ask(first, "0", "0", "1", "6");

            assertGranted(ask(first, "1.5", "0.25", "0", "0"), "0", BudgetGrant.Rest.KNOWN);

            assertGranted(ask(second, "0", "0", "1", "10"), "8.25", BudgetGrant.Rest.WITH_OTHERS);
        }

        @Test
        void anAskWhoseAnswerWasLostIsAnsweredAsBefore() {
            ask(first, "1", "0.5", "1", "2");

            assertGranted(ask(first, "1", "0.5", "1", "2"), "2", BudgetGrant.Rest.KNOWN);
            assertGranted(ask(second, "0", "0", "0", "10"), "6.5", BudgetGrant.Rest.WITH_OTHERS);
        }

        @Test
        void tooLittleIsLeftForOthersAsLongAsTheyMayGiveSomethingBack() {
            ask(first, "0", "0", "1", "9");

            assertGranted(ask(second, "0", "0", "2", "2"), "0", BudgetGrant.Rest.WITH_OTHERS);
            ask(first, "9", "0", "0", "0");
            assertGranted(ask(second, "0", "0", "2", "2"), "1", BudgetGrant.Rest.KNOWN);
        }

        @Test
        void whatAWorkerSpentThatHasEndedIsSpentAndTheRestIsThereAgain() {
            ask(first, "0", "0", "1", "6");
            first.store.commit(first.job, List.of(), List.of(call(), call()));
            first.end();

            assertGranted(ask(second, "0", "0", "1", "10"), "9.5", BudgetGrant.Rest.KNOWN);
        }

        @Test
        void whatADeadWorkerHeldIsThereAgainButForWhatItIsKnownToHaveSpent() {
            ask(first, "0", "0", "1", "6");
            first.store.commit(first.job, List.of(), List.of(call()));
            clock.jump(LEASE.minus(MOMENT));
            second.renew();
            clock.jump(MOMENT);

            assertGranted(ask(second, "0", "0", "1", "10"), "9.75", BudgetGrant.Rest.KNOWN);
        }

        @Test
        void whatAJobCarriesOnIsSpentAlready() throws Exception {
            first.store.commit(first.job, List.of(), List.of(call(), call()));
            clock.jump(LEASE);
            Worker third = worker("third", capped);

            assertThat(third.job.resumed()).isNotNull();
            assertGranted(ask(third, "0", "0", "1", "10"), "9.5", BudgetGrant.Rest.KNOWN);
        }

        @Test
        void aHundredAsksAtOnceGetAsMuchAsThereIs() throws Exception {
            ExecutorService threads = Executors.newFixedThreadPool(4);
            try {
                List<Future<BigDecimal>> sums = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    Worker worker = worker("equal", capped);
                    sums.add(threads.submit(() -> {
                        BigDecimal held = BigDecimal.ZERO;
                        for (int ask = 0; ask < 25; ask++) {
                            held = held.add(ask(worker, "0", held.toPlainString(), "0", "0.13")
                                    .granted());
                        }
                        return held;
                    }));
                }
                BigDecimal sum = BigDecimal.ZERO;
                for (Future<BigDecimal> held : sums) {
                    sum = sum.add(held.get());
                }
                assertThat(sum).isEqualByComparingTo(BigDecimal.TEN);
            } finally {
                threads.shutdownNow();
            }
        }
    }
}
