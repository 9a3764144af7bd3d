package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.StoreException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * A whole build in which the first statement fails, then one in which the second fails, and so on until a build no longer has
 * so many: it goes on or stops with balanced books, and a build without faults after it finishes what is left and pays for
 * nothing twice.
 */
abstract class EveryStatement {
    private static final int IN_PARALLEL = 16;

    /** A place of this name with what {@link TroubledBuild#prepare} has stored. */
    abstract Place prepared(String name, boolean rewriting) throws Exception;

    /** From one statement that fails to the next: more than one where a build takes long. */
    int stride() {
        return 1;
    }

    /** How many statements a build has at least. */
    abstract int fewest();

    /** In every build another statement meets this fault. */
    final void isSurvivedByABuild(FaultyDialect.Fault fault, boolean rewriting) throws Exception {
        Map<String, Integer> endings = new TreeMap<>();
        int statements = 0;
        int skipped = new Random().nextInt(stride());
        ExecutorService executor = Executors.newFixedThreadPool(IN_PARALLEL);
        try {
            // Threads make the number of statements differ a little from build to build.
            for (int reached = IN_PARALLEL; reached > IN_PARALLEL / 4; statements += IN_PARALLEL) {
                List<Callable<String>> round = new ArrayList<>();
                for (int i = 1; i <= IN_PARALLEL; i++) {
                    int statement = (statements + i) * stride() - skipped;
                    round.add(() -> survive(fault, statement, rewriting));
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
        System.out.println(fault
                + (stride() > 1 ? ", without the first " + (stride() - skipped - 1) : "")
                + (rewriting ? ", rewriting: " : ": ")
                + endings);
        assertThat(statements * stride()).isGreaterThan(fewest());
        assertThat(endings)
                .containsKey(fault.isForGood() || fault == FaultyDialect.Fault.STOPPING ? "stopped" : "finished");
    }

    private String survive(FaultyDialect.Fault fault, int statement, boolean rewriting) throws Exception {
        String name = (fault + "_" + statement).toLowerCase(Locale.ROOT);
        Place place = prepared(name, rewriting);
        FaultyDialect dialect = new FaultyDialect(place.dialect());
        dialect.failAt(statement, fault);
        try (TroubledBuild build = new TroubledBuild(place, rewriting)) {
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
            assertThat(e).hasMessageContaining(build.place().name());
            assertThat(e).hasStackTraceContaining("withheld");
            return "not begun";
        }
    }
}
