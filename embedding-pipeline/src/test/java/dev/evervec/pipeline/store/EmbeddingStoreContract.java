package dev.evervec.pipeline.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.RecordResult.NotEmbedded;
import dev.evervec.pipeline.store.ScannedRecord.Content;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every {@link EmbeddingStore} promises. Extend it and say how an empty store is opened; the store is closed after
 * each test.
 */
public abstract class EmbeddingStoreContract {
    protected static final Fingerprint FINGERPRINT = fingerprint("model-a");
    protected static final Duration LEASE = Duration.ofMinutes(1);
    protected static final double ALL = 1;

    /** The store under test. */
    protected EmbeddingStore store;

    private int jobs;

    /** Opens a store without any data. */
    protected abstract EmbeddingStore openEmpty() throws Exception;

    /**
     * Another worker's store on the same data. It takes the worker of {@link #store} for dead, though that may write on: it was
     * paused for too long.
     */
    protected abstract EmbeddingStore successor() throws Exception;

    @BeforeEach
    void open() throws Exception {
        store = openEmpty();
    }

    @AfterEach
    void close() {
        store.close();
    }

    /** What a refusal to resume a job must say in this store. */
    protected String[] whyInThisStore(String... why) {
        return why;
    }

    protected static Fingerprint fingerprint(String model) {
        return new Fingerprint(ModelIdentity.embedding("local", model, 3, "", "l2"), "");
    }

    protected static RecordKey key(String id) {
        return new RecordKey("articles", id);
    }

    /** A record as a scan sees it; its locator is made of its text. */
    protected static ScannedRecord scanned(String id, String text) {
        return scanned(key(id), text);
    }

    protected static ScannedRecord scanned(RecordKey key, String text) {
        return new ScannedRecord(
                key,
                Sha256.ofContent(null, text),
                text.isBlank() ? Content.BLANK : Content.PRESENT,
                Locator.of(text.getBytes(StandardCharsets.UTF_8)));
    }

    protected static Embedding vectorOf(String text) {
        Random random = new Random(text.hashCode());
        return Embedding.of(1 + random.nextFloat(), random.nextFloat(), random.nextFloat());
    }

    protected JobTicket begin() {
        return begin(FINGERPRINT);
    }

    protected JobTicket begin(Fingerprint fingerprint) {
        return store.beginJob(new JobStart("job-" + ++jobs, fingerprint, 3));
    }

    protected MarkedPage mark(JobTicket job, ScannedRecord... records) {
        return store.mark(job, List.of(records), MarkMode.PENDING);
    }

    protected List<Claim> claimAll(JobTicket job) {
        return store.claim(job, 1000, LEASE);
    }

    protected static Embedded embedded(Claim claim, String text) {
        return new Embedded(
                claim, Sha256.ofContent(null, text), Sha256.ofText(text), vectorOf(text), null, RecordCost.NONE);
    }

    protected static NotEmbedded not(Claim claim, String text, Reason reason) {
        return new NotEmbedded(claim, Sha256.ofContent(null, text), reason, "because", null, RecordCost.NONE);
    }

    protected Set<RecordKey> commit(JobTicket job, RecordResult... results) {
        return store.commit(job, List.of(results), List.of());
    }

    protected JobEnd end(JobTicket job) {
        return store.endJob(job, JobState.COMPLETED, Reason.ABORTED);
    }

    /** A whole job over these records, each with its text as a vector. */
    protected void embed(Fingerprint fingerprint, ScannedRecord... records) {
        JobTicket job = begin(fingerprint);
        mark(job, records);
        store.endScan(job, new ScanScope.Partial(), ALL);
        store.commit(
                job,
                claimAll(job).stream()
                        .<RecordResult>map(claim -> embedded(claim, textAt(claim)))
                        .toList(),
                List.of());
        end(job);
    }

    /** A whole job over one record that ends with this reason. */
    protected void fail(ScannedRecord record, Reason reason) {
        JobTicket job = begin();
        mark(job, record);
        store.commit(
                job,
                claimAll(job).stream()
                        .<RecordResult>map(claim -> not(claim, textAt(claim), reason))
                        .toList(),
                List.of());
        end(job);
    }

    protected static String textAt(Claim claim) {
        return new String(claim.locator().bytes(), StandardCharsets.UTF_8);
    }

    protected RecordTrace trace(String id) {
        return store.explain(FINGERPRINT, key(id)).orElseThrow();
    }

    protected Map<RecordKey, StoredVector> vectors(Fingerprint fingerprint) {
        Map<RecordKey, StoredVector> vectors = new HashMap<>();
        store.forEachVector(fingerprint, null, vector -> vectors.put(vector.key(), vector));
        return vectors;
    }

    protected SourceStats stats() {
        List<SourceStats> stats = store.stats(FINGERPRINT);
        assertThat(stats).hasSize(1);
        return stats.get(0);
    }

    protected static List<String> ids(List<Claim> claims) {
        return claims.stream().map(claim -> claim.key().id()).toList();
    }

    protected List<RecordOutcome> outcomes(JobTicket job, Reason reason) {
        List<RecordOutcome> outcomes = new ArrayList<>();
        store.forEachOutcome(job.start().jobId(), reason, outcomes::add);
        return outcomes;
    }

    @Nested
    class BeginningAJob {
        @Test
        void numbersAscendAndTheTicketCarriesWhatWasAsked() {
            JobTicket first = begin();
            end(first);
            JobTicket second = begin();

            assertThat(second.number()).isGreaterThan(first.number());
            assertThat(second.start().jobId()).isEqualTo("job-2");
            assertThat(second.owner()).isNotBlank();
        }

        @Test
        void isRefusedWhileAnotherRunsAndNamesIt() {
            begin();

            assertThatThrownBy(EmbeddingStoreContract.this::begin)
                    .isInstanceOf(JobRefusedException.class)
                    .hasMessageContaining("job-1");
        }

        @Test
        void isRefusedWithAUsedIdAndLeavesTheStoreFree() {
            end(begin());

            assertThatThrownBy(() -> store.beginJob(new JobStart("job-1", FINGERPRINT, 3)))
                    .isInstanceOf(JobRefusedException.class)
                    .hasMessageContaining("job-1");
            assertThat(begin().start().jobId()).isEqualTo("job-2");
        }

        @Test
        void registersTheGeneration() {
            begin();

            assertThat(store.generations()).singleElement().satisfies(generation -> {
                assertThat(generation.name()).isEqualTo(FINGERPRINT.generation());
                assertThat(generation.fingerprint()).isEqualTo(FINGERPRINT);
                assertThat(generation.vectors()).isZero();
            });
        }
    }

    @Nested
    class Marking {
        @Test
        void aSettledReasonIsTakenAgainOnlyByAJobThatReconsidersIt() {
            fail(scanned("1", "long"), Reason.INPUT_TOO_LONG);
            fail(scanned("2", "<p>"), Reason.EMPTY_CONTENT);
            JobTicket plain = begin();
            assertThat(mark(plain, scanned("1", "long")).taken()).isZero();
            end(plain);

            JobTicket job =
                    store.beginJob(new JobStart("reconsidering", FINGERPRINT, 3, Set.of(Reason.INPUT_TOO_LONG)));

            assertThat(mark(job, scanned("1", "long"), scanned("2", "<p>")).taken())
                    .isEqualTo(1);
        }

        @Test
        void newRecordsBecomePendingAndAreTaken() {
            JobTicket job = begin();

            MarkedPage page = mark(job, scanned("1", "one"), scanned("2", "two"));

            assertThat(page).isEqualTo(new MarkedPage(2, List.of(), List.of(), List.of()));
            assertThat(trace("1").state()).isEqualTo(RecordState.PENDING);
            assertThat(stats().pending()).isEqualTo(2);
            assertThat(ids(claimAll(job))).containsExactly("1", "2");
        }

        @Test
        void unchangedEmbeddedRecordsAreLeftAlone() {
            embed(FINGERPRINT, scanned("1", "one"));
            RecordTrace before = trace("1");
            JobTicket job = begin();

            MarkedPage page = mark(job, scanned("1", "one"));

            assertThat(page.taken()).isZero();
            assertThat(claimAll(job)).isEmpty();
            assertThat(trace("1")).isEqualTo(before);
        }

        @Test
        void changedTextIsTakenAndKeepsItsOldVectorMeanwhile() {
            embed(FINGERPRINT, scanned("1", "one"));
            JobTicket job = begin();

            assertThat(mark(job, scanned("1", "uno")).taken()).isEqualTo(1);

            assertThat(trace("1").state()).isEqualTo(RecordState.PENDING);
            assertThat(trace("1").vector().textHash()).isEqualTo(Sha256.ofText("one"));
            assertThat(stats().embedded()).isZero();
        }

        @Test
        void leftOverRecordsAreTakenAgainWithTheirNewLocator() {
            JobTicket first = begin();
            mark(first, scanned("1", "one"));
            end(first);
            JobTicket job = begin();

            ScannedRecord moved = new ScannedRecord(
                    key("1"), Sha256.ofContent(null, "one"), Content.PRESENT, Locator.of(new byte[] {7}));
            assertThat(mark(job, moved).taken()).isEqualTo(1);

            assertThat(claimAll(job))
                    .singleElement()
                    .satisfies(claim -> assertThat(claim.locator()).isEqualTo(Locator.of(new byte[] {7})));
        }

        @Test
        void emptyLocatorsComeBackEmpty() {
            JobTicket job = begin();
            mark(job, new ScannedRecord(key("1"), Sha256.ofText("x"), Content.PRESENT, Locator.NONE));

            assertThat(claimAll(job).get(0).locator()).isEqualTo(Locator.NONE);
        }

        @Test
        void aPageWithoutRecordsChangesNothing() {
            assertThat(mark(begin())).isEqualTo(new MarkedPage(0, List.of(), List.of(), List.of()));
            assertThat(store.stats(FINGERPRINT)).isEmpty();
        }

        @Test
        void rebuildTakesEverythingAndKeepsVectorsUntilNewOnesCome() {
            embed(FINGERPRINT, scanned("1", "one"));
            fail(scanned("2", "two"), Reason.INPUT_TOO_LONG);
            JobTicket job = begin();

            MarkedPage page = store.mark(
                    job, List.of(scanned("1", "one"), scanned("2", "two"), scanned("3", " ")), MarkMode.REBUILD);

            assertThat(page.taken()).isEqualTo(2);
            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(key("1"));
            assertThat(stats().pending()).isEqualTo(2);
        }

        @ParameterizedTest
        @EnumSource(
                value = Reason.class,
                names = {
                    "REWRITE_TIMEOUT",
                    "REWRITE_ERROR",
                    "REWRITE_EMPTY",
                    "EMBED_PERMANENT",
                    "EMBED_TRANSIENT",
                    "SOURCE_ERROR"
                })
        void failedRecordsAreTakenUpToTheAttemptLimitAndThenNamed(Reason reason) {
            for (int attempt = 1; attempt <= 3; attempt++) {
                fail(scanned("1", "one"), reason);
                assertThat(trace("1").attempts()).isEqualTo(attempt);
                assertThat(trace("1").reason()).isEqualTo(reason);
            }
            RecordTrace before = trace("1");
            JobTicket job = begin();

            MarkedPage page = mark(job, scanned("1", "one"));

            assertThat(page).isEqualTo(new MarkedPage(0, List.of(), List.of(key("1")), List.of()));
            assertThat(trace("1")).isEqualTo(before);
        }

        @Test
        void aChangedTextStartsItsAttemptsAnew() {
            fail(scanned("1", "one"), Reason.EMBED_PERMANENT);
            JobTicket job = begin();

            mark(job, scanned("1", "uno"));

            assertThat(claimAll(job).get(0).attempts()).isZero();
            assertThat(trace("1").reason()).isNull();
        }

        @Test
        void anUnchangedFailedRecordKeepsItsAttempts() {
            fail(scanned("1", "one"), Reason.EMBED_PERMANENT);
            JobTicket job = begin();

            mark(job, scanned("1", "one"));

            assertThat(claimAll(job).get(0).attempts()).isEqualTo(1);
        }

        @ParameterizedTest
        @EnumSource(
                value = Reason.class,
                names = {"EMPTY_CONTENT", "INPUT_TOO_LONG"})
        void settledSkipsWaitForAChangeOfText(Reason reason) {
            fail(scanned("1", "one"), reason);
            RecordTrace before = trace("1");
            JobTicket job = begin();

            assertThat(mark(job, scanned("1", "one")).taken()).isZero();
            assertThat(trace("1")).isEqualTo(before);
            end(job);
            assertThat(mark(begin(), scanned("1", "uno")).taken()).isEqualTo(1);
        }

        @Test
        void aVanishedRecordThatIsMetAgainIsTaken() {
            fail(scanned("1", "one"), Reason.VANISHED);

            assertThat(mark(begin(), scanned("1", "one")).taken()).isEqualTo(1);
        }

        @Test
        void blankContentNeverEntersTheLedger() {
            assertThat(mark(begin(), scanned("1", " \n")).taken()).isZero();

            assertThat(store.explain(FINGERPRINT, key("1"))).isEmpty();
        }

        @Test
        void aRecordThatBecameBlankLeavesWithItsVector() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));

            mark(begin(), scanned("1", ""), scanned("2", "two"));

            assertThat(store.explain(FINGERPRINT, key("1"))).isEmpty();
            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(key("2"));
            assertThat(stats().embedded()).isEqualTo(1);
        }

        @Test
        void ofDuplicatesTheFirstWinsOnOnePageAndAcrossPages() {
            JobTicket job = begin();

            MarkedPage first = mark(job, scanned("1", "one"), scanned("2", "two"), scanned("1", "other"));
            MarkedPage second = mark(job, scanned("3", "three"), scanned("2", ""), scanned("1", "more"));

            assertThat(first.duplicates()).containsExactly(key("1"));
            assertThat(second.duplicates()).containsExactly(key("2"), key("1"));
            assertThat(first.taken() + second.taken()).isEqualTo(3);
            assertThat(claimAll(job)).extracting(EmbeddingStoreContract::textAt).containsExactly("one", "two", "three");
        }

        @Test
        void equalIdsOfDifferentSourcesAreDifferentRecords() {
            MarkedPage page =
                    mark(begin(), scanned(new RecordKey("a", "1"), "one"), scanned(new RecordKey("b", "1"), "two"));

            assertThat(page.taken()).isEqualTo(2);
            assertThat(page.duplicates()).isEmpty();
        }

        @Test
        void aNextScanKnowsNothingOfTheLastOne() {
            JobTicket first = begin();
            mark(first, scanned("1", "one"));
            end(first);

            assertThat(mark(begin(), scanned("1", "one")).duplicates()).isEmpty();
        }

        @Test
        void keysOfAnyScriptAreKeptAsTheyAre() {
            RecordKey key = new RecordKey("quellé", "编号 'x' \"y\" \uD83D\uDE00 %_");
            JobTicket job = begin();
            mark(job, scanned(key, "one"));

            commit(job, embedded(claimAll(job).get(0), "one"));

            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(key);
        }
    }

    @Nested
    class EndingAScan {
        private ScanSummary scan(double maxVanishedShare, ScanScope scope, ScannedRecord... records) {
            JobTicket job = begin();
            mark(job, records);
            ScanSummary summary = store.endScan(job, scope, maxVanishedShare);
            end(job);
            return summary;
        }

        @Test
        void aCompleteScanKeepsTotals() {
            scan(ALL, new ScanScope.Complete(null), scanned("1", "one"), scanned("2", ""), scanned("1", "again"));

            assertThat(stats().total()).isEqualTo(2);
            assertThat(stats().withContent()).isEqualTo(1);
            assertThat(stats().asOf()).isNotNull();
        }

        @Test
        void aPartialScanKeepsNoTotalsAndRemovesNothing() {
            embed(FINGERPRINT, scanned("1", "one"));

            ScanSummary summary = scan(ALL, new ScanScope.Partial(), scanned("2", "two"));

            assertThat(summary).isEqualTo(new ScanSummary(Map.of(), Map.of()));
            assertThat(stats().total()).isNull();
            assertThat(stats().asOf()).isNull();
            assertThat(trace("1").state()).isEqualTo(RecordState.EMBEDDED);
        }

        @Test
        void vanishedRecordsLeaveWithTheirVectors() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));

            ScanSummary summary = scan(0.5, new ScanScope.Complete("articles"), scanned("2", "two"));

            assertThat(summary).isEqualTo(new ScanSummary(Map.of("articles", 1L), Map.of()));
            assertThat(store.explain(FINGERPRINT, key("1"))).isEmpty();
            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(key("2"));
            assertThat(stats()).satisfies(stats -> {
                assertThat(stats.embedded()).isEqualTo(1);
                assertThat(stats.total()).isEqualTo(1);
            });
        }

        @Test
        void tooLargeAShareIsLeftInAndCounted() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));

            ScanSummary summary = scan(0.5, new ScanScope.Complete(null), scanned("2", "two"));

            assertThat(summary).isEqualTo(new ScanSummary(Map.of(), Map.of("articles", 2L)));
            assertThat(vectors(FINGERPRINT)).hasSize(3);
            requireSum(stats(), 3, 3);
        }

        @Test
        void aShareOfZeroRemovesNothing() {
            embed(FINGERPRINT, scanned("1", "one"));

            assertThat(scan(0, new ScanScope.Complete(null), scanned("2", "two"))
                            .kept())
                    .containsExactly(Map.entry("articles", 1L));
        }

        @Test
        void aScanOfOneSourceLeavesTheOthersAlone() {
            RecordKey other = new RecordKey("tickets", "1");
            embed(FINGERPRINT, scanned("1", "one"), scanned(other, "other"));

            scan(ALL, new ScanScope.Complete("articles"), scanned("2", "two"));

            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(other);
            assertThat(store.stats(FINGERPRINT)).extracting(SourceStats::total).containsExactly(1L, null);
        }

        @Test
        void aScanOfAllSourcesCoversThoseItDidNotMeet() {
            embed(FINGERPRINT, scanned("1", "one"), scanned(new RecordKey("tickets", "1"), "other"));

            ScanSummary summary = scan(ALL, new ScanScope.Complete(null), scanned("1", "one"));

            assertThat(summary.removed()).containsExactly(Map.entry("tickets", 1L));
            assertThat(store.stats(FINGERPRINT)).extracting(SourceStats::source).containsExactly("articles");
        }

        private void requireSum(SourceStats stats, long total, long withContent) {
            assertThat(stats.total()).isEqualTo(total);
            assertThat(stats.withContent()).isEqualTo(withContent);
            assertThat(stats.embedded() + stats.pending() + stats.skipped() + stats.failed())
                    .isEqualTo(withContent);
        }

        @Test
        void theStatesAddUpWhileALaterBuildScansAndAfterChangesEmbeddedLive() {
            scan(ALL, new ScanScope.Complete(null), scanned("1", "one"), scanned("2", "two"), scanned("3", ""));
            requireSum(stats(), 3, 2);

            JobTicket build = begin();
            mark(build, scanned("1", ""), scanned("2", "two"), scanned("3", ""), scanned("4", "four"));
            requireSum(stats(), 3, 2);
            JobTicket live =
                    store.beginJob(new JobStart(JobStart.LIVE_ID, FINGERPRINT, 3, Set.of(), JobStart.Kind.LIVE));
            mark(live, scanned("5", "five"), scanned("6", "six"));
            requireSum(stats(), 5, 4);
            store.forget(live, Set.of(key("2")));
            requireSum(stats(), 4, 3);
            end(live);

            store.endScan(build, new ScanScope.Complete(null), ALL);
            requireSum(stats(), 5, 3);
            end(build);
            scan(ALL, new ScanScope.Partial(), scanned("7", "seven"), scanned("8", ""));
            requireSum(stats(), 6, 4);
        }

        @Test
        void aRecordThatBecameBlankWhileItIsClaimedIsCountedOnce() {
            JobTicket live =
                    store.beginJob(new JobStart(JobStart.LIVE_ID, FINGERPRINT, 3, Set.of(), JobStart.Kind.LIVE));
            mark(live, scanned("1", "one"));
            claimAll(live);

            scan(ALL, new ScanScope.Complete(null), scanned("1", ""), scanned("2", ""));

            requireSum(stats(), 2, 1);
        }

        @Test
        void beforeTheFirstCompleteScanNobodyKnowsHowManyThereAre() {
            embed(FINGERPRINT, scanned("1", "one"));

            assertThat(stats().total()).isNull();
            assertThat(stats().withContent()).isNull();
            assertThat(stats().embedded()).isEqualTo(1);
        }

        @Test
        void afterACompleteScanTheStatesAddUpToTheRecordsWithContent() {
            embed(FINGERPRINT, scanned("1", "one"));
            fail(scanned("2", "two"), Reason.EMBED_PERMANENT);
            fail(scanned("3", "three"), Reason.EMPTY_CONTENT);

            scan(
                    ALL,
                    new ScanScope.Complete(null),
                    scanned("1", "one"),
                    scanned("2", "two"),
                    scanned("3", "three"),
                    scanned("4", "four"),
                    scanned("5", ""));

            SourceStats stats = stats();
            assertThat(stats.withContent()).isEqualTo(4);
            assertThat(stats.embedded() + stats.pending() + stats.skipped() + stats.failed())
                    .isEqualTo(4);
        }
    }

    @Nested
    class Claiming {
        @Test
        void claimsEachRecordOnceOldestFirst() {
            JobTicket job = begin();
            mark(job, scanned("c", "1"), scanned("a", "2"), scanned("b", "3"));

            assertThat(ids(store.claim(job, 2, LEASE))).containsExactly("c", "a");
            assertThat(ids(store.claim(job, 2, LEASE))).containsExactly("b");
            assertThat(store.claim(job, 2, LEASE)).isEmpty();
        }

        @Test
        void claimsOnlyWhatIsOnThisJobsList() {
            JobTicket first = begin();
            mark(first, scanned("1", "one"));
            end(first);
            JobTicket job = begin();
            mark(job, scanned("2", "two"));

            assertThat(ids(claimAll(job))).containsExactly("2");
        }

        @Test
        void aLaterClaimHasAHigherVersion() {
            JobTicket first = begin();
            mark(first, scanned("1", "one"));
            Claim early = claimAll(first).get(0);
            end(first);
            JobTicket job = begin();
            mark(job, scanned("1", "one"));

            assertThat(claimAll(job).get(0).version()).isGreaterThan(early.version());
        }

        @Test
        void renewingLeasesKeepsClaimsValid() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"));
            Claim claim = claimAll(job).get(0);

            store.renewLeases(job, LEASE);

            assertThat(commit(job, embedded(claim, "one"))).isEmpty();
        }
    }

    @Nested
    class Committing {
        @Test
        void storesTheVectorWithWhatItIsOf() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"));
            Instant before = Instant.now().minusSeconds(1);

            Set<RecordKey> refused = commit(job, embedded(claimAll(job).get(0), "one"));

            assertThat(refused).isEmpty();
            assertThat(vectors(FINGERPRINT))
                    .containsExactly(
                            Map.entry(key("1"), new StoredVector(key("1"), Sha256.ofText("one"), vectorOf("one"))));
            RecordTrace trace = trace("1");
            assertThat(trace.state()).isEqualTo(RecordState.EMBEDDED);
            assertThat(trace.generation()).isEqualTo(FINGERPRINT.generation());
            assertThat(trace.vector().jobId()).isEqualTo("job-1");
            assertThat(trace.vector().dimension()).isEqualTo(3);
            assertThat(trace.vector().storedAt()).isCloseTo(before, within(1, ChronoUnit.MINUTES));
        }

        @Test
        void aNewVectorReplacesTheOldOne() {
            embed(FINGERPRINT, scanned("1", "one"));
            embed(FINGERPRINT, scanned("1", "uno"));

            assertThat(vectors(FINGERPRINT).get(key("1")).textHash()).isEqualTo(Sha256.ofText("uno"));
            assertThat(trace("1").vector().jobId()).isEqualTo("job-2");
            assertThat(store.generations().get(0).vectors()).isEqualTo(1);
        }

        @Test
        void theHashAsReadAtClaimTimeIsWhatTheNextScanCompares() {
            JobTicket job = begin();
            mark(job, scanned("1", "as scanned"));
            commit(job, embedded(claimAll(job).get(0), "as read"));
            end(job);
            JobTicket next = begin();

            assertThat(mark(next, scanned("1", "as read")).taken()).isZero();
        }

        @ParameterizedTest
        @EnumSource(Reason.class)
        void aReasonLeavesInTheLedgerWhatItSays(Reason reason) {
            fail(scanned("1", "one"), reason);

            RecordTrace trace = trace("1");
            if (reason.ledger() == Reason.Ledger.PENDING) {
                assertThat(trace.state()).isEqualTo(RecordState.PENDING);
                assertThat(trace.reason()).isNull();
            } else {
                assertThat(trace.state())
                        .isEqualTo(reason.kind() == Reason.Kind.FAILED ? RecordState.FAILED : RecordState.SKIPPED);
                assertThat(trace.reason()).isEqualTo(reason);
                assertThat(trace.detail()).isEqualTo("because");
            }
            assertThat(trace.attempts()).isEqualTo(reason.ledger() == Reason.Ledger.ATTEMPTED ? 1 : 0);
            assertThat(trace.history()).singleElement().satisfies(outcome -> {
                assertThat(outcome.jobId()).isEqualTo("job-1");
                assertThat(outcome.reason()).isEqualTo(reason);
                assertThat(outcome.detail()).isEqualTo("because");
            });
        }

        @Test
        void attemptsAreThoseOnTheTextThatWasRead() {
            fail(scanned("1", "one"), Reason.EMBED_PERMANENT);
            JobTicket job = begin();
            mark(job, scanned("1", "one"));

            commit(job, not(claimAll(job).get(0), "changed since the scan", Reason.EMBED_PERMANENT));

            assertThat(trace("1").attempts()).isEqualTo(1);
        }

        @Test
        void anAttemptWhoseTextWasNotReadCountsForTheKnownOne() {
            fail(scanned("1", "one"), Reason.EMBED_PERMANENT);
            JobTicket job = begin();
            mark(job, scanned("1", "one"));

            commit(
                    job,
                    new NotEmbedded(
                            claimAll(job).get(0), null, Reason.SOURCE_ERROR, "unreadable", null, RecordCost.NONE));

            assertThat(trace("1").attempts()).isEqualTo(2);
        }

        @Test
        void aRetryIsDueWhenTheResultSays() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"));
            Instant due = Instant.parse("2030-01-02T03:04:05.678Z");

            commit(
                    job,
                    new NotEmbedded(claimAll(job).get(0), null, Reason.EMBED_TRANSIENT, "busy", due, RecordCost.NONE));

            assertThat(trace("1").retryDue()).isEqualTo(due);
        }

        @ParameterizedTest
        @EnumSource(Reason.class)
        void anOlderVectorStaysUnlessItsTextIsGone(Reason reason) {
            embed(FINGERPRINT, scanned("1", "one"));
            fail(scanned("1", "uno"), reason);

            assertThat(vectors(FINGERPRINT).keySet())
                    .isEqualTo(reason == Reason.EMPTY_CONTENT ? Set.of() : Set.of(key("1")));
        }

        @Test
        void aResultWhoseClaimWasReleasedIsRefusedAndNoted() {
            JobTicket first = begin();
            mark(first, scanned("1", "one"));
            Claim lost = claimAll(first).get(0);
            end(first);

            assertThat(commit(first, embedded(lost, "one"))).containsExactly(key("1"));

            assertThat(vectors(FINGERPRINT)).isEmpty();
            assertThat(trace("1").state()).isEqualTo(RecordState.PENDING);
            assertThat(outcomes(first, Reason.SUPERSEDED))
                    .extracting(RecordOutcome::key)
                    .containsExactly(key("1"));
        }

        @Test
        void aResultWhoseClaimWasTakenOverIsRefusedAndTheNewOneCounts() {
            JobTicket first = begin();
            mark(first, scanned("1", "one"));
            Claim lost = claimAll(first).get(0);
            end(first);
            JobTicket job = begin();
            mark(job, scanned("1", "uno"));
            Claim taken = claimAll(job).get(0);

            assertThat(commit(first, not(lost, "one", Reason.EMBED_PERMANENT))).containsExactly(key("1"));
            assertThat(commit(first, not(lost, "one", Reason.ABORTED))).containsExactly(key("1"));
            assertThat(commit(job, embedded(lost, "one"))).containsExactly(key("1"));
            assertThat(commit(job, embedded(taken, "uno"))).isEmpty();

            assertThat(vectors(FINGERPRINT).get(key("1")).textHash()).isEqualTo(Sha256.ofText("uno"));
            assertThat(trace("1").attempts()).isZero();
        }

        @Test
        void aResultIsStoredOnce() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"));
            List<Claim> claims = claimAll(job);
            commit(job, embedded(claims.get(0), "one"));

            Set<RecordKey> refused = commit(job, embedded(claims.get(0), "other"), embedded(claims.get(1), "two"));

            assertThat(refused).containsExactly(key("1"));
            assertThat(vectors(FINGERPRINT).get(key("1")).textHash()).isEqualTo(Sha256.ofText("one"));
            assertThat(stats().embedded()).isEqualTo(2);
        }

        @Test
        void aRefusedRecordDoesNotHurtTheOthersOfItsBatch() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            List<Claim> claims = claimAll(job);
            commit(job, not(claims.get(1), "two", Reason.EMBED_PERMANENT));

            commit(
                    job,
                    embedded(claims.get(0), "one"),
                    embedded(claims.get(1), "two"),
                    not(claims.get(2), "three", Reason.EMPTY_CONTENT));

            assertThat(trace("1").state()).isEqualTo(RecordState.EMBEDDED);
            assertThat(trace("2").state()).isEqualTo(RecordState.FAILED);
            assertThat(trace("3").state()).isEqualTo(RecordState.SKIPPED);
        }

        @Test
        void whatWasDoneToATextIsKnownUntilItIsEmbeddedAnew() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"));
            Sha256 hash = Sha256.ofText("one");
            commit(job, new Embedded(claimAll(job).get(0), hash, hash, vectorOf("one"), "truncated", RecordCost.NONE));
            end(job);
            assertThat(trace("1").detail()).isEqualTo("truncated");

            embed(FINGERPRINT, scanned("1", "another one"));

            assertThat(trace("1").state()).isEqualTo(RecordState.EMBEDDED);
            assertThat(trace("1").detail()).isNull();
        }

        @Test
        void aVectorOfAnotherDimensionIsNoResultOfThisGeneration() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"));
            Claim claim = claimAll(job).get(0);
            Embedded wrong = new Embedded(
                    claim, Sha256.ofText("one"), Sha256.ofText("one"), Embedding.of(1, 2), null, RecordCost.NONE);

            assertThatThrownBy(() -> commit(job, wrong)).isInstanceOf(IllegalArgumentException.class);

            assertThat(vectors(FINGERPRINT)).isEmpty();
        }

        @Test
        void outcomesAreStreamedByReason() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            List<Claim> claims = claimAll(job);
            commit(job, not(claims.get(0), "one", Reason.EMPTY_CONTENT));
            commit(
                    job,
                    not(claims.get(1), "two", Reason.EMBED_PERMANENT),
                    not(claims.get(2), "three", Reason.EMPTY_CONTENT));

            assertThat(outcomes(job, Reason.EMPTY_CONTENT))
                    .containsExactly(
                            new RecordOutcome(key("1"), Reason.EMPTY_CONTENT, "because"),
                            new RecordOutcome(key("3"), Reason.EMPTY_CONTENT, "because"));
            assertThat(outcomes(job, Reason.VANISHED)).isEmpty();
        }

        @Test
        void manyResultsFitInOneCommit() {
            JobTicket job = begin();
            ScannedRecord[] records = IntStream.range(0, 1000)
                    .mapToObj(i -> scanned("id-" + i, "text " + i))
                    .toArray(ScannedRecord[]::new);
            mark(job, records);

            store.commit(
                    job,
                    claimAll(job).stream()
                            .<RecordResult>map(claim -> embedded(claim, textAt(claim)))
                            .toList(),
                    List.of(call(TokenUsage.reported(5000, 0))));

            assertThat(vectors(FINGERPRINT))
                    .hasSize(1000)
                    .allSatisfy((key, vector) -> assertThat(vector.textHash())
                            .isEqualTo(Sha256.ofText("text " + key.id().substring(3))));
        }
    }

    /** A worker that was taken for dead wakes up and goes on. */
    @Nested
    class ATakenOverJob {
        private EmbeddingStore late;
        private JobTicket lateJob;
        private List<Claim> lateClaims;
        private JobTicket job;

        /** How far the successor is. */
        private enum Successor {
            HAS_BEGUN,
            HAS_MARKED,
            HAS_CLAIMED,
            HAS_STORED,
            HAS_ENDED
        }

        @BeforeEach
        void takeOver() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"));
            fail(scanned("2", "two"), Reason.EMBED_PERMANENT);
            lateJob = begin();
            mark(lateJob, scanned("1", "uno"), scanned("2", "two"), scanned("3", "three"));
            lateClaims = claimAll(lateJob);
            late = store;
            store = successor();
            job = begin();
        }

        @AfterEach
        void closeLate() {
            late.close();
        }

        private ScannedRecord[] records() {
            return new ScannedRecord[] {scanned("1", "newer"), scanned("2", "two"), scanned("3", "three")};
        }

        private void advance(Successor to) {
            if (to.compareTo(Successor.HAS_MARKED) >= 0) {
                assertThat(mark(job, records()).taken()).isEqualTo(3);
            }
            List<Claim> claims = to.compareTo(Successor.HAS_CLAIMED) >= 0 ? claimAll(job) : List.of();
            if (to.compareTo(Successor.HAS_STORED) >= 0) {
                claims.forEach(claim ->
                        assertThat(commit(job, embedded(claim, textAt(claim)))).isEmpty());
            }
            if (to.compareTo(Successor.HAS_ENDED) >= 0) {
                end(job);
            }
        }

        private List<Object> whatIsStored() {
            List<Object> all = new ArrayList<>(store.stats(FINGERPRINT));
            for (String id : List.of("1", "2", "3")) {
                RecordTrace trace = trace(id);
                all.addAll(Arrays.asList(
                        trace.state(), trace.reason(), trace.attempts(), trace.retryDue(), trace.changedAt()));
            }
            all.add(vectors(FINGERPRINT));
            return all;
        }

        private RecordResult late(Claim claim, String kind) {
            return kind.equals("embedded") ? embedded(claim, "late") : not(claim, "late", Reason.ofCode(kind));
        }

        @Test
        void losesItsClaimsAtOnce() {
            advance(Successor.HAS_MARKED);

            List<Claim> claims = claimAll(job);

            assertThat(ids(claims)).containsExactly("1", "2", "3");
            assertThat(claims)
                    .extracting(Claim::version)
                    .containsExactlyElementsOf(lateClaims.stream()
                            .map(claim -> claim.version() + 1)
                            .toList());
        }

        @ParameterizedTest
        @EnumSource
        void writesNoResultAnyMore(Successor successor) {
            advance(successor);
            List<Object> before = whatIsStored();

            for (String kind : List.of("embedded", "embed_permanent", "empty_content", "aborted")) {
                Set<RecordKey> refused = late.commit(
                        lateJob,
                        lateClaims.stream().map(claim -> late(claim, kind)).toList(),
                        List.of());

                assertThat(refused).as(kind).containsExactlyInAnyOrder(key("1"), key("2"), key("3"));
                assertThat(whatIsStored()).as(kind).isEqualTo(before);
            }
            assertThat(outcomes(lateJob, Reason.SUPERSEDED)).hasSize(3 * 4);
        }

        @Test
        void doesNotDisturbTheClaimsOfItsSuccessor() {
            advance(Successor.HAS_MARKED);
            List<Claim> claims = claimAll(job);

            late.renewLeases(lateJob, LEASE);
            late.commit(lateJob, List.of(late(lateClaims.get(0), "aborted")), List.of());

            for (Claim claim : claims) {
                assertThat(commit(job, embedded(claim, textAt(claim)))).isEmpty();
            }
            assertThat(vectors(FINGERPRINT).get(key("1")).textHash()).isEqualTo(Sha256.ofText("newer"));
            assertThat(end(job)).isEqualTo(new JobEnd(0));
        }

        @Test
        void stillKeepsTheRewritesThatItPaidFor() {
            Sha256 prepared = Sha256.ofText("prepared");

            late.keepRewrites(lateJob, "f1", Map.of(prepared, "rewritten"), List.of());

            assertThat(texts(store.rewrites("f1", Set.of(prepared)))).containsExactly(Map.entry(prepared, "rewritten"));
        }
    }

    @Nested
    class KeepingOutcomes {
        @Test
        void recordsThatNeverEnteredTheLedgerAreFoundByReason() {
            JobTicket job = begin();
            RecordOutcome unreadable =
                    new RecordOutcome(key("line 17"), Reason.SOURCE_ERROR, "line 17: not valid JSON");

            store.keepOutcomes(job, List.of(unreadable));
            end(job);

            assertThat(outcomes(job, Reason.SOURCE_ERROR)).containsExactly(unreadable);
            assertThat(store.explain(FINGERPRINT, key("line 17"))).isEmpty();
        }
    }

    @Nested
    class EndingAJob {
        @Test
        void countsWhatIsLeftClaimedOrNotAndLeavesItPending() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            List<Claim> claims = store.claim(job, 2, LEASE);
            commit(job, embedded(claims.get(0), "one"));

            assertThat(store.endJob(job, JobState.CANCELLED, Reason.CANCELLED)).isEqualTo(new JobEnd(2));

            assertThat(stats().pending()).isEqualTo(2);
            assertThat(trace("3").attempts()).isZero();
            assertThat(mark(begin(), scanned("2", "two"), scanned("3", "three")).taken())
                    .isEqualTo(2);
        }

        @Test
        void nothingIsLeftOfACompleteJob() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"));
            commit(job, embedded(claimAll(job).get(0), "one"));

            assertThat(end(job)).isEqualTo(new JobEnd(0));
        }
    }

    @Nested
    class KeepingRewrites {
        private final Sha256 prepared = Sha256.ofText("prepared");

        @Test
        void rewritesComeBackByFingerprintAndText() {
            JobTicket job = begin();
            store.keepRewrites(job, "f1", Map.of(prepared, "rewritten \uD83D\uDE00"), List.of());

            assertThat(texts(store.rewrites("f1", Set.of(prepared, Sha256.ofText("unknown")))))
                    .containsExactly(Map.entry(prepared, "rewritten \uD83D\uDE00"));
            assertThat(texts(store.rewrites("f2", Set.of(prepared)))).isEmpty();
            assertThat(texts(store.rewrites("f1", Set.of()))).isEmpty();
        }

        @Test
        void aLaterRewriteReplacesTheEarlierOne() {
            JobTicket job = begin();
            store.keepRewrites(job, "f1", Map.of(prepared, "first"), List.of());
            store.keepRewrites(job, "f1", Map.of(prepared, "second"), List.of());

            assertThat(texts(store.rewrites("f1", Set.of(prepared)))).containsExactly(Map.entry(prepared, "second"));
        }

        @Test
        void rewritesServeEveryGenerationAndJob() {
            JobTicket job = begin();
            store.keepRewrites(job, "f1", Map.of(prepared, "rewritten"), List.of());
            end(job);

            JobTicket other = begin(fingerprint("model-b"));
            assertThat(texts(store.rewrites("f1", Set.of(prepared)))).containsExactly(Map.entry(prepared, "rewritten"));
            end(other);
            store.prune(FINGERPRINT.generation());

            assertThat(texts(store.rewrites("f1", Set.of(prepared)))).containsExactly(Map.entry(prepared, "rewritten"));
        }

        @Test
        void rewritesOfAnInterruptedJobStay() throws Exception {
            store.keepRewrites(begin(), "f1", Map.of(prepared, "rewritten"), List.of());

            try (EmbeddingStore interrupted = store) {
                store = successor();
                begin();

                assertThat(texts(store.rewrites("f1", Set.of(prepared))))
                        .isEqualTo(texts(interrupted.rewrites("f1", Set.of(prepared))))
                        .containsExactly(Map.entry(prepared, "rewritten"));
            }
        }

        @Test
        void manyAreLookedUpAtOnce() {
            JobTicket job = begin();
            Map<Sha256, String> kept = new HashMap<>();
            for (int i = 0; i < 1234; i++) {
                kept.put(Sha256.ofText("p" + i), "r" + i);
            }
            store.keepRewrites(job, "f1", kept, List.of(call(TokenUsage.estimated(10, 10))));
            end(job);

            assertThat(texts(store.rewrites("f1", kept.keySet()))).isEqualTo(kept);
        }
    }

    private JobTicket beginLive() {
        return beginLive(FINGERPRINT);
    }

    private JobTicket beginLive(Fingerprint fingerprint) {
        return store.beginJob(new JobStart(JobStart.LIVE_ID, fingerprint, 3, Set.of(), JobStart.Kind.LIVE));
    }

    private SourceHealth health() {
        List<SourceHealth> health = store.health(FINGERPRINT);
        assertThat(health).hasSize(1);
        return health.get(0);
    }

    @Nested
    class KeepingTheBill {
        private static final String SIXTH_PART = "0.000000166667";
        private final Instant noon = Instant.parse("2026-03-28T12:00:00Z");

        private ProviderCall paid(Instant at, String model, String usd, ProviderCall.Share... shares) {
            return new ProviderCall(
                    at,
                    Duration.ofMillis(12),
                    "openai",
                    model,
                    Capability.EMBEDDING,
                    3,
                    TokenUsage.reported(10, 1),
                    usd == null ? null : new BigDecimal(usd),
                    null,
                    List.of(shares));
        }

        private ProviderCall.Share share(String source, long tokens, String usd) {
            return new ProviderCall.Share(source, 1, tokens, 0, usd == null ? null : new BigDecimal(usd));
        }

        private CostReport costs() {
            return costs(ZoneOffset.UTC);
        }

        private CostReport costs(ZoneId zone) {
            return store.costs(new CostQuery(null, null, zone));
        }

        private List<String> lines(List<CostReport.Line> lines) {
            return lines.stream()
                    .map(line -> line.key() + "=" + line.sum().knownCostUsd().toPlainString())
                    .toList();
        }

        @Test
        void anEmptyBillIsZero() {
            CostReport report = costs();

            assertThat(report.total()).isEqualTo(new CostReport.Sum(0, 0, 0, false, BigDecimal.ZERO, 0));
            assertThat(report.byDay()).isEmpty();
            assertThat(report.zone()).isEqualTo(ZoneOffset.UTC);
        }

        @Test
        void addsUpByDaySourceModelAndJob() {
            JobTicket first = begin();
            store.keepRewrites(
                    first,
                    "f",
                    Map.of(),
                    List.of(paid(noon, "small", "0.5", share("a", 4, "0.2"), share("b", 6, "0.3"))));
            end(first);
            JobTicket second = begin();
            store.commit(
                    second,
                    List.of(),
                    List.of(
                            paid(noon.plus(1, ChronoUnit.DAYS), "large", "1", share("b", 10, "1")),
                            paid(noon, "small", "0.25")));
            store.keepCalls(List.of(paid(noon, "large", "2", share("c", 10, "2"))));

            CostReport report = costs();

            assertThat(report.total()).isEqualTo(new CostReport.Sum(4, 40, 4, false, new BigDecimal("3.75"), 0));
            assertThat(lines(report.byDay())).containsExactly("2026-03-28=2.75", "2026-03-29=1");
            assertThat(lines(report.bySource())).containsExactly("=0.25", "a=0.2", "b=1.3", "c=2");
            assertThat(lines(report.byModel())).containsExactly("openai/large=3", "openai/small=0.75");
            assertThat(lines(report.byJob())).containsExactly("=2", "job-1=0.5", "job-2=1.25");
            assertThat(report.bySource().get(2).sum())
                    .isEqualTo(new CostReport.Sum(2, 16, 0, false, new BigDecimal("1.3"), 0));
        }

        @Test
        void anUnknownPriceStaysUnknownAndWhatIsKnownIsStillAddedUp() {
            JobTicket job = begin();
            store.commit(
                    job,
                    List.of(),
                    List.of(
                            paid(noon, "small", "0.5", share("a", 10, "0.5")),
                            paid(noon, "own", null, share("b", 10, null))));

            CostReport report = costs();

            assertThat(report.total().costUsd()).isNull();
            assertThat(report.total().knownCostUsd()).isEqualByComparingTo("0.5");
            assertThat(report.total().unpricedTokens()).isEqualTo(11);
            assertThat(report.bySource())
                    .extracting(line -> line.sum().costUsd())
                    .containsExactly(new BigDecimal("0.5"), null);
            assertThat(store.job("job-1").orElseThrow().costUsd()).isNull();
        }

        @Test
        void aFreeCallCostsNothingAndThatIsKnown() {
            store.keepCalls(List.of(paid(noon, "own", "0")));

            assertThat(costs().total().costUsd()).isEqualByComparingTo("0");
        }

        @Test
        void sumsAreExactAndDoNotOverflow() {
            JobTicket job = begin();
            List<ProviderCall> calls = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                calls.add(paid(noon, "small", SIXTH_PART, share("a", 10, SIXTH_PART)));
                calls.add(paid(noon, "large", "9000000.000000000001", share("b", 10, "9000000.000000000001")));
            }

            store.commit(job, List.of(), calls);
            store.commit(job, List.of(), calls);

            BigDecimal all = new BigDecimal("108000000.000002000016");
            CostReport report = costs();
            assertThat(report.total().costUsd()).isEqualByComparingTo(all);
            assertThat(lines(report.bySource())).containsExactly("a=0.000002000004", "b=108000000.000000000012");
            assertThat(store.job("job-1").orElseThrow().costUsd()).isEqualByComparingTo(all);
        }

        @Test
        void aPriceChangeInMidHistoryCountsFromThenOn() {
            store.keepCalls(List.of(paid(noon, "small", "0.02"), paid(noon.plusSeconds(1), "small", "0.03")));

            assertThat(lines(costs().byModel())).containsExactly("openai/small=0.05");
        }

        @Test
        void estimatesAreMarked() {
            store.keepCalls(List.of(call(TokenUsage.reported(5, 0)), call(TokenUsage.estimated(7, 0))));

            assertThat(costs().total().estimated()).isTrue();
            assertThat(costs().total().inputTokens()).isEqualTo(12);
        }

        @Test
        void onlyCallsOfTheTimeAskedForAreAddedUp() {
            for (int hour = 0; hour < 5; hour++) {
                store.keepCalls(List.of(paid(noon.plus(hour, ChronoUnit.HOURS), "small", "1")));
            }

            CostReport report = store.costs(
                    new CostQuery(noon.plus(1, ChronoUnit.HOURS), noon.plus(3, ChronoUnit.HOURS), ZoneOffset.UTC));

            assertThat(report.total().requests()).isEqualTo(2);
            assertThat(report.from()).isEqualTo(noon.plus(1, ChronoUnit.HOURS));
        }

        @Test
        void aDayEndsAtItsMidnight() {
            store.keepCalls(List.of(
                    paid(Instant.parse("2026-03-28T23:59:59.999Z"), "small", "1"),
                    paid(Instant.parse("2026-03-29T00:00:00Z"), "small", "2")));

            assertThat(lines(costs().byDay())).containsExactly("2026-03-28=1", "2026-03-29=2");
            assertThat(lines(costs(ZoneId.of("Asia/Tokyo")).byDay())).containsExactly("2026-03-29=3");
            assertThat(lines(costs(ZoneId.of("America/New_York")).byDay())).containsExactly("2026-03-28=3");
        }

        @Test
        void daysOfZonesWithSummerTimeHave23Or25Hours() {
            ZoneId berlin = ZoneId.of("Europe/Berlin");
            Instant shortDay = Instant.parse("2026-03-28T23:00:00Z");
            Instant longDay = Instant.parse("2026-10-24T22:00:00Z");
            for (int hour = -1; hour <= 25; hour++) {
                store.keepCalls(List.of(
                        paid(shortDay.plus(hour, ChronoUnit.HOURS), "small", "1"),
                        paid(longDay.plus(hour, ChronoUnit.HOURS), "small", "1")));
            }

            assertThat(lines(costs(berlin).byDay()))
                    .containsExactly(
                            "2026-03-28=1",
                            "2026-03-29=23",
                            "2026-03-30=3",
                            "2026-10-24=1",
                            "2026-10-25=25",
                            "2026-10-26=1");
        }

        @Test
        void aDayThatWasEnteredTwiceLosesNoCall() {
            // Until 2011 the clocks of Newfoundland went back from one minute past midnight to the day before.
            ZoneId newfoundland = ZoneId.of("America/St_Johns");
            Instant night = Instant.parse("2010-11-07T01:00:00Z");
            for (int minute = 0; minute < 300; minute += 10) {
                store.keepCalls(List.of(paid(night.plus(minute, ChronoUnit.MINUTES), "small", "1")));
            }

            CostReport report = costs(newfoundland);

            assertThat(report.byDay()).extracting(CostReport.Line::key).containsExactly("2010-11-06", "2010-11-07");
            assertThat(report.byDay().stream()
                            .mapToLong(line -> line.sum().requests())
                            .sum())
                    .isEqualTo(30);
        }

        @Test
        void aClockThatJumpsBackLosesNothing() {
            JobTicket job = begin();
            for (Instant at : List.of(noon, noon.minus(400, ChronoUnit.DAYS), Instant.EPOCH.minusSeconds(1), noon)) {
                store.commit(job, List.of(), List.of(paid(at, "small", "1")));
            }

            assertThat(lines(costs().byDay())).containsExactly("1969-12-31=1", "2025-02-21=1", "2026-03-28=2");
            assertThat(costs().total().requests()).isEqualTo(4);
        }

        @Test
        void aRecordsShareIsShownWithItsVectorAndItsOutcomes() {
            RecordCost first = new RecordCost(7, new BigDecimal("0.07"));
            RecordCost second = new RecordCost(8, null);
            for (RecordCost cost : List.of(first, second)) {
                JobTicket job = begin();
                mark(job, scanned("1", "text " + cost.tokens()));
                Claim claim = claimAll(job).get(0);
                Embedded result = embedded(claim, textAt(claim));
                commit(
                        job,
                        new Embedded(claim, result.contentHash(), result.textHash(), result.embedding(), null, cost));
                end(job);
            }
            JobTicket failing = begin();
            mark(failing, scanned("1", "third"));
            RecordCost third = new RecordCost(9, new BigDecimal("0.09"));
            commit(
                    failing,
                    new NotEmbedded(claimAll(failing).get(0), null, Reason.EMBED_TRANSIENT, "because", null, third));

            RecordTrace trace = trace("1");

            assertThat(trace.vector().cost()).isEqualTo(second);
            assertThat(trace.vector().jobId()).isEqualTo("job-2");
            assertThat(trace.history())
                    .extracting(RecordTrace.PastOutcome::jobId)
                    .containsExactly("job-3", "job-1");
            assertThat(trace.history())
                    .extracting(RecordTrace.PastOutcome::reason)
                    .containsExactly(Reason.EMBED_TRANSIENT, null);
            assertThat(trace.history())
                    .extracting(RecordTrace.PastOutcome::cost)
                    .containsExactly(third, first);
        }

        @Test
        void aFirstBackfillLeavesNoHistory() {
            embed(FINGERPRINT, scanned("1", "one"));

            assertThat(trace("1").history()).isEmpty();
        }

        @Test
        void aVectorWhoseTextIsGoneBecomesHistory() {
            embed(FINGERPRINT, scanned("1", "one"));
            fail(scanned("1", "<p></p>"), Reason.EMPTY_CONTENT);

            assertThat(trace("1").history())
                    .extracting(RecordTrace.PastOutcome::reason)
                    .containsExactly(Reason.EMPTY_CONTENT, null);
        }
    }

    @Nested
    class PayingOnce {
        private final Sha256 one = Sha256.ofText("one");

        @Test
        void aStoredVectorIsFoundByItsText() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));

            Map<Sha256, KeptVector> found = store.vectors(FINGERPRINT, Set.of(one, Sha256.ofText("unknown")));

            assertThat(found).containsExactly(Map.entry(one, new KeptVector(vectorOf("one"), 1)));
            assertThat(store.vectors(FINGERPRINT, Set.of())).isEmpty();
            assertThat(store.vectors(fingerprint("model-b"), Set.of(one))).isEmpty();
        }

        @Test
        void ofSeveralForOneTextTheOneOfTheLatestJobIsFound() {
            embed(FINGERPRINT, scanned("1", "one"));
            embed(FINGERPRINT, scanned("2", "one"));
            embed(FINGERPRINT, scanned(new RecordKey("tickets", "1"), "other"));

            assertThat(store.vectors(FINGERPRINT, Set.of(one)).get(one).job()).isEqualTo(2);
        }

        @Test
        void aReplacedOrRemovedVectorIsFoundNoMore() {
            embed(FINGERPRINT, scanned("1", "one"));
            embed(FINGERPRINT, scanned("1", "uno"));

            assertThat(store.vectors(FINGERPRINT, Set.of(one, Sha256.ofText("uno"))))
                    .containsOnlyKeys(Sha256.ofText("uno"));
        }

        @Test
        void manyAreLookedUpAtOnce() {
            ScannedRecord[] records = IntStream.range(0, 500)
                    .mapToObj(i -> scanned("id-" + i, "text " + i))
                    .toArray(ScannedRecord[]::new);
            embed(FINGERPRINT, records);
            Set<Sha256> asked = IntStream.range(0, 1000)
                    .mapToObj(i -> Sha256.ofText("text " + i))
                    .collect(Collectors.toSet());

            assertThat(store.vectors(FINGERPRINT, asked)).hasSize(500);
        }

        @Test
        void aRewriteSaysWhichJobBoughtIt() {
            JobTicket first = begin();
            store.keepRewrites(first, "f", Map.of(one, "uno"), List.of());
            end(first);
            JobTicket second = begin();
            assertThat(store.rewrites("f", Set.of(one)).get(one).job()).isEqualTo(first.number());

            store.keepRewrites(second, "f", Map.of(one, "eins"), List.of());

            assertThat(store.rewrites("f", Set.of(one)).get(one)).isEqualTo(new KeptRewrite("eins", second.number()));
        }

        @Test
        void aRebuildWantsNothingOlderThanItselfUntilItsVectorIsThere() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            JobTicket rebuild = begin();
            store.mark(
                    rebuild,
                    List.of(scanned("1", "one"), scanned("2", "two"), scanned("3", "three"), scanned("4", "four")),
                    MarkMode.REBUILD);
            List<Claim> claims = claimAll(rebuild);
            assertThat(claims).extracting(Claim::freshSince).containsOnly(rebuild.number());
            commit(
                    rebuild,
                    embedded(claims.get(0), "one"),
                    not(claims.get(1), "two", Reason.EMBED_TRANSIENT),
                    not(claims.get(2), "three", Reason.ABORTED));
            end(rebuild);

            JobTicket job = begin();
            mark(job, scanned("1", "uno"), scanned("2", "two"), scanned("3", "three"), scanned("4", "four"));

            assertThat(claimAll(job))
                    .extracting(Claim::freshSince)
                    .containsExactly(0L, rebuild.number(), rebuild.number(), rebuild.number());
        }

        @Test
        void aPlainBuildWantsNothingFresh() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"));

            assertThat(claimAll(job)).extracting(Claim::freshSince).containsExactly(0L);
        }
    }

    @Nested
    class WouldTaking {
        private final JobStart start = new JobStart("imagined", FINGERPRINT, 3, Set.of(Reason.INPUT_TOO_LONG));

        @Test
        void anEmptyStoreTakesAllThatHasContentAndStaysEmpty() {
            Map<RecordKey, Long> taken = store.wouldTake(
                    start, List.of(scanned("1", "one"), scanned("2", " "), scanned("1", "again")), MarkMode.PENDING);

            assertThat(taken).isEqualTo(Map.of(key("1"), 0L));
            assertThat(store.generations()).isEmpty();
            assertThat(store.explain(FINGERPRINT, key("1"))).isEmpty();
        }

        @Test
        void whatAKilledRebuildLeftIsStillToBeBoughtAnew() {
            embed(FINGERPRINT, scanned("done", "one"), scanned("left", "two"));
            JobTicket rebuild = store.beginJob(new JobStart("rebuild", FINGERPRINT, 3));
            store.mark(rebuild, List.of(scanned("left", "two")), MarkMode.REBUILD);
            store.endJob(rebuild, JobState.CANCELLED, Reason.CANCELLED);

            assertThat(store.wouldTake(
                            start, List.of(scanned("done", "one"), scanned("left", "two")), MarkMode.PENDING))
                    .isEqualTo(Map.of(key("left"), rebuild.number()));
        }

        @ParameterizedTest
        @EnumSource(MarkMode.class)
        void saysWhatMarkingThenDoes(MarkMode mode) {
            embed(FINGERPRINT, scanned("same", "one"), scanned("changed", "two"), scanned("blank", "three"));
            for (Reason reason : Reason.values()) {
                fail(scanned("once-" + reason, "text"), reason);
                for (int i = 0; i < 3; i++) {
                    fail(scanned("thrice-" + reason, "text"), reason);
                }
            }
            List<ScannedRecord> page = new ArrayList<>(List.of(
                    scanned("same", "one"), scanned("changed", "due"), scanned("blank", ""), scanned("new", "new")));
            for (Reason reason : Reason.values()) {
                page.add(scanned("once-" + reason, "text"));
                page.add(scanned("thrice-" + reason, "text"));
                page.add(scanned("twice-" + reason, "text"));
            }

            Set<RecordKey> wouldTake = store.wouldTake(start, page, mode).keySet();
            JobTicket job = store.beginJob(start);
            MarkedPage marked = store.mark(job, page, mode);

            assertThat(marked.taken()).isEqualTo(wouldTake.size());
            assertThat(claimAll(job)).extracting(Claim::key).containsExactlyInAnyOrderElementsOf(wouldTake);
        }
    }

    @Nested
    class RememberingJobs {
        @Test
        void theLatestBuildsComeFirst() {
            end(begin());
            JobTicket second = begin();
            mark(second, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            List<Claim> claims = store.claim(second, 2, LEASE);
            store.commit(
                    second,
                    List.of(embedded(claims.get(0), "one"), not(claims.get(1), "two", Reason.EMPTY_CONTENT)),
                    List.of(call(TokenUsage.reported(5, 1)), call(TokenUsage.reported(6, 2))));
            store.endJob(second, JobState.CANCELLED, Reason.CANCELLED);

            List<JobInfo> jobs = store.jobs(10);

            assertThat(jobs).extracting(JobInfo::jobId).containsExactly("job-2", "job-1");
            JobInfo info = jobs.get(0);
            assertThat(info.generation()).isEqualTo(FINGERPRINT.generation());
            assertThat(info.state()).isEqualTo(JobState.CANCELLED);
            assertThat(info.endedAt()).isAfterOrEqualTo(info.startedAt());
            assertThat(info.embedded()).isEqualTo(1);
            assertThat(info.notEmbedded()).isEqualTo(Map.of(Reason.EMPTY_CONTENT, 1L, Reason.CANCELLED, 1L));
            assertThat(info.requests()).isEqualTo(2);
            assertThat(info.inputTokens()).isEqualTo(11);
            assertThat(info.outputTokens()).isEqualTo(3);
            assertThat(info.costUsd()).isEqualByComparingTo("0");
            assertThat(info.resumes()).isNull();
            assertThat(store.jobs(1)).containsExactly(info);
            assertThat(store.job("job-2")).contains(info);
            assertThat(store.job("job-3")).isEmpty();
        }

        @Test
        void whatABuildWasAskedIsKept() {
            JobScope asked = new JobScope(
                    JobScope.Task.REBUILD, "articles", "x'y%", 17, new BigDecimal("12345678.000000000001"));
            JobTicket job =
                    store.beginJob(new JobStart("asked", FINGERPRINT, 3, Set.of(), JobStart.Kind.BUILD, asked, null));
            assertThat(store.jobs(1)).extracting(JobInfo::scope).containsExactly(asked);
            end(job);

            end(begin());

            assertThat(store.jobs(2)).extracting(JobInfo::scope).containsExactly(JobScope.ALL, asked);
            end(store.beginJob(new JobStart(JobStart.LIVE_ID, FINGERPRINT, 3, Set.of(), JobStart.Kind.LIVE)));
            assertThat(store.job(JobStart.LIVE_ID))
                    .hasValueSatisfying(live -> assertThat(live.scope()).isEqualTo(JobScope.LIVE));
        }

        @Test
        void aRunningBuildIsAskedToStopUntilItEnds() {
            JobTicket job = begin();
            assertThat(store.cancelRequested(job)).isFalse();
            assertThat(store.jobs(1)).extracting(JobInfo::cancelRequested).containsExactly(false);

            assertThat(store.requestCancel("job-1")).isTrue();
            assertThat(store.requestCancel("job-1")).isTrue();

            assertThat(store.cancelRequested(job)).isTrue();
            assertThat(store.jobs(1)).extracting(JobInfo::cancelRequested).containsExactly(true);
            store.endJob(job, JobState.CANCELLED, Reason.CANCELLED);
            assertThat(store.cancelRequested(job)).isFalse();
            assertThat(store.jobs(1)).extracting(JobInfo::cancelRequested).containsExactly(false);
            assertThat(store.cancelRequested(begin())).isFalse();
        }

        @Test
        void whatIsNoRunningBuildIsNotAskedToStop() {
            assertThat(store.requestCancel("job-1")).isFalse();
            end(begin());
            assertThat(store.requestCancel("job-1")).isFalse();
            JobTicket live =
                    store.beginJob(new JobStart(JobStart.LIVE_ID, FINGERPRINT, 3, Set.of(), JobStart.Kind.LIVE));
            JobTicket second = begin();

            assertThat(store.requestCancel(JobStart.LIVE_ID)).isFalse();
            assertThat(store.requestCancel("job-1")).isFalse();

            assertThat(store.cancelRequested(live)).isFalse();
            assertThat(store.cancelRequested(second)).isFalse();
        }

        @Test
        void aDeadBuildIsNotAskedToStopAndTheRequestDoesNotReachTheNextOne() throws Exception {
            JobTicket dead = begin();
            store.requestCancel("job-1");
            try (EmbeddingStore late = store) {
                store = successor();

                assertThat(store.requestCancel("job-1")).isFalse();
                assertThat(store.cancelRequested(begin())).isFalse();
                assertThat(late.cancelRequested(dead)).isFalse();
            }
        }

        @Test
        void aBuildWhoseWorkerDiedIsInterruptedAtOnce() throws Exception {
            JobTicket build = begin();
            JobTicket live =
                    store.beginJob(new JobStart(JobStart.LIVE_ID, FINGERPRINT, 3, Set.of(), JobStart.Kind.LIVE));
            store.noteHeldUp(build, "nothing gets through");
            store.noteHeldUp(live, "nothing gets through");
            store.requestCancel("job-1");
            try (EmbeddingStore dead = store) {
                store = successor();

                for (JobInfo job : List.of(
                        store.jobs(1).get(0),
                        store.job("job-1").orElseThrow(),
                        store.job(JobStart.LIVE_ID).orElseThrow())) {
                    assertThat(job.state()).isEqualTo(JobState.INTERRUPTED);
                    assertThat(job.heldUpBy()).isNull();
                    assertThat(job.cancelRequested()).isFalse();
                    assertThat(job.endedAt()).isNull();
                }
                HealthStats health = HealthStats.of(store, FINGERPRINT, Clock.systemUTC());
                assertThat(health.lastRun().state()).isEqualTo(JobState.INTERRUPTED);
                assertThat(health.circuitOpen()).isFalse();
                begin();
                assertThat(store.job("job-1").orElseThrow().state()).isEqualTo(JobState.INTERRUPTED);
                assertThat(store.job("job-1").orElseThrow().endedAt()).isNotNull();
                assertThat(store.job("job-2").orElseThrow().state()).isEqualTo(JobState.RUNNING);
                assertThat(dead.location()).isNotBlank();
            }
        }

        @Test
        void whatHoldsARunningJobUpIsSaidUntilItPassesOrTheJobEnds() {
            JobTicket job = begin();
            assertThat(store.jobs(1).get(0).state()).isEqualTo(JobState.RUNNING);

            store.noteHeldUp(job, "nothing gets through to openai");
            assertThat(store.jobs(1).get(0).heldUpBy()).isEqualTo("nothing gets through to openai");
            store.noteHeldUp(job, null);
            assertThat(store.jobs(1).get(0).heldUpBy()).isNull();

            store.noteHeldUp(job, "again");
            end(job);
            assertThat(store.jobs(1).get(0).heldUpBy()).isNull();
        }

        @Test
        void anOrdinaryJobResumesNothing() {
            end(begin());

            assertThat(begin().resumed()).isNull();
        }

        @Test
        void aBuildCarriesOnTheSpendingOfTheInterruptedOnesBeforeIt() throws Exception {
            spend(begin(), "1.5");
            EmbeddingStore first = store;
            store = successor();
            JobTicket second = begin();
            assertThat(second.resumed()).isEqualTo(new JobTicket.Resumed("job-1", new BigDecimal("1.5")));
            spend(second, "0.75");
            EmbeddingStore dead = store;
            store = successor();

            JobTicket third = begin();

            assertThat(third.resumed()).isEqualTo(new JobTicket.Resumed("job-2", new BigDecimal("2.25")));
            assertThat(store.jobs(3))
                    .extracting(JobInfo::state)
                    .containsExactly(JobState.RUNNING, JobState.INTERRUPTED, JobState.INTERRUPTED);
            assertThat(store.jobs(3)).extracting(JobInfo::resumes).containsExactly("job-2", "job-1", null);
            assertThat(store.jobs(1).get(0).costUsd()).isEqualByComparingTo("0");
            end(third);
            assertThat(begin().resumed()).isNull();
            first.close();
            dead.close();
        }

        @Test
        void aBuildOnAnotherGenerationResumesNothing() throws Exception {
            spend(begin(), "1.5");
            try (EmbeddingStore dead = store) {
                store = successor();

                assertThat(begin(fingerprint("model-b")).resumed()).isNull();
                assertThat(dead.location()).isNotBlank();
            }
        }

        private void spend(JobTicket job, String usd) {
            ProviderCall free = call(TokenUsage.reported(1, 0));
            ProviderCall paid = new ProviderCall(
                    free.at(),
                    free.took(),
                    free.provider(),
                    free.model(),
                    free.capability(),
                    free.texts(),
                    free.usage(),
                    new BigDecimal(usd),
                    null,
                    List.of());
            store.commit(job, List.of(), List.of(paid, free));
        }
    }

    @Nested
    class Resuming {
        private final JobScope rebuild = new JobScope(JobScope.Task.REBUILD, null, null, null, null);
        private final List<EmbeddingStore> dead = new ArrayList<>();

        @AfterEach
        void closeTheDead() {
            dead.forEach(EmbeddingStore::close);
        }

        private JobTicket begin(String id, JobScope scope, @Nullable String resumes) {
            return store.beginJob(start(id, scope, resumes));
        }

        private JobStart start(String id, JobScope scope, @Nullable String resumes) {
            return new JobStart(id, FINGERPRINT, 3, Set.of(), JobStart.Kind.BUILD, scope, resumes);
        }

        private void die() throws Exception {
            dead.add(store);
            store = successor();
        }

        private void refuses(String resumes, String... why) {
            assertThatThrownBy(() -> begin("next-" + resumes, JobScope.ALL, resumes))
                    .isInstanceOfSatisfying(
                            JobRefusedException.class,
                            refused -> assertThat(refused.kind()).isEqualTo(JobRefusedException.Kind.NOT_RESUMABLE))
                    .hasMessageContaining(resumes)
                    .hasMessageContainingAll(whyInThisStore(why));
            assertThat(store.job("next-" + resumes)).isEmpty();
        }

        @Test
        void anInterruptedBuildIsCarriedOnByName() throws Exception {
            begin("first", JobScope.ALL, null);
            die();

            JobTicket job = begin("second", JobScope.ALL, "first");

            assertThat(job.resumed()).isEqualTo(new JobTicket.Resumed("first", BigDecimal.ZERO));
            assertThat(store.jobs(2)).extracting(JobInfo::resumes).containsExactly("first", null);
            assertThat(store.jobs(2))
                    .extracting(JobInfo::state)
                    .containsExactly(JobState.RUNNING, JobState.INTERRUPTED);
        }

        @Test
        void aJobThatDoesNotComeToItsRecordsLeavesAnInterruptedOneOpen() throws Exception {
            begin("first", JobScope.ALL, null);
            die();
            List<JobScope> others = List.of(
                    new JobScope(JobScope.Task.BUILD, null, "part of an id", null, null),
                    new JobScope(JobScope.Task.BUILD, "books", null, null, null),
                    new JobScope(JobScope.Task.RETRY_FAILED, null, null, null, null),
                    new JobScope(JobScope.Task.IDS, null, null, null, null));

            for (JobScope other : others) {
                JobTicket job = begin("other-" + others.indexOf(other), other, null);
                assertThat(job.resumed()).as(other.toString()).isNull();
                end(job);
            }

            assertThat(begin("second", JobScope.ALL, "first").resumed())
                    .isEqualTo(new JobTicket.Resumed("first", BigDecimal.ZERO));
        }

        @Test
        void aBuildCarriesOnTheSpendingOfARebuildOnceAndLeavesItOpen() throws Exception {
            begin("rebuild", rebuild, null);
            die();

            JobTicket build = begin("build", JobScope.ALL, null);
            assertThat(build.resumed()).isEqualTo(new JobTicket.Resumed("rebuild", BigDecimal.ZERO));
            end(build);
            JobTicket next = begin("next", JobScope.ALL, null);
            assertThat(next.resumed()).isNull();
            end(next);

            assertThat(begin("rest", rebuild, "rebuild").resumed())
                    .isEqualTo(new JobTicket.Resumed("rebuild", BigDecimal.ZERO));
        }

        @Test
        void anotherRebuildTakesARebuildOver() throws Exception {
            begin("rebuild", rebuild, null);
            die();
            end(begin("another", rebuild, null));

            refuses("rebuild", "the job another has run since");
        }

        @Test
        void whatIsNotThereIsNotResumed() {
            refuses("nothing", "there is no job of this id");
        }

        @Test
        void whatEndedIsNotResumed() {
            end(begin("ended", JobScope.ALL, null));

            refuses("ended", "it was not interrupted, it is completed", "run a new build");
        }

        @Test
        void whatAnotherBuildCameAfterIsNotResumedAndTheLastOneIs() throws Exception {
            begin("first", JobScope.ALL, null);
            die();
            begin("second", JobScope.ALL, null);
            die();

            refuses("first", "the job second has run since", "resume that one if it was interrupted");

            assertThat(begin("third", JobScope.ALL, "second").resumed()).isNotNull();
        }

        @Test
        void aBuildOfAnotherGenerationIsNotResumed() throws Exception {
            Fingerprint other = fingerprint("model-b");
            store.beginJob(new JobStart("other", other, 3));
            die();

            refuses("other", "it works on the generation " + other.generation(), "configure its model");
        }

        @Test
        void whatIsEmbeddedLiveIsNotResumed() throws Exception {
            store.beginJob(new JobStart(JobStart.LIVE_ID, FINGERPRINT, 3, Set.of(), JobStart.Kind.LIVE));
            die();

            refuses(JobStart.LIVE_ID, "it is no build");
        }

        @Test
        void aRunningBuildIsNotResumed() {
            begin("running", JobScope.ALL, null);

            assertThatThrownBy(() -> begin("next", JobScope.ALL, "running"))
                    .isInstanceOfSatisfying(
                            JobRefusedException.class,
                            refused -> assertThat(refused.kind()).isEqualTo(JobRefusedException.Kind.RUNNING));
        }

        private JobTicket rebuild(String id, @Nullable String resumes, ScannedRecord... records) {
            JobTicket job = begin(id, rebuild, resumes);
            store.mark(job, List.of(records), MarkMode.REBUILD);
            return job;
        }

        private void embedNext(JobTicket job, int records) {
            store.commit(
                    job,
                    store.claim(job, records, LEASE).stream()
                            .<RecordResult>map(claim -> embedded(claim, textAt(claim)))
                            .toList(),
                    List.of());
        }

        @Test
        void aRebuildLeavesAloneWhatTheOneThatItCarriesOnHasBought() throws Exception {
            ScannedRecord[] all = {
                scanned("1", "one"),
                scanned("2", "two"),
                scanned("3", "three"),
                scanned("4", "four"),
                scanned("5", "five")
            };
            embed(FINGERPRINT, all);
            JobTicket first = rebuild("first", null, all[0], all[1], all[2]);
            embedNext(first, 2);
            die();
            List<ScannedRecord> page = new ArrayList<>(List.of(all));
            page.set(0, scanned("1", "uno"));
            page.add(scanned("6", "six"));
            JobStart start = start("second", rebuild, "first");
            Set<RecordKey> left = Set.of(key("1"), key("3"), key("4"), key("5"), key("6"));

            assertThat(store.wouldTake(start, page, MarkMode.REBUILD))
                    .isEqualTo(left.stream().collect(Collectors.toMap(any -> any, any -> first.number())));
            RecordTrace before = trace("2");
            JobTicket second = store.beginJob(start);
            assertThat(store.mark(second, page, MarkMode.REBUILD).taken()).isEqualTo(5);
            assertThat(trace("2")).isEqualTo(before);
            assertThat(claimAll(second))
                    .allMatch(claim -> claim.freshSince() == first.number())
                    .extracting(Claim::key)
                    .containsExactlyInAnyOrderElementsOf(left);
        }

        @Test
        void ofSeveralInARowTheFirstOnesVectorsAreKeptToo() throws Exception {
            ScannedRecord[] all = {scanned("1", "one"), scanned("2", "two"), scanned("3", "three")};
            embed(FINGERPRINT, all);
            JobTicket first = rebuild("first", null, all);
            embedNext(first, 1);
            die();
            embedNext(rebuild("second", "first", all), 1);
            die();

            JobTicket third = rebuild("third", "second", all);

            assertThat(claimAll(third))
                    .allMatch(claim -> claim.freshSince() == first.number())
                    .extracting(Claim::key)
                    .containsExactly(key("3"));
        }

        @Test
        void aRebuildThatBeganAnewKeepsNothingOfTheOneBeforeIt() throws Exception {
            ScannedRecord[] all = {scanned("1", "one"), scanned("2", "two")};
            embedNext(rebuild("first", null, all), 2);
            die();
            JobTicket second = rebuild("second", null, all[0]);
            embedNext(second, 1);
            die();

            JobTicket third = rebuild("third", "second", all);

            assertThat(claimAll(third))
                    .allMatch(claim -> claim.freshSince() == second.number())
                    .extracting(Claim::key)
                    .containsExactly(key("2"));
        }

        @Test
        void aVectorThatWasFoundInTheStoreIsOfTheJobThatBoughtIt() throws Exception {
            ScannedRecord[] all = {scanned("1", "one"), scanned("2", "two")};
            embed(FINGERPRINT, all);
            JobTicket first = rebuild("first", null, all);
            long older = first.number() - 1;
            Claim claim = store.claim(first, 1, LEASE).get(0);
            commit(
                    first,
                    new Embedded(
                            claim,
                            Sha256.ofContent(null, "one"),
                            Sha256.ofText("one"),
                            vectorOf("one"),
                            null,
                            RecordCost.NONE,
                            older));
            die();

            assertThat(claimAll(rebuild("second", "first", all)))
                    .extracting(Claim::key)
                    .containsExactly(key("1"), key("2"));
        }

        @Test
        void whatFailedIsTakenAgain() throws Exception {
            ScannedRecord[] all = {scanned("1", "one"), scanned("2", "two")};
            JobTicket first = rebuild("first", null, all);
            List<Claim> claims = claimAll(first);
            commit(first, not(claims.get(0), "one", Reason.INPUT_TOO_LONG), embedded(claims.get(1), "two"));
            die();

            assertThat(claimAll(rebuild("second", "first", all)))
                    .extracting(Claim::key)
                    .containsExactly(key("1"));
        }

        @Test
        void aRebuildThatCarriesOnAPlainBuildTakesEverything() throws Exception {
            JobTicket first = begin("first", JobScope.ALL, null);
            mark(first, scanned("1", "one"));
            embedNext(first, 1);
            die();

            JobTicket second = rebuild("second", "first", scanned("1", "one"));

            assertThat(claimAll(second)).extracting(Claim::freshSince).containsExactly(second.number());
        }
    }

    @Nested
    class RetryingTheFailed {
        private final Instant due = Instant.parse("2030-01-02T03:04:05Z");

        private void failDue(String id, Instant retryDue) {
            JobTicket job = begin();
            mark(job, scanned(id, id));
            commit(
                    job,
                    new NotEmbedded(
                            claimAll(job).get(0), null, Reason.EMBED_TRANSIENT, "busy", retryDue, RecordCost.NONE));
            end(job);
        }

        @ParameterizedTest
        @EnumSource(Reason.class)
        void takesWhatFailedAndWhatWasSkippedForARewrite(Reason reason) {
            fail(scanned("1", "one"), reason);
            JobTicket job = begin();

            int marked = store.markFailed(job, new FailedSelection(null, 3, null), 10);

            List<Claim> claims = claimAll(job);
            if (reason.ledger() == Reason.Ledger.ATTEMPTED) {
                assertThat(marked).isEqualTo(1);
                assertThat(claims).singleElement().satisfies(claim -> {
                    assertThat(claim.key()).isEqualTo(key("1"));
                    assertThat(claim.attempts()).isEqualTo(1);
                    assertThat(textAt(claim)).isEqualTo("one");
                });
                assertThat(trace("1").state()).isEqualTo(RecordState.PENDING);
                assertThat(trace("1").reason()).isNull();
                assertThat(stats().pending()).isEqualTo(1);
                assertThat(stats().failed() + stats().skipped()).isZero();
            } else {
                assertThat(marked).isZero();
                assertThat(claims).isEmpty();
            }
        }

        @Test
        void leavesThoseThatFailedTooOften() {
            fail(scanned("once", "one"), Reason.EMBED_PERMANENT);
            fail(scanned("twice", "two"), Reason.EMBED_PERMANENT);
            fail(scanned("twice", "two"), Reason.EMBED_PERMANENT);
            JobTicket job = begin();

            assertThat(store.markFailed(job, new FailedSelection(null, 2, null), 10))
                    .isEqualTo(1);
            assertThat(ids(claimAll(job))).containsExactly("once");
            assertThat(store.markFailed(job, new FailedSelection(null, Integer.MAX_VALUE, null), 10))
                    .isEqualTo(1);
        }

        @Test
        void takesOnlyWhatIsDue() {
            failDue("now", due);
            failDue("later", due.plusMillis(1));
            failDue("any time", null);
            JobTicket job = begin();

            store.markFailed(job, new FailedSelection(null, 3, due), 10);

            assertThat(ids(claimAll(job))).containsExactlyInAnyOrder("now", "any time");
        }

        @Test
        void takesOnlyOneSource() {
            fail(scanned("1", "one"), Reason.EMBED_PERMANENT);
            fail(scanned(new RecordKey("tickets", "2"), "two"), Reason.EMBED_PERMANENT);
            JobTicket job = begin();

            store.markFailed(job, new FailedSelection("tickets", 3, null), 10);

            assertThat(ids(claimAll(job))).containsExactly("2");
        }

        @Test
        void goesOnUntilNoneIsLeft() {
            for (int i = 0; i < 5; i++) {
                fail(scanned("id-" + i, "text"), Reason.EMBED_PERMANENT);
            }
            JobTicket job = begin();
            FailedSelection all = new FailedSelection(null, 3, null);

            assertThat(store.markFailed(job, all, 2)).isEqualTo(2);
            assertThat(store.markFailed(job, all, 2)).isEqualTo(2);
            assertThat(store.markFailed(job, all, 2)).isEqualTo(1);
            assertThat(store.markFailed(job, all, 2)).isZero();
            assertThat(claimAll(job)).hasSize(5);
        }

        @Test
        void anUnretriedOneKeepsItsAttemptsAndIsTakenByTheNextScan() {
            fail(scanned("1", "one"), Reason.EMBED_PERMANENT);
            JobTicket job = begin();
            store.markFailed(job, new FailedSelection(null, 3, null), 10);
            end(job);

            JobTicket next = begin();
            assertThat(mark(next, scanned("1", "one")).taken()).isEqualTo(1);
            assertThat(claimAll(next).get(0).attempts()).isEqualTo(1);
        }
    }

    /** What a host has noted, beside a build. */
    @Nested
    class EmbeddingLive {
        @Test
        void isOneJobThatRunsAgainAndAgain() {
            JobTicket first = beginLive();
            mark(first, scanned("1", "one"));
            store.commit(
                    first, List.of(embedded(claimAll(first).get(0), "one")), List.of(call(TokenUsage.reported(5, 0))));
            end(first);
            JobTicket second = beginLive(fingerprint("model-b"));
            mark(second, scanned("2", "two"));
            store.commit(
                    second,
                    List.of(embedded(claimAll(second).get(0), "two")),
                    List.of(call(TokenUsage.reported(6, 0))));

            JobInfo live = store.job(JobStart.LIVE_ID).orElseThrow();

            assertThat(second.number()).isEqualTo(first.number());
            assertThat(second.owner()).isNotEqualTo(first.owner());
            assertThat(live.embedded()).isEqualTo(2);
            assertThat(live.inputTokens()).isEqualTo(11);
            assertThat(live.generation()).isEqualTo(fingerprint("model-b").generation());
            assertThat(live.state()).isEqualTo(JobState.RUNNING);
            assertThat(live.endedAt()).isNull();
            end(second);
            assertThat(store.job(JobStart.LIVE_ID).orElseThrow().state()).isEqualTo(JobState.COMPLETED);
            assertThat(store.jobs(10)).isEmpty();
        }

        @Test
        void runsBesideABuildAndOnlyOnceItself() {
            JobTicket live = beginLive();
            JobTicket build = begin();

            assertThatThrownBy(EmbeddingStoreContract.this::beginLive)
                    .isInstanceOf(JobRefusedException.class)
                    .hasMessageContaining(JobStart.LIVE_ID);
            assertThatThrownBy(EmbeddingStoreContract.this::begin)
                    .isInstanceOf(JobRefusedException.class)
                    .hasMessageContaining("job-1");
            assertThatThrownBy(() -> store.prune(FINGERPRINT.generation())).isInstanceOf(JobRefusedException.class);
            end(build);
            assertThatThrownBy(() -> store.prune(FINGERPRINT.generation())).isInstanceOf(JobRefusedException.class);
            end(live);
            assertThat(store.prune(FINGERPRINT.generation())).isPresent();
        }

        @Test
        void eachEndsOnlyItsOwnList() {
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            JobTicket live = beginLive();
            mark(live, scanned("2", "two"));
            List<Claim> claims = claimAll(build);

            assertThat(end(live).untaken()).isEqualTo(1);
            assertThat(commit(build, embedded(claims.get(0), "one"))).isEmpty();
            assertThat(end(build).untaken()).isZero();
        }

        @Test
        void takesFromTheListOfABuildWhatThatHasNotClaimed() {
            JobTicket build = begin();
            mark(build, scanned("1", "one"), scanned("2", "two"));
            JobTicket live = beginLive();

            assertThat(mark(live, scanned("2", "deux"))).isEqualTo(new MarkedPage(1, List.of(), List.of(), List.of()));

            assertThat(ids(claimAll(build))).containsExactly("1");
            List<Claim> claims = claimAll(live);
            assertThat(ids(claims)).containsExactly("2");
            assertThat(commit(live, embedded(claims.get(0), "deux"))).isEmpty();
            assertThat(trace("2").vector().jobId()).isEqualTo(JobStart.LIVE_ID);
        }

        @Test
        void leavesWhatABuildIsAtWorkOn() {
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            Claim claim = claimAll(build).get(0);
            JobTicket live = beginLive();

            assertThat(mark(live, scanned("1", "one")))
                    .isEqualTo(new MarkedPage(0, List.of(), List.of(), List.of(key("1"))));

            assertThat(claimAll(live)).isEmpty();
            assertThat(commit(build, embedded(claim, "one"))).isEmpty();
            assertThat(trace("1").state()).isEqualTo(RecordState.EMBEDDED);
        }

        @Test
        void whatABuildStoresOfContentThatHasChangedMeanwhileIsKeptAndTheRecordStaysPending() {
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            Claim claim = claimAll(build).get(0);
            Instant pendingSince = trace("1").changedAt();
            JobTicket live = beginLive();
            assertThat(mark(live, scanned("1", "uno")).busy()).containsExactly(key("1"));

            assertThat(commit(build, embedded(claim, "one"))).containsExactly(key("1"));

            assertThat(vectors(FINGERPRINT).get(key("1")).textHash()).isEqualTo(Sha256.ofText("one"));
            assertThat(trace("1").state()).isEqualTo(RecordState.PENDING);
            assertThat(trace("1").changedAt()).isEqualTo(pendingSince);
            assertThat(outcomes(build, Reason.SUPERSEDED)).hasSize(1);
            assertThat(store.jobs(1).get(0).embedded()).isZero();
            assertThat(health().stale()).isEqualTo(1);
            assertThat(end(build).untaken()).isZero();
            assertThat(mark(live, scanned("1", "uno")).taken()).isEqualTo(1);
            commit(live, embedded(claimAll(live).get(0), "uno"));
            assertThat(trace("1").state()).isEqualTo(RecordState.EMBEDDED);
            assertThat(health().stale()).isZero();
            assertThat(trace("1").history())
                    .extracting(RecordTrace.PastOutcome::reason)
                    .containsExactlyInAnyOrder(Reason.SUPERSEDED, null);
        }

        @Test
        void aBuildThatHasReadTheNewContentAlreadyEmbedsIt() {
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            Claim claim = claimAll(build).get(0);
            mark(beginLive(), scanned("1", "uno"));

            assertThat(commit(build, embedded(claim, "uno"))).isEmpty();

            assertThat(trace("1").state()).isEqualTo(RecordState.EMBEDDED);
            assertThat(health().stale()).isZero();
        }

        @ParameterizedTest
        @EnumSource(Reason.class)
        void aFailureOnContentThatHasChangedMeanwhileIsNoFailureOfTheNewOne(Reason reason) {
            embed(FINGERPRINT, scanned("1", "old"));
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            Claim claim = claimAll(build).get(0);
            mark(beginLive(), scanned("1", "uno"));

            Set<RecordKey> pending = commit(build, not(claim, "one", reason));

            assertThat(pending).isEqualTo(reason.ledger() == Reason.Ledger.PENDING ? Set.of() : Set.of(key("1")));
            assertThat(trace("1").state()).isEqualTo(RecordState.PENDING);
            assertThat(trace("1").attempts()).isZero();
            assertThat(vectors(FINGERPRINT)).hasSize(1);
        }

        @Test
        void contentThatChangedBackIsNotSuperseded() {
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            Claim claim = claimAll(build).get(0);
            JobTicket live = beginLive();
            mark(live, scanned("1", "uno"));
            mark(live, scanned("1", "one"));

            assertThat(commit(build, embedded(claim, "one"))).isEmpty();
            assertThat(trace("1").state()).isEqualTo(RecordState.EMBEDDED);
        }

        @Test
        void aChangeNotedUnderAClaimThatWasReleasedDoesNotOutliveIt() {
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            claimAll(build);
            JobTicket live = beginLive();
            mark(live, scanned("1", "uno"));
            end(build);
            JobTicket next = begin();
            mark(next, scanned("1", "tres"));

            assertThat(commit(next, embedded(claimAll(next).get(0), "quatre"))).isEmpty();
            assertThat(trace("1").state()).isEqualTo(RecordState.EMBEDDED);
        }

        @Test
        void aBuildLeavesWhatIsBeingEmbeddedLive() {
            JobTicket live = beginLive();
            mark(live, scanned("1", "one"), scanned("2", "two"));
            Claim claim = store.claim(live, 1, LEASE).get(0);
            JobTicket build = begin();

            MarkedPage page = mark(build, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));

            assertThat(page).isEqualTo(new MarkedPage(2, List.of(), List.of(), List.of(key("1"))));
            assertThat(ids(claimAll(build))).containsExactlyInAnyOrder("2", "3");
            assertThat(commit(live, embedded(claim, "one"))).isEmpty();
        }

        @Test
        void aRecordThatBecameBlankLeavesUnlessItIsClaimed() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));
            JobTicket build = begin();
            mark(build, scanned("2", "deux"));
            Claim claim = claimAll(build).get(0);
            JobTicket live = beginLive();

            MarkedPage page = mark(live, scanned("1", ""), scanned("2", ""), scanned("3", ""));

            assertThat(page).isEqualTo(new MarkedPage(0, List.of(), List.of(), List.of(key("2"))));
            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(key("2"));
            assertThat(commit(build, embedded(claim, "deux"))).isEmpty();
            assertThat(mark(live, scanned("2", "")).busy()).isEmpty();
            assertThat(vectors(FINGERPRINT)).isEmpty();
        }

        @Test
        void forgetsWhatIsGoneUnlessItIsClaimed() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            JobTicket build = begin();
            mark(build, scanned("2", "deux"));
            claimAll(build);
            JobTicket live = beginLive();

            assertThat(store.forget(live, Set.of(key("1"), key("2"), key("unknown"))))
                    .containsExactly(key("2"));

            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(key("2"), key("3"));
            assertThat(store.explain(FINGERPRINT, key("1"))).isEmpty();
            assertThat(stats().embedded()).isEqualTo(1);
            assertThat(stats().pending()).isEqualTo(1);
            end(build);
            assertThat(store.forget(live, Set.of(key("2")))).isEmpty();
            assertThat(health().stale()).isZero();
        }

        @Test
        void claimsGoOnAfterTheLastOneThoughItsRecordIsGone() {
            JobTicket live = beginLive();
            mark(live, scanned("early", "one"), scanned("gone", "two"));
            List<Claim> claims = claimAll(live);
            commit(live, embedded(claims.get(0), "one"), embedded(claims.get(1), "two"));
            store.forget(live, Set.of(key("gone")));
            mark(live, scanned("early", "uno"), scanned("new", "three"));

            assertThat(ids(store.claim(live, 1, LEASE))).containsExactly("new");
            assertThat(ids(claimAll(live))).containsExactly("early");
        }

        @Test
        void aKeyThatComesTwiceOnOnePageCountsOnce() {
            MarkedPage page = mark(beginLive(), scanned("1", "one"), scanned("1", "uno"));

            assertThat(page).isEqualTo(new MarkedPage(1, List.of(key("1")), List.of(), List.of()));
        }

        @Test
        void whatIsEmbeddedBehindTheBackOfAScanHasNotVanished() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"), scanned("gone", "gone"));
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            JobTicket live = beginLive();
            mark(live, scanned("0", "new"), scanned("2", "two"));
            store.endScan(live, new ScanScope.Partial(), ALL);
            commit(live, embedded(claimAll(live).get(0), "new"));
            end(live);

            ScanSummary summary = store.endScan(build, new ScanScope.Complete(null), ALL);

            assertThat(summary.removed()).isEqualTo(Map.of("articles", 1L));
            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(key("0"), key("1"), key("2"));
            assertThat(stats().total()).isEqualTo(3);
            end(build);
            JobTicket next = begin();
            mark(next, scanned("1", "one"));
            assertThat(store.endScan(next, new ScanScope.Complete(null), ALL).removed())
                    .isEqualTo(Map.of("articles", 2L));
        }

        @Test
        void theWorkOfADeadOneIsFreeForTheNext() throws Exception {
            JobTicket dead = beginLive();
            mark(dead, scanned("1", "one"));
            Claim lost = claimAll(dead).get(0);
            try (EmbeddingStore late = store) {
                store = successor();
                JobTicket live = beginLive();

                assertThat(mark(live, scanned("1", "one")).taken()).isEqualTo(1);
                assertThat(late.commit(dead, List.of(embedded(lost, "one")), List.of()))
                        .containsExactly(key("1"));
                assertThat(commit(live, embedded(claimAll(live).get(0), "one"))).isEmpty();
            }
        }
    }

    @Nested
    class SayingHowItStands {
        @Test
        void anUnknownGenerationHasNoSources() {
            assertThat(store.health(FINGERPRINT)).isEmpty();
        }

        @Test
        void countsAreThoseOfTheLedgerBySource() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));
            fail(scanned("3", "three"), Reason.EMBED_PERMANENT);
            fail(scanned("4", "four"), Reason.INPUT_TOO_LONG);
            embed(FINGERPRINT, scanned(new RecordKey("tickets", "1"), "x"));
            mark(begin(), scanned("5", "five"));

            List<SourceHealth> health = store.health(FINGERPRINT);

            assertThat(health).extracting(SourceHealth::source).containsExactly("articles", "tickets");
            SourceHealth articles = health.get(0);
            assertThat(List.of(articles.embedded(), articles.pending(), articles.skipped(), articles.failed()))
                    .containsExactly(2L, 1L, 1L, 1L);
            assertThat(articles.stale()).isZero();
            assertThat(articles.oldestPending()).isEqualTo(trace("5").changedAt());
            assertThat(health.get(1).oldestPending()).isNull();
        }

        @Test
        void aVectorIsStaleWhileItsTextIsAnOlderOne() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            JobTicket job = begin();
            mark(job, scanned("1", "uno"), scanned("2", "due"), scanned("3", "tre"), scanned("4", "new"));
            assertThat(health().stale()).isEqualTo(3);
            List<Claim> claims = claimAll(job);

            commit(
                    job,
                    embedded(claims.get(0), "uno"),
                    not(claims.get(1), "due", Reason.EMBED_TRANSIENT),
                    not(claims.get(2), "tre", Reason.EMPTY_CONTENT),
                    not(claims.get(3), "new", Reason.EMBED_PERMANENT));

            assertThat(health().stale()).isEqualTo(1);
            end(job);
            embed(FINGERPRINT, scanned("2", "due"));
            assertThat(health().stale()).isZero();
        }

        @Test
        void textThatChangedBackIsNotStale() {
            embed(FINGERPRINT, scanned("1", "one"));
            JobTicket first = begin();
            mark(first, scanned("1", "uno"));
            end(first);

            mark(begin(), scanned("1", "one"));

            assertThat(health().stale()).isZero();
            assertThat(health().pending()).isEqualTo(1);
        }

        @Test
        void aRebuildMakesNothingStale() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));
            JobTicket job = begin();

            store.mark(job, List.of(scanned("1", "one"), scanned("2", "two")), MarkMode.REBUILD);
            commit(job, not(claimAll(job).get(0), "one", Reason.EMBED_TRANSIENT));

            assertThat(health().pending()).isEqualTo(1);
            assertThat(health().stale()).isZero();
        }

        @Test
        void whatIsFoundToBeNewWhileItIsReadIsStaleIfItFails() {
            embed(FINGERPRINT, scanned("1", "one"));
            JobTicket job = begin();
            store.mark(job, List.of(scanned("1", "one")), MarkMode.REBUILD);

            commit(job, not(claimAll(job).get(0), "uno", Reason.EMBED_TRANSIENT));

            assertThat(health().stale()).isEqualTo(1);
        }

        @Test
        void removedRecordsAreNotStale() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            JobTicket job = begin();
            mark(job, scanned("1", "uno"), scanned("2", "due"), scanned("3", "three"));
            end(job);
            JobTicket next = begin();
            mark(next, scanned("1", " "), scanned("3", "three"));
            store.endScan(next, new ScanScope.Complete(null), ALL);

            assertThat(health().stale()).isZero();
        }

        @Test
        void aRecordIsPendingSinceItsFirstChange() {
            JobTicket job = begin();
            mark(job, scanned("1", "one"));
            end(job);
            Instant since = trace("1").changedAt();

            for (String text : List.of("two", "three")) {
                JobTicket next = begin();
                mark(next, scanned("1", text), scanned("2", text));
                end(next);
            }

            assertThat(health().oldestPending()).isEqualTo(since);
        }
    }

    @Nested
    class Sampling {
        private final Set<RecordKey> all = new HashSet<>();

        @BeforeEach
        void embedSome() {
            ScannedRecord[] records = IntStream.range(0, 200)
                    .mapToObj(i -> scanned("id-" + i, "text " + i % 7))
                    .toArray(ScannedRecord[]::new);
            embed(FINGERPRINT, records);
            embed(fingerprint("model-b"), scanned("other", "other"));
            for (ScannedRecord record : records) {
                all.add(record.key());
            }
        }

        private List<RecordKey> sample(int count, long seed) {
            List<StoredVector> sample = store.sample(FINGERPRINT, count, seed);
            assertThat(sample)
                    .allSatisfy(vector ->
                            assertThat(vector).isEqualTo(vectors(FINGERPRINT).get(vector.key())));
            return sample.stream().map(StoredVector::key).toList();
        }

        @Test
        void answersSoManyDifferentVectors() {
            assertThat(sample(20, 1)).hasSize(20).doesNotHaveDuplicates().isSubsetOf(all);
            assertThat(sample(0, 1)).isEmpty();
        }

        @Test
        void theSeedDecides() {
            assertThat(sample(20, 1)).isEqualTo(sample(20, 1)).isNotEqualTo(sample(20, 2));
        }

        @Test
        void answersAllIfThereAreNotMore() {
            assertThat(sample(500, 1)).containsExactlyInAnyOrderElementsOf(all);
            assertThat(sample(200, 1)).containsExactlyInAnyOrderElementsOf(all);
        }

        @Test
        void everyVectorHasItsChance() {
            Set<RecordKey> met = new HashSet<>();
            for (int seed = 0; seed < 200; seed++) {
                store.sample(FINGERPRINT, 20, seed).forEach(vector -> met.add(vector.key()));
            }

            assertThat(met).isEqualTo(all);
        }

        @Test
        void aSmallGenerationBesideALargeOneIsFound() {
            assertThat(store.sample(fingerprint("model-b"), 3, 1))
                    .extracting(StoredVector::key)
                    .containsExactly(key("other"));
            assertThat(store.sample(fingerprint("model-c"), 3, 1)).isEmpty();
        }
    }

    @Nested
    class FindingTheNearest {
        /** How far a database that computes with 32-bit numbers may be off. */
        private static final double TOLERANCE = 1e-5;

        private final Map<RecordKey, Embedding> stored = new TreeMap<>(Comparator.comparing(RecordKey::toString));

        private void store(Map<RecordKey, Embedding> vectors) {
            JobTicket job = begin();
            store.mark(
                    job,
                    vectors.keySet().stream()
                            .map(key -> scanned(key, key.toString()))
                            .toList(),
                    MarkMode.PENDING);
            store.endScan(job, new ScanScope.Partial(), ALL);
            store.commit(
                    job,
                    claimAll(job).stream()
                            .<RecordResult>map(claim -> embeddedAs(claim, vectors.get(claim.key())))
                            .toList(),
                    List.of());
            end(job);
            stored.putAll(vectors);
        }

        private Embedded embeddedAs(Claim claim, Embedding vector) {
            String text = textAt(claim);
            return new Embedded(
                    claim, Sha256.ofContent(null, text), Sha256.ofText(text), vector, null, RecordCost.NONE);
        }

        private List<RecordKey> keys(List<Neighbour> neighbours) {
            return neighbours.stream().map(Neighbour::key).toList();
        }

        @Test
        void bestComesFirstAndEquallyNearOnesComeInTheOrderOfTheirKeys() {
            Embedding same = Embedding.of(3, 4, 0);
            store(Map.of(
                    new RecordKey("b", "1"), same,
                    new RecordKey("a", "2"), same,
                    new RecordKey("a", "10"), Embedding.of(1.5f, 2, 0),
                    new RecordKey("a", "near"), Embedding.of(3, 3, 0),
                    new RecordKey("a", "opposite"), Embedding.of(-3, -4, 0)));

            List<Neighbour> nearest = store.nearest(FINGERPRINT, new NearestQuery(Embedding.of(6, 8, 0), 10));

            assertThat(keys(nearest))
                    .containsExactly(
                            new RecordKey("a", "10"),
                            new RecordKey("a", "2"),
                            new RecordKey("b", "1"),
                            new RecordKey("a", "near"),
                            new RecordKey("a", "opposite"));
            assertThat(nearest.get(0).similarity())
                    .isCloseTo(1, within(TOLERANCE))
                    .isLessThanOrEqualTo(1);
            assertThat(nearest.get(4).similarity())
                    .isCloseTo(-1, within(TOLERANCE))
                    .isGreaterThanOrEqualTo(-1);
            assertThat(keys(store.nearest(FINGERPRINT, new NearestQuery(Embedding.of(6, 8, 0), 2))))
                    .containsExactly(new RecordKey("a", "10"), new RecordKey("a", "2"));
        }

        @Test
        void aRareSourceIsFoundAmongManyNearerRecordsOfAnother() {
            Map<RecordKey, Embedding> vectors = new HashMap<>();
            for (int i = 0; i < 300; i++) {
                vectors.put(new RecordKey("many", "" + i), Embedding.of(1, i / 1000f, 0));
            }
            vectors.put(new RecordKey("rare", "1"), Embedding.of(0, 1, 1));
            vectors.put(new RecordKey("rare", "2"), Embedding.of(-1, 0, 1));
            store(vectors);

            assertThat(keys(store.nearest(FINGERPRINT, new NearestQuery(Embedding.of(1, 0, 0), "rare", 5, -1))))
                    .containsExactly(new RecordKey("rare", "1"), new RecordKey("rare", "2"));
        }

        @Test
        void thereMayBeNone() {
            NearestQuery query = new NearestQuery(Embedding.of(1, 0, 0), null, 10, 0.5);
            assertThat(store.nearest(FINGERPRINT, query)).isEmpty();
            store(Map.of(key("1"), Embedding.of(0, 1, 0)));

            assertThat(store.nearest(FINGERPRINT, query)).isEmpty();
            assertThat(store.nearest(FINGERPRINT, new NearestQuery(query.vector(), "unknown", 10, -1)))
                    .isEmpty();
            assertThat(store.nearest(fingerprint("model-b"), new NearestQuery(query.vector(), 10)))
                    .isEmpty();
        }

        @Test
        void aVectorOfAnotherDimensionIsRefused() {
            store(Map.of(key("1"), Embedding.of(0, 1, 0)));

            assertThatThrownBy(() -> store.nearest(FINGERPRINT, new NearestQuery(Embedding.of(1, 0), 10)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("2 dimensions")
                    .hasMessageContaining("have 3");
        }

        @Test
        void numbersOutOfRangeAreRefused() {
            Embedding vector = Embedding.of(1, 0, 0);

            for (int topK : new int[] {-1, 0, NearestQuery.MAX_TOP_K + 1}) {
                assertThatThrownBy(() -> new NearestQuery(vector, topK))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("topK must be from 1 to 1000");
            }
            for (double similarity : new double[] {-1.01, 1.01, Double.NaN}) {
                assertThatThrownBy(() -> new NearestQuery(vector, null, 1, similarity))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("minSimilarity must be from -1 to 1");
            }
            assertThat(store.nearest(FINGERPRINT, new NearestQuery(vector, NearestQuery.MAX_TOP_K)))
                    .isEmpty();
        }

        @Test
        void agreesWithComparingEveryVector() {
            long seed = System.nanoTime();
            System.out.println("FindingTheNearest seed " + seed);
            Random random = new Random(seed);
            Map<RecordKey, Embedding> vectors = new HashMap<>();
            for (int i = 0; i < 300; i++) {
                vectors.put(new RecordKey("source-" + random.nextInt(3), "" + i), anyVector(random));
            }
            store(vectors);

            for (int i = 0; i < 30; i++) {
                NearestQuery query = new NearestQuery(
                        anyVector(random),
                        random.nextBoolean() ? null : "source-" + random.nextInt(3),
                        random.nextInt(5) == 0 ? NearestQuery.MAX_TOP_K : 1 + random.nextInt(20),
                        random.nextBoolean() ? -1 : random.nextDouble() * 2 - 1);
                agrees(query, "seed " + seed + ", query " + i);
            }
        }

        private void agrees(NearestQuery query, String when) {
            double[] expected = stored.entrySet().stream()
                    .filter(entry -> query.source() == null
                            || query.source().equals(entry.getKey().source()))
                    .mapToDouble(entry -> -query.vector().cosine(entry.getValue()))
                    .sorted()
                    .limit(query.topK())
                    .map(similarity -> -similarity)
                    .toArray();

            List<Neighbour> nearest = store.nearest(FINGERPRINT, query);

            assertThat(keys(nearest)).as(when).doesNotHaveDuplicates();
            assertThat(nearest).as(when).hasSizeLessThanOrEqualTo(query.topK());
            for (int i = 0; i < nearest.size(); i++) {
                Neighbour neighbour = nearest.get(i);
                assertThat(neighbour.similarity())
                        .as(when)
                        .isGreaterThanOrEqualTo(query.minSimilarity())
                        .isCloseTo(expected[i], within(TOLERANCE))
                        .isCloseTo(query.vector().cosine(stored.get(neighbour.key())), within(TOLERANCE));
                assertThat(query.source()).as(when).isIn(null, neighbour.key().source());
            }
            // What is missing at the end is missing because of its similarity.
            for (int i = nearest.size(); i < expected.length; i++) {
                assertThat(expected[i]).as(when).isLessThan(query.minSimilarity() + TOLERANCE);
            }
        }

        private Embedding anyVector(Random random) {
            return Embedding.of(
                    (float) random.nextGaussian(), (float) random.nextGaussian(), (float) random.nextGaussian());
        }
    }

    @Nested
    class Generations {
        private final Fingerprint other = fingerprint("model-b");

        @Test
        void growSideBySide() {
            embed(FINGERPRINT, scanned("1", "one"));
            embed(other, scanned("1", "one"), scanned("2", "two"));

            assertThat(vectors(FINGERPRINT)).hasSize(1);
            assertThat(vectors(other)).hasSize(2);
            assertThat(store.generations())
                    .extracting(GenerationInfo::name)
                    .containsExactlyInAnyOrder(other.generation(), FINGERPRINT.generation());
            assertThat(store.explain(FINGERPRINT, key("2"))).isEmpty();
            assertThat(stats().embedded()).isEqualTo(1);
        }

        @Test
        void pruningDeletesOneAndLeavesTheOther() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));
            embed(other, scanned("1", "one"));

            assertThat(store.prune(FINGERPRINT.generation())).isEqualTo(Optional.of(2L));

            assertThat(store.generations()).extracting(GenerationInfo::name).containsExactly(other.generation());
            assertThat(store.stats(FINGERPRINT)).isEmpty();
            assertThat(store.explain(FINGERPRINT, key("1"))).isEmpty();
            assertThat(vectors(other)).hasSize(1);
        }

        @Test
        void anUnknownOneCannotBePruned() {
            assertThat(store.prune("00000000")).isEmpty();
        }

        @Test
        void pruningIsRefusedWhileAJobRuns() {
            begin();

            assertThatThrownBy(() -> store.prune(FINGERPRINT.generation()))
                    .isInstanceOf(JobRefusedException.class)
                    .hasMessageContaining("job-1");
        }

        @Test
        void aPrunedOneCanBeBuiltAgain() {
            embed(FINGERPRINT, scanned("1", "one"));
            store.prune(FINGERPRINT.generation());

            embed(FINGERPRINT, scanned("1", "one"));

            assertThat(vectors(FINGERPRINT)).hasSize(1);
            assertThat(trace("1").history()).isEmpty();
        }
    }

    @Nested
    class Reading {
        @Test
        void vectorsComeInTheOrderOfSourceAndIdAndBySource() {
            embed(
                    FINGERPRINT,
                    scanned(new RecordKey("b", "1"), "x"),
                    scanned(new RecordKey("a", "2"), "y"),
                    scanned(new RecordKey("a", "1"), "z"));
            List<RecordKey> all = new ArrayList<>();
            List<RecordKey> some = new ArrayList<>();

            store.forEachVector(FINGERPRINT, null, vector -> all.add(vector.key()));
            store.forEachVector(FINGERPRINT, "a", vector -> some.add(vector.key()));

            assertThat(all).extracting(RecordKey::toString).containsExactly("a/1", "a/2", "b/1");
            assertThat(some).extracting(RecordKey::toString).containsExactly("a/1", "a/2");
        }

        @Test
        void consumersMayCallTheStoreAndMayThrow() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));
            List<RecordState> states = new ArrayList<>();

            store.forEachVector(
                    FINGERPRINT,
                    null,
                    vector -> states.add(store.explain(FINGERPRINT, vector.key())
                            .orElseThrow()
                            .state()));

            assertThat(states).containsExactly(RecordState.EMBEDDED, RecordState.EMBEDDED);
            IllegalArgumentException thrown = new IllegalArgumentException("the consumer's own");
            assertThatThrownBy(() -> store.forEachVector(FINGERPRINT, null, vector -> {
                        throw thrown;
                    }))
                    .isSameAs(thrown);
            assertThat(vectors(FINGERPRINT)).hasSize(2);
        }

        @Test
        void anUnknownGenerationIsEmpty() {
            assertThat(store.stats(FINGERPRINT)).isEmpty();
            assertThat(store.explain(FINGERPRINT, key("1"))).isEmpty();
            assertThat(vectors(FINGERPRINT)).isEmpty();
            assertThat(store.generations()).isEmpty();
        }

        @Test
        void historyIsNewestFirst() {
            fail(scanned("1", "one"), Reason.EMBED_TRANSIENT);
            fail(scanned("1", "one"), Reason.EMBED_PERMANENT);

            assertThat(trace("1").history())
                    .extracting(RecordTrace.PastOutcome::reason)
                    .containsExactly(Reason.EMBED_PERMANENT, Reason.EMBED_TRANSIENT);
        }

        @Test
        void closingTwiceIsHarmless() {
            store.close();
            store.close();

            assertThatThrownBy(() -> store.stats(FINGERPRINT)).isInstanceOf(IllegalStateException.class);
        }
    }

    /** Random jobs over a few records against a plain model of the ledger. */
    @Nested
    class AnyHistory {
        private final Map<RecordKey, String> host =
                new TreeMap<>((a, b) -> a.toString().compareTo(b.toString()));
        private final Map<RecordKey, RecordState> states = new HashMap<>();
        private final Map<RecordKey, Sha256> texts = new HashMap<>();

        @Test
        void countsStatesAndVectorsAreThoseOfAPlainModel() {
            long seed = System.nanoTime();
            System.out.println("store history seed: " + seed);
            Random random = new Random(seed);
            for (int round = 0; round < 60; round++) {
                changeHost(random);
                runJob(random);
                verify("seed " + seed + ", round " + round);
            }
        }

        private void changeHost(Random random) {
            for (int i = 0; i < 8; i++) {
                RecordKey key = new RecordKey(random.nextBoolean() ? "a" : "b", "id" + random.nextInt(12));
                switch (random.nextInt(4)) {
                    case 0 -> host.remove(key);
                    case 1 -> host.put(key, " ");
                    default -> host.put(key, "text " + random.nextInt(1000));
                }
            }
        }

        private void runJob(Random random) {
            JobTicket job = begin();
            MarkMode mode = random.nextInt(8) == 0 ? MarkMode.REBUILD : MarkMode.PENDING;
            Set<RecordKey> listed = scan(job, mode, random);
            int toTake = random.nextInt(listed.size() + 1);
            while (toTake > 0) {
                List<Claim> claims = store.claim(job, Math.min(toTake, 1 + random.nextInt(5)), LEASE);
                toTake -= claims.size();
                List<RecordResult> results = new ArrayList<>();
                for (Claim claim : claims) {
                    assertThat(listed).contains(claim.key());
                    String text = textAt(claim);
                    int fate = random.nextInt(4);
                    if (fate < 2) {
                        results.add(embedded(claim, text));
                        listed.remove(claim.key());
                        states.put(claim.key(), RecordState.EMBEDDED);
                        texts.put(claim.key(), Sha256.ofText(text));
                    } else if (fate == 2) {
                        Reason reason = Reason.values()[random.nextInt(Reason.values().length)];
                        results.add(not(claim, text, reason));
                        listed.remove(claim.key());
                        if (reason.ledger() != Reason.Ledger.PENDING) {
                            states.put(
                                    claim.key(),
                                    reason.kind() == Reason.Kind.FAILED ? RecordState.FAILED : RecordState.SKIPPED);
                        }
                        if (reason == Reason.EMPTY_CONTENT) {
                            texts.remove(claim.key());
                        }
                    }
                }
                assertThat(store.commit(job, results, List.of())).isEmpty();
            }
            assertThat(store.endJob(job, JobState.FAILED, Reason.ABORTED).untaken())
                    .isEqualTo(listed.size());
        }

        private Set<RecordKey> scan(JobTicket job, MarkMode mode, Random random) {
            Map<RecordKey, RecordTrace> before = new HashMap<>();
            for (RecordKey key : host.keySet()) {
                store.explain(FINGERPRINT, key).ifPresent(trace -> before.put(key, trace));
            }
            Set<RecordKey> listed = new HashSet<>();
            List<ScannedRecord> page = new ArrayList<>();
            host.forEach((key, text) -> page.add(scanned(key, text)));
            int cut = random.nextInt(page.size() + 1);
            int taken = store.mark(job, page.subList(0, cut), mode).taken()
                    + store.mark(job, page.subList(cut, page.size()), mode).taken();
            store.endScan(job, new ScanScope.Complete(null), ALL);
            for (Set<RecordKey> known : List.of(new HashSet<>(states.keySet()))) {
                known.stream()
                        .filter(key -> host.getOrDefault(key, "").isBlank())
                        .forEach(key -> {
                            states.remove(key);
                            texts.remove(key);
                        });
            }
            for (RecordKey key : host.keySet()) {
                Optional<RecordTrace> now = store.explain(FINGERPRINT, key);
                if (now.isPresent() && now.get().state() == RecordState.PENDING) {
                    listed.add(key);
                    states.put(key, RecordState.PENDING);
                }
                assertThat(now.isPresent()).isEqualTo(!host.get(key).isBlank());
                if (mode == MarkMode.REBUILD && now.isPresent()) {
                    assertThat(now.get().state()).isEqualTo(RecordState.PENDING);
                }
            }
            assertThat(taken).isEqualTo(listed.size());
            return listed;
        }

        private void verify(String when) {
            Map<String, Map<RecordState, Long>> expected = new TreeMap<>();
            states.forEach((key, state) -> expected.computeIfAbsent(key.source(), any -> new HashMap<>())
                    .merge(state, 1L, Long::sum));
            for (SourceStats stats : store.stats(FINGERPRINT)) {
                Function<RecordState, Long> count =
                        state -> expected.getOrDefault(stats.source(), Map.of()).getOrDefault(state, 0L);
                assertThat(List.of(stats.embedded(), stats.pending(), stats.skipped(), stats.failed()))
                        .as(when)
                        .isEqualTo(Arrays.asList(
                                count.apply(RecordState.EMBEDDED),
                                count.apply(RecordState.PENDING),
                                count.apply(RecordState.SKIPPED),
                                count.apply(RecordState.FAILED)));
                assertThat(stats.withContent())
                        .as(when)
                        .isEqualTo(stats.embedded() + stats.pending() + stats.skipped() + stats.failed());
                expected.remove(stats.source());
            }
            assertThat(expected).as(when).isEmpty();
            Map<RecordKey, Sha256> stored = new HashMap<>();
            vectors(FINGERPRINT).forEach((key, vector) -> stored.put(key, vector.textHash()));
            assertThat(stored).as(when).isEqualTo(texts);
            states.forEach((key, state) -> assertThat(store.explain(FINGERPRINT, key))
                    .as(when + " " + key)
                    .hasValueSatisfying(trace -> assertThat(trace.state()).isEqualTo(state)));
        }
    }

    @Test
    void theLatencyOfAModelIsThatOfItsLatestAnsweredCalls() {
        List<ProviderCall> older = Collections.nCopies(50, took(Duration.ofSeconds(9), "model-a", null));
        List<ProviderCall> latest =
                new ArrayList<>(Collections.nCopies(50, took(Duration.ofSeconds(1), "model-a", null)));
        latest.addAll(Collections.nCopies(50, took(Duration.ofSeconds(3), "model-a", null)));
        latest.add(took(Duration.ofSeconds(60), "model-a", "timeout"));
        latest.add(took(Duration.ofSeconds(60), "model-b", null));

        store.keepCalls(older);
        store.keepCalls(latest);

        assertThat(store.latestLatency(modelNamed("model-a"))).isEqualTo(Duration.ofSeconds(2));
        assertThat(store.latestLatency(modelNamed("model-c"))).isNull();
    }

    private static ModelIdentity modelNamed(String model) {
        return ModelIdentity.embedding("scripted", model, 4, "", "none");
    }

    private static ProviderCall took(Duration time, String model, @Nullable String failure) {
        return new ProviderCall(
                Instant.EPOCH,
                time,
                "scripted",
                model,
                Capability.EMBEDDING,
                1,
                TokenUsage.NONE,
                BigDecimal.ZERO,
                failure,
                List.of());
    }

    private static ProviderCall call(TokenUsage usage) {
        return new ProviderCall(
                Instant.EPOCH,
                Duration.ZERO,
                "scripted",
                "model-a",
                Capability.EMBEDDING,
                1,
                usage,
                BigDecimal.ZERO,
                null,
                List.of());
    }

    private static Map<Sha256, String> texts(Map<Sha256, KeptRewrite> kept) {
        return kept.entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> entry.getValue().text()));
    }
}
