package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Looks into the tables of a store from outside. */
final class Tables {
    private final Connector connector;
    private final boolean sqlite;

    /** Opens connections. */
    @FunctionalInterface
    private interface Connector {
        Connection connect() throws SQLException;
    }

    /** In an SQLite file. */
    Tables(Path file) {
        connector = () -> DriverManager.getConnection("jdbc:sqlite:" + file);
        sqlite = true;
    }

    /** In a schema of a database. */
    Tables(TestPostgres database, String schema) {
        connector = () -> DriverManager.getConnection(database.url() + "?currentSchema=" + schema, "postgres", "");
        sqlite = false;
    }

    Connection connect() throws SQLException {
        return connector.connect();
    }

    void execute(String statement) throws SQLException {
        try (Connection connection = connect();
                Statement sql = connection.createStatement()) {
            sql.execute(statement);
        }
    }

    /** The rows of a query, their columns with bars between them, bytes as characters. */
    List<String> rows(String query) throws SQLException {
        try (Connection connection = connect()) {
            return rows(connection, query);
        }
    }

    private List<String> rows(Connection connection, String query) throws SQLException {
        List<String> rows = new ArrayList<>();
        try (Statement sql = connection.createStatement();
                ResultSet result = sql.executeQuery(
                        query.contains("evervec_vector") && !sqlite ? withAllVectors(connection) + query : query)) {
            int columns = result.getMetaData().getColumnCount();
            while (result.next()) {
                List<String> row = new ArrayList<>();
                for (int i = 1; i <= columns; i++) {
                    row.add(sqlite ? characters(result.getBytes(i)) : String.valueOf(result.getString(i)));
                }
                rows.add(String.join("|", row));
            }
        }
        return rows;
    }

    private static String characters(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** Makes queries on {@code evervec_vector} see the vectors of all generations. */
    private static String withAllVectors(Connection connection) throws SQLException {
        List<String> tables = new ArrayList<>();
        try (Statement sql = connection.createStatement();
                ResultSet names = sql.executeQuery(
                        "select 'evervec_vector_' || name from evervec_generation where vector_type is not null")) {
            while (names.next()) {
                tables.add(names.getString(1));
            }
        }
        String columns = "generation, source, id, text_hash, job, bought_by, stored_at, tokens, cost, vector";
        String all = tables.stream()
                .map(table -> "select " + columns + " from " + table)
                .collect(Collectors.joining(" union all "));
        return tables.isEmpty() ? "" : "with evervec_vector as (" + all + ") ";
    }

    /** An expression for the digits of a column of bytes. */
    String hex(String column) {
        return sqlite ? "lower(hex(" + column + "))" : "encode(" + column + ", 'hex')";
    }

    long number(String query) throws SQLException {
        return Long.parseLong(rows(query).get(0));
    }

    /** Every row of every table. */
    List<String> dump() throws SQLException {
        String names = sqlite
                ? "select name from sqlite_master where type = 'table' and name like 'evervec%' order by name"
                : "select tablename from pg_tables where schemaname = current_schema() order by tablename";
        List<String> dump = new ArrayList<>();
        for (String table : rows(names)) {
            rows("select * from " + table + " order by 1, 2, 3").forEach(row -> dump.add(table + ": " + row));
        }
        return dump;
    }

    /** Nothing is half there: the kept counts are those of a recount, and vectors belong to ledger rows. */
    void requireSound() throws SQLException {
        try (Connection connection = connect()) {
            requireSound(connection);
        }
    }

    private void requireSound(Connection connection) throws SQLException {
        if (sqlite) {
            assertThat(rows(connection, "pragma integrity_check")).containsExactly("ok");
            requireTextsFound(connection);
        }
        assertThat(rows(
                        connection,
                        "select generation, source, state, records, stale from evervec_count"
                                + " where records <> 0 or stale <> 0 order by 1, 2, 3"))
                .as("counts")
                .isEqualTo(rows(
                        connection,
                        "select generation, source, state, count(*), sum(case when vector_hash <> content_hash then 1 else 0 end)"
                                + " from evervec_ledger group by 1, 2, 3"
                                + " order by 1, 2, 3"));
        assertThat(
                        rows(
                                connection,
                                "select l.id from evervec_ledger l where l.state = 'embedded' and not exists (select 1 from"
                                        + " evervec_vector v where v.generation = l.generation and v.source = l.source and v.id = l.id)"))
                .as("embedded without a vector")
                .isEmpty();
        assertThat(rows(
                        connection,
                        "select v.id from evervec_vector v where not exists (select 1 from evervec_ledger l where"
                                + " v.generation = l.generation and v.source = l.source and v.id = l.id)"))
                .as("vectors without a record")
                .isEmpty();
        assertThat(rows(
                        connection,
                        "select l.id from evervec_ledger l where (l.state <> 'embedded' and l.vector_hash is not null)"
                                + " <> (l.state <> 'embedded' and exists (select 1 from evervec_vector v where"
                                + " v.generation = l.generation and v.source = l.source and v.id = l.id))"))
                .as("records whose vector is not known, or known and not there")
                .isEmpty();
        assertThat(rows(
                        connection,
                        "select j.id from (select j.number, j.id, j.requests + coalesce(sum(w.requests), 0) requests,"
                                + " (j.cost_usd + coalesce(sum(w.cost_usd), 0)) * 1000000000000 + j.cost_rest"
                                + " + coalesce(sum(w.cost_rest), 0) cost from evervec_job j left join evervec_worker w"
                                + " on w.job = j.number and w.ended_at is null"
                                + " group by j.number, j.id, j.requests, j.cost_usd, j.cost_rest) j"
                                + " where j.requests <> (select count(*) from evervec_usage u where u.job = j.number)"
                                + " or j.cost <> (select coalesce(sum(u.cost), 0) from evervec_usage u"
                                + " where u.job = j.number)"))
                .as("jobs whose bill does not add up")
                .isEmpty();
        assertThat(rows(
                        connection,
                        "select j.id from evervec_job j where j.state <> 'running' and exists"
                                + " (select 1 from evervec_ledger l where l.job = j.number)"))
                .as("ended jobs with a list")
                .isEmpty();
    }

    private void requireTextsFound(Connection connection) throws SQLException {
        assertThat(rows(
                        connection,
                        "select v.id from evervec_vector v join evervec_ledger l on l.generation = v.generation and"
                                + " l.source = v.source and l.id = v.id where not exists (select 1 from (select * from"
                                + " evervec_text union all select * from evervec_text_recent) t where t.generation ="
                                + " v.generation and t.record = l.number and t.bought_by = v.bought_by)"))
                .as("vectors that cannot be found by their text")
                .isEmpty();
    }
}
