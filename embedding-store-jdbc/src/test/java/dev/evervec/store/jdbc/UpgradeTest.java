package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A database with the tables of the first version, opened by a later Evervec. */
final class UpgradeTest {
    private static final String LATER = """
            -- A later version.
            alter table evervec_job add column colour text;

            create index evervec_job_colour on evervec_job (colour);
            """;

    private static TestPostgres database;

    @TempDir
    private Path folder;

    @BeforeAll
    static void create() {
        database = TestPostgres.newDatabase();
    }

    @AfterAll
    static void drop() {
        database.drop();
    }

    @Test
    void anSqliteFileIsBroughtUpToDateAndKeepsWhatItHas() throws Exception {
        isBroughtUpToDate(Place.in(folder.resolve("store.db")));
    }

    @Test
    void aPostgresSchemaIsBroughtUpToDateAndKeepsWhatItHas() throws Exception {
        isBroughtUpToDate(Place.in(database, "upgraded"));
    }

    private static void isBroughtUpToDate(Place place) throws Exception {
        try (EmbeddingStore first = JdbcStore.open(place.dialect(), null)) {
            build(first, 3);
        }
        List<String> versions = new ArrayList<>(Schema.versions(place.dialect().name()));
        versions.add(LATER);
        Dialect dialect = place.dialect();

        try (EmbeddingStore later = JdbcStore.open(dialect, null, new Schema(dialect, versions))) {
            build(later, 5);
        }

        assertThat(place.tables().rows("select version from evervec_schema order by version"))
                .containsExactly("1", "2");
        assertThat(place.tables().rows("select count(*), count(colour) from evervec_job"))
                .containsExactly("2|0");
        place.tables().requireSound();
        assertThatThrownBy(() -> JdbcStore.open(place.dialect(), null))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("schema version 2")
                .hasMessageContaining("newer Evervec");
    }

    private static void build(EmbeddingStore store, int records) {
        List<SourceRecord> all = new ArrayList<>();
        for (int i = 0; i < records; i++) {
            all.add(SourceRecord.of("id-" + i, "text " + i));
        }
        BuildPipeline pipeline = BuildPipeline.builder()
                .records(InMemorySource.of(all))
                .embedder(ScriptedProvider.builder().dimension(3).build())
                .store(store)
                .build();
        assertThat(pipeline.run(BuildRequest.all()).totalFailed()).isZero();
        assertThat(store.stats(pipeline.fingerprint()).get(0).embedded()).isEqualTo(records);
    }
}
