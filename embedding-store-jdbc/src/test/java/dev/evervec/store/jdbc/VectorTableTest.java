package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.provider.ModelIdentity;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where PostgreSQL puts the vectors of a generation: into their rows if these fill pages well, else into pages of their own. */
final class VectorTableTest {
    private static final int ROWS = 8;

    private final TestPostgres database = TestPostgres.newDatabase();

    @AfterEach
    void drop() throws SQLException {
        database.drop();
    }

    @ParameterizedTest(name = "{0} components")
    @CsvSource({"256, true", "512, true", "768, true", "1536, true", "1024, false", "3072, false"})
    void rowsHaveTheirVectorsInPlaceIfTheyFillPages(int dimension, boolean inPlace) throws SQLException {
        ModelIdentity model = ModelIdentity.embedding("provider", "model", dimension, "", "none");
        Fingerprint fingerprint = new Fingerprint(model, "");
        try (JdbcStore store = JdbcStore.open(database.settings())) {
            store.beginJob(new JobStart("job", fingerprint, 3));
        }
        String table = "evervec.evervec_vector_" + fingerprint.generation();
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("insert into " + table + " (generation, source, id, part, text_hash, dimension, job,"
                    + " bought_by, stored_at, tokens, vector) select 1, 'default', 'id-' || n, 0, sha256('text'), "
                    + dimension + ", 1, 1, 0, 0, (select array_agg(random()::real) from generate_series(1, " + dimension
                    + ")) from generate_series(1, " + ROWS + ") n");
            long outside = number(
                    statement,
                    "select pg_relation_size(reltoastrelid) from pg_class where oid = '" + table + "'::regclass");
            long rows = number(statement, "select pg_relation_size('" + table + "')");

            assertThat(outside == 0).as("%s bytes beside the rows", outside).isEqualTo(inPlace);
            assertThat(rows + outside)
                    .as("bytes on disk")
                    .isLessThan(ROWS * dimension * Float.BYTES * 3L / 2 + 2 * 8_192);
        }
    }

    private static long number(Statement statement, String sql) throws SQLException {
        try (ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        }
    }
}
