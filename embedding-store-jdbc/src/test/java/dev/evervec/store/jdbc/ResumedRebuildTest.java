package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A rebuild whose store dies in the middle, again and again, and that is carried on each time. */
@Timeout(120)
class ResumedRebuildTest {
    private static final int RECORDS = 1_500;
    private static final int TEXTS = 1_200;
    private static final int BATCH = 20;
    private static final int CALLS = 3;
    private static final int MOST_DEATHS = 5;

    @TempDir
    private Path folder;

    private final List<SourceRecord> records = IntStream.range(0, RECORDS)
            .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i % TEXTS))
            .toList();

    /** How often each text had been sent when its vector was seen in the store. */
    private final Map<String, Integer> stored = new HashMap<>();

    private Path file() {
        return folder.resolve("store.db");
    }

    private static ScriptedProvider provider() {
        return ScriptedProvider.builder()
                .dimension(4)
                .limits(ProviderLimits.ofTexts(BATCH))
                .callPolicy(new CallPolicy(0, Duration.ofSeconds(60), CALLS))
                .build();
    }

    private BuildPipeline pipeline(EmbeddingStore store, ScriptedProvider provider) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(records))
                .embedder(provider)
                .store(store)
                .build();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void buysNoTextTwiceAndLeavesNoOldVector(int run) throws Exception {
        long seed = System.nanoTime() + run;
        System.out.println("resumed rebuild, seed " + seed);
        Random random = new Random(seed);
        try (EmbeddingStore store = JdbcStore.openSqlite(file());
                ScriptedProvider before = provider()) {
            pipeline(store, before).run(BuildRequest.all());
        }
        Tables tables = new Tables(file());
        try (ScriptedProvider provider = provider()) {
            int deaths = 0;
            BuildRequest request = BuildRequest.all().rebuild().jobId("rebuild");
            while (deaths < MOST_DEATHS && !completes(request, provider, random)) {
                deaths++;
                request = checked(tables, provider);
            }
            if (deaths == MOST_DEATHS) {
                finish(request, provider);
            }

            assertThat(provider.timesSent()).hasSize(TEXTS).containsAllEntriesOf(stored);
            int twice = provider.timesSent().values().stream()
                    .mapToInt(times -> times - 1)
                    .sum();
            assertThat(twice).isLessThanOrEqualTo(deaths * (CALLS + 2) * BATCH);
        }
        long first = tables.number("select number from evervec_job where id = 'rebuild'");
        assertThat(tables.number("select count(*) from evervec_vector where bought_by >= " + first))
                .isEqualTo(RECORDS);
        assertThat(tables.rows("select state, count(*) from evervec_ledger group by state"))
                .containsExactly("embedded|" + RECORDS);
        tables.requireSound();
    }

    /** Runs until the store dies at some statement, or until the end if that comes first. */
    private boolean completes(BuildRequest request, ScriptedProvider provider, Random random) {
        FaultyDialect faults = new FaultyDialect(SqliteDialect.in(file()));
        try (EmbeddingStore store = JdbcStore.open(faults, Clock.systemUTC())) {
            BuildRun run = pipeline(store, provider).start(request);
            faults.failAt(
                    1 + random.nextInt(random.nextBoolean() ? 40 : 600), // while it scans, or later
                    random.nextBoolean() ? FaultyDialect.Fault.DEAD_BEFORE : FaultyDialect.Fault.DEAD_AFTER);
            BuildReport report = run.result();
            return report.state() == BuildReport.State.COMPLETED;
        }
    }

    private void finish(BuildRequest request, ScriptedProvider provider) {
        try (EmbeddingStore store = JdbcStore.openSqlite(file())) {
            assertThat(pipeline(store, provider).run(request).state()).isEqualTo(BuildReport.State.COMPLETED);
        }
    }

    /** What is stored of the rebuild was sent for the last time; answers how to carry it on. */
    private BuildRequest checked(Tables tables, ScriptedProvider provider) throws SQLException {
        tables.requireSound();
        Map<String, Integer> sent = provider.timesSent();
        assertThat(sent).containsAllEntriesOf(stored);
        tables.rows(
                        "select distinct id from evervec_vector where bought_by >= (select number from evervec_job where id = 'rebuild')")
                .forEach(id -> {
                    String text = "text number " + Integer.parseInt(id.substring(3)) % TEXTS;
                    stored.putIfAbsent(text, sent.get(text));
                });
        try (EmbeddingStore store = JdbcStore.openSqlite(file())) {
            JobInfo last = store.jobs(1).get(0);
            assertThat(last.state()).isEqualTo(JobState.INTERRUPTED);
            return BuildRequest.resume(last);
        }
    }
}
