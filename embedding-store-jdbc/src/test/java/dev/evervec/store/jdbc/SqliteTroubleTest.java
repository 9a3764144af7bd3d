package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.StoreException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole builds on a disk that becomes full and on a file that another program locks. */
@Timeout(400)
final class SqliteTroubleTest {
    private static final int DIMENSION = 2_000;

    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("store.db");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aFullDiskStopsABuildWithBalancedBooksWhereverItFillsUp(boolean rewriting) throws Exception {
        Path before = folder.resolve("before.db");
        new TroubledBuild(before, rewriting, DIMENSION).prepare();
        Set<String> endings = new TreeSet<>();
        String ending = "";
        for (int pages = 0; !ending.equals("finished"); pages++) {
            Files.copy(before, file);
            try (TroubledBuild build = new TroubledBuild(file, rewriting, DIMENSION)) {
                build.gate().open();
                ending = fillUp(build, pages);
                build.finish();
            } catch (AssertionError e) {
                throw new AssertionError("full after " + pages + " pages more", e);
            }
            endings.add(ending);
            assertThat(pages).isLessThan(60);
        }
        assertThat(endings).contains("finished", "stopped");
    }

    private String fillUp(TroubledBuild build, int pages) throws SQLException {
        FaultyDialect dialect = new FaultyDialect(SqliteDialect.in(file));
        try (EmbeddingStore store = JdbcStore.open(dialect, Clock.systemUTC())) {
            long now = new Tables(file).number("pragma page_count");
            dialect.onWriter("pragma max_page_count = " + (now + pages));
            BuildReport report = build.run(store);
            build.check(report, true);
            if (report.totalFailed() == 0 && build.isEnded(report)) {
                return "finished";
            }
            assertThat(report.stoppedBy() + report.notes())
                    .contains("no space is left")
                    .contains("SQLITE_FULL");
            return "stopped";
        } catch (StoreException e) {
            assertThat(e).hasMessageContaining("no space is left");
            return "not begun";
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLockOfAnotherProgramIsWaitedFor(boolean rewriting) throws Exception {
        AtomicInteger refused = new AtomicInteger();

        BuildReport report = lockWhileAnswersCome(rewriting, (lock, failure) -> {
            assertThat(failure.kind()).isEqualTo(StoreException.Kind.TRANSIENT);
            if (refused.incrementAndGet() == 2) {
                lock.release();
            }
        });

        assertThat(refused).hasValue(2);
        assertThat(report.state()).isEqualTo(BuildReport.State.COMPLETED);
        assertThat(report.succeeded()).isEqualTo(TroubledBuild.TO_DO);
    }

    @Test
    void aLockThatNobodyReleasesStopsTheBuildWithBalancedBooks() throws Exception {
        BuildReport report = lockWhileAnswersCome(false, (lock, failure) -> {});

        assertThat(report.stoppedBy()).contains("another program keeps the database locked");
        assertThat(report.failed()).containsOnlyKeys(Reason.STORE_ERROR);
        // The scan itself counts as one if the lock came before its end.
        assertThat(report.failed().get(Reason.STORE_ERROR))
                .isBetween((long) TroubledBuild.TO_DO, TroubledBuild.TO_DO + 1L);
        assertThat(report.notes()).anyMatch(note -> note.contains("end of the job could not be stored"));
    }

    /** What a test does when the store has met the lock. */
    @FunctionalInterface
    private interface Meeting {
        void refused(JobLock lock, StoreException failure);
    }

    /** A build during which another program locks the database, when requests are out and before an answer comes. */
    private BuildReport lockWhileAnswersCome(boolean rewriting, Meeting meeting) throws Exception {
        try (TroubledBuild prepared = new TroubledBuild(file, rewriting)) {
            prepared.prepare();
            try (TroubledBuild build = new TroubledBuild(file, rewriting, 8)) {
                BuildReport report = lockWhileAnswersCome(build, meeting);
                build.check(report, true);
                build.finish();
                return report;
            }
        }
    }

    private BuildReport lockWhileAnswersCome(TroubledBuild build, Meeting meeting) throws SQLException {
        FaultyDialect dialect = new FaultyDialect(SqliteDialect.in(file, Duration.ofMillis(1)));
        try (EmbeddingStore store = JdbcStore.open(dialect, Clock.systemUTC());
                Connection program = new Tables(file).connect();
                Statement sql = program.createStatement()) {
            BuildRun run = build.start(store);
            build.gate().awaitWaiting(1, Duration.ofSeconds(60));
            sql.execute("begin immediate");
            dialect.watch(failure -> meeting.refused(() -> execute(sql, "rollback"), failure));
            build.gate().open();
            return run.result();
        }
    }

    private static void execute(Statement statement, String sql) {
        try {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aJobDoesNotBeginOnALockedDatabaseAndBeginsWhenItIsFree() throws Exception {
        try (TroubledBuild build = new TroubledBuild(file, false)) {
            build.prepare();
            try (EmbeddingStore store =
                            JdbcStore.open(SqliteDialect.in(file, Duration.ofMillis(1)), Clock.systemUTC());
                    Connection program = new Tables(file).connect();
                    Statement sql = program.createStatement()) {
                sql.execute("begin immediate");
                assertThatThrownBy(() -> build.run(store))
                        .isInstanceOf(StoreException.class)
                        .hasMessageContaining("another program keeps the database locked");
                sql.execute("rollback");

                build.check(build.run(store), true);
            }
            build.finish();
        }
    }
}
