package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.StoreException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A whole build in which the first statement fails, then one in which the second fails, and so on until a build no longer has
 * so many: it goes on or stops with balanced books, and a build without faults after it finishes what is left and pays for
 * nothing twice.
 */
final class EveryStatementTest {
    private static final int IN_PARALLEL = 16;
    private static final int BATCH = 16;
    private static final int IN_FLIGHT = 2;
    private static final String PROMPT = "say it better: ";

    @TempDir
    private Path folder;

    @ParameterizedTest(name = "{0}, rewriting {1}")
    @CsvSource({
        "BEFORE, false",
        "BEFORE, true",
        "AFTER, false",
        "AFTER, true",
        "STOPPING, false",
        "STOPPING, true",
        "LOST_BEFORE, false",
        "LOST_BEFORE, true",
        "LOST_AFTER, false",
        "LOST_AFTER, true",
        "OUTAGE_AFTER, false",
        "OUTAGE_AFTER, true",
        "DEAD_BEFORE, false",
        "DEAD_BEFORE, true",
        "DEAD_AFTER, false",
        "DEAD_AFTER, true"
    })
    void isSurvivedByABuild(FaultyDialect.Fault fault, boolean rewriting) throws Exception {
        Path before = folder.resolve("before.db");
        new TroubledBuild(before, rewriting).prepare();
        Map<String, Integer> endings = new TreeMap<>();
        int statements = 0;
        ExecutorService executor = Executors.newFixedThreadPool(IN_PARALLEL);
        try {
            // Threads make the number of statements differ a little from build to build.
            for (int reached = IN_PARALLEL; reached > IN_PARALLEL / 4; statements += IN_PARALLEL) {
                List<Callable<String>> round = new ArrayList<>();
                for (int i = 1; i <= IN_PARALLEL; i++) {
                    int statement = statements + i;
                    round.add(() -> survive(before, fault, statement, rewriting));
                }
                reached = 0;
                for (Future<String> ending : executor.invokeAll(round)) {
                    reached += ending.get().equals("not reached") ? 0 : 1;
                    endings.merge(ending.get(), 1, Integer::sum);
                }
            }
        } finally {
            executor.shutdownNow();
        }
        System.out.println(fault + (rewriting ? ", rewriting: " : ": ") + endings);
        assertThat(statements).isGreaterThan(80);
        assertThat(endings)
                .containsKey(fault.isForGood() || fault == FaultyDialect.Fault.STOPPING ? "stopped" : "finished");
    }

    private String survive(Path before, FaultyDialect.Fault fault, int statement, boolean rewriting) throws Exception {
        Path file = folder.resolve(fault + "-" + statement + ".db");
        Files.copy(before, file);
        FaultyDialect dialect = new FaultyDialect(SqliteDialect.in(file));
        dialect.failAt(statement, fault);
        try (TroubledBuild build = new TroubledBuild(file, rewriting)) {
            String ending = runWithFault(build, dialect, fault);
            build.requireEqualCopy();
            build.finish();
            build.requireEqualCopy();
            return ending;
        } catch (AssertionError e) {
            String where = "statement " + statement + " (" + dialect.met() + "), " + fault + ", rewriting " + rewriting;
            throw new AssertionError(where, e);
        }
    }

    private static String runWithFault(TroubledBuild build, FaultyDialect dialect, FaultyDialect.Fault fault)
            throws SQLException {
        try (EmbeddingStore store = TroubledBuild.open(dialect)) {
            BuildReport report = build.run(store);
            dialect.failNone();
            build.check(report, fault != FaultyDialect.Fault.DEAD_AFTER);
            boolean passing = fault == FaultyDialect.Fault.BEFORE || fault == FaultyDialect.Fault.AFTER;
            if (dialect.met() == null || passing) {
                assertThat(report.totalFailed()).isZero();
                assertThat(build.isEnded(report)).isTrue();
            }
            return dialect.met() == null ? "not reached" : report.totalFailed() == 0 ? "finished" : "stopped";
        } catch (StoreException e) {
            assertThat(e).hasMessageContaining(build.file().getFileName().toString());
            assertThat(e).hasStackTraceContaining("withheld");
            return "not begun";
        }
    }
}
