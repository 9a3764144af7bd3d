package dev.evervec.benchmarks;

import java.io.IOException;
import java.sql.SQLException;
import java.util.List;

/** The sixth goal, of which {@link StoreThroughput} makes a table. */
final class StoreRatio {
    private static final String GOAL = "6 store";
    private static final int BATCH = 1;
    private static final int CONNECTIONS = 2;
    private static final int RATIO = 5;
    private static final double LEAST = 0.8;

    private StoreRatio() {}

    static Findings measure(Effort effort) throws IOException, SQLException {
        List<Integer> batchSizes = effort.size() == Effort.Size.FULL ? List.of(100, 256, 2_048) : List.of(256);
        String table = StoreThroughput.measured(
                new StoreThroughput.Effort(effort.of(200, 4_000, 20_000), effort.of(1, 3, 5), batchSizes));
        List<Verdict> verdicts = table.lines()
                .map(line -> line.split(" *\\| *", -1))
                .filter(cells -> cells.length > RATIO && cells[RATIO].matches("[0-9.]+"))
                .map(cells -> Verdict.atLeast(
                        GOAL,
                        "PostgreSQL, " + cells[BATCH] + " rows a commit, connections " + cells[CONNECTIONS]
                                + ": store / bare rows/s",
                        Double.parseDouble(cells[RATIO]),
                        LEAST))
                .toList();
        return new Findings(verdicts, table + "\n");
    }
}
