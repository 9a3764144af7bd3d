package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.evervec.config.StoreSettings;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A PostgreSQL that may have the extension pgvector, named by {@value #URL}. It may be one session for all connections, so a
 * test that uses it does one thing at a time.
 */
final class TestPgvector {
    static final String URL = "EVERVEC_TEST_PGVECTOR_URL";
    static final String SCHEMA = "evervec_test";

    private TestPgvector() {}

    /** Skips the test if there is no such server; where nothing is to be skipped, that is a failure. */
    static StoreSettings settings() {
        String url = System.getenv(URL);
        if (System.getenv("EVERVEC_CI") != null) {
            assertThat(url)
                    .as(URL + " is not set: run the build by .ci/with-pgvector")
                    .isNotNull();
        }
        assumeTrue(url != null, URL + " is not set: run the tests by .ci/with-pgvector, see CONTRIBUTING.md");
        return new StoreSettings(url, null, null, SCHEMA);
    }

    /** Without tables, and with the extension. */
    static StoreSettings empty() {
        StoreSettings settings = settings();
        execute("drop schema if exists " + SCHEMA + " cascade");
        execute("create extension if not exists vector schema public");
        return settings;
    }

    /** Without tables, and without the extension. */
    static StoreSettings withoutExtension() {
        StoreSettings settings = settings();
        execute("drop schema if exists " + SCHEMA + " cascade");
        // Not "cascade": what others made of it stays, and this fails.
        execute("drop extension if exists vector");
        return settings;
    }

    static Connection connect() throws SQLException {
        return DriverManager.getConnection(settings().url());
    }

    static void execute(String sql) {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }
}
