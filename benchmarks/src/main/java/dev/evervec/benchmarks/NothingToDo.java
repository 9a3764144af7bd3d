package dev.evervec.benchmarks;

import dev.evervec.benchmarks.contest.Consumption;
import dev.evervec.benchmarks.contest.Prose;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcRecordSource;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** The fifth goal: how long a job takes that finds nothing to do, with records from SQL on SQLite, and how long the counts take. */
final class NothingToDo {
    private static final String GOAL = "5 nothing to do";
    private static final int CHARACTERS = 500;
    private static final int DIMENSION = 8;

    private NothingToDo() {}

    static Findings measure(Effort effort) throws Exception {
        int records = effort.of(300, 100_000, 1_000_000);
        Path folder = Files.createTempDirectory("evervec-nothing");
        try (EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("embeddings.db"));
                LLMProvider provider = new SteadyProvider(Duration.ZERO, DIMENSION)) {
            String url = "jdbc:sqlite:" + folder.resolve("app.db");
            write(url, records);
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(JdbcRecordSource.of(url, "select id, text as content from article"))
                    .embedder(provider)
                    .store(store)
                    .build();
            require(pipeline.run(BuildRequest.all()), records);
            return findings(effort, pipeline, records);
        } finally {
            Site.delete(folder);
        }
    }

    private static Findings findings(Effort effort, BuildPipeline pipeline, int records) {
        int runs = effort.of(1, 3, 5);
        double[] jobs = new double[runs];
        double[] cpu = new double[runs];
        double[] stats = new double[runs];
        double[] health = new double[runs];
        for (int i = 0; i < runs; i++) {
            long cpuBegan = Consumption.cpuNanos();
            jobs[i] = millis(() -> require(pipeline.run(BuildRequest.all()), 0));
            cpu[i] = (Consumption.cpuNanos() - cpuBegan) / 1e6;
            stats[i] = millis(() -> pipeline.store().stats(pipeline.fingerprint()));
            health[i] = millis(pipeline::health);
        }
        double perRecord = Verdict.median(jobs) / records;
        return new Findings(
                List.of(
                        Verdict.atMost(
                                GOAL, String.format(Locale.ROOT, "ms a record of %,d", records), perRecord, 0.02),
                        Verdict.atMost(
                                GOAL,
                                String.format(Locale.ROOT, "stats of %,d records, ms", records),
                                Verdict.median(stats),
                                50)),
                String.format(
                        Locale.ROOT,
                        "%,d records of %d characters: %.2f s a job (CPU %.2f s), %.4f ms a record; stats %.2f ms, health %.2f ms;"
                                + " medians of %d runs%n",
                        records,
                        CHARACTERS,
                        Verdict.median(jobs) / 1_000,
                        Verdict.median(cpu) / 1_000,
                        perRecord,
                        Verdict.median(stats),
                        Verdict.median(health),
                        runs));
    }

    private static double millis(Runnable work) {
        long began = System.nanoTime();
        work.run();
        return (System.nanoTime() - began) / 1e6;
    }

    private static void require(BuildReport report, long embedded) {
        if (report.succeeded() != embedded || report.totalFailed() > 0) {
            throw new IllegalStateException(report.succeeded() + " records were embedded, not " + embedded);
        }
    }

    private static void write(String url, int records) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute("create table article (id integer primary key, text text not null)");
            connection.setAutoCommit(false);
            try (PreparedStatement insert = connection.prepareStatement("insert into article values (?, ?)")) {
                for (int i = 0; i < records; i++) {
                    insert.setInt(1, i);
                    insert.setString(2, Prose.text(i, CHARACTERS));
                    insert.executeUpdate();
                }
            }
            connection.commit();
        }
    }
}
