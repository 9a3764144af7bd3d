package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A file that is not the store's alone. */
@Timeout(60)
class SharedFileTest {
    @TempDir
    Path folder;

    private Path file;
    private Tables tables;

    @BeforeEach
    void name() {
        file = folder.resolve("app.db");
        tables = new Tables(file);
    }

    @Test
    void aFileOfItsOwnIsWrittenToWithoutALimit() {
        try (EmbeddingStore store = JdbcStore.openSqlite(file)) {
            assertThat(store.rowsPerWrite()).isEqualTo(Integer.MAX_VALUE);
        }
    }

    @Test
    void aFileWithTablesOfTheHostIsLockedForAFewRowsAtATime() throws SQLException {
        try (EmbeddingStore store = JdbcStore.openSqlite(file)) {
            tables.execute("create table host_order (id integer primary key autoincrement)");

            assertThat(store.rowsPerWrite()).isEqualTo(128);
        }
    }

    @Test
    void aFileWithTheOutboxIsOneThatTheHostWritesTo() {
        try (EmbeddingStore store = JdbcStore.openSqlite(file);
                EmbeddingQueue queue = EmbeddingQueue.inSqlite(file)) {
            queue.createTableIfMissing();

            assertThat(store.rowsPerWrite()).isEqualTo(128);
        }
    }

    @Test
    void aBuildWithLargeRequestsWritesAFewRowsAtATimeAndLosesNone() throws SQLException {
        tables.execute("create table host_order (id integer primary key)");
        List<SourceRecord> records = IntStream.range(0, 3_000)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                .toList();
        try (EmbeddingStore store = JdbcStore.openSqlite(file);
                ScriptedProvider provider = ScriptedProvider.builder()
                        .dimension(8)
                        .limits(ProviderLimits.ofTexts(2_048))
                        .build()) {
            BuildReport report = BuildPipeline.builder()
                    .records(InMemorySource.of(records))
                    .embedder(provider)
                    .store(store)
                    .build()
                    .run(BuildRequest.all());

            assertThat(report.succeeded()).isEqualTo(3_000);
        }
        assertThat(tables.number("select count(*) from evervec_vector")).isEqualTo(3_000);
        tables.requireSound();
    }

    @Test
    void whatFailsOnceMoreInARetryIsNotTakenTwiceByIt() throws SQLException {
        tables.execute("create table host_order (id integer primary key)");
        List<SourceRecord> records = IntStream.range(0, 600)
                .mapToObj(i -> SourceRecord.of("id-" + i, "bad text number " + i))
                .toList();
        try (EmbeddingStore store = JdbcStore.openSqlite(file);
                ScriptedProvider provider = ScriptedProvider.builder()
                        .dimension(8)
                        .limits(ProviderLimits.ofTexts(1))
                        .faults(FaultScript.badTexts(text -> text.startsWith("bad")))
                        .build()) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(InMemorySource.of(records))
                    .embedder(provider)
                    .store(store)
                    .build();
            pipeline.run(BuildRequest.all());

            BuildReport report = pipeline.run(BuildRequest.retryFailed(BuildRequest.Retry.ALL));

            assertThat(report.failed()).containsEntry(Reason.EMBED_PERMANENT, 600L);
            assertThat(records).allMatch(record -> provider.timesSent(record.content()) == 2);
        }
    }
}
