package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class JdbcRecordSourcePostgresTest extends JdbcRecordSourceContract {
    private static EmbeddedPostgres server;

    @BeforeAll
    static void startServer() throws IOException {
        server = EmbeddedPostgres.start();
    }

    @AfterAll
    static void stopServer() throws IOException {
        server.close();
    }

    @Override
    protected DataSource database() {
        return server.getPostgresDatabase();
    }

    @Test
    void idsOfPostgresOwnTypesAreReadAndFoundAgain() throws SQLException {
        execute("drop type if exists mood cascade");
        execute("create type mood as enum ('sad', 'ok', 'happy')");
        assertReadAndFound("uuid", "md5('%d')::uuid");
        assertReadAndFound("char(10)", "'n%d'");
        assertReadAndFound("smallint", "%d");
        assertReadAndFound("timestamptz", "timestamptz '2026-01-01 00:00:00.123456+00' + interval '%d hours'");
        assertReadAndFound("bytea", "decode(md5('%d'), 'hex')");
        assertReadAndFound("double precision", "%d / 7.0");
        assertReadAndFound("mood", "(array['sad', 'ok', 'happy']::mood[])[%d]");
    }

    private void assertReadAndFound(String type, String value) throws SQLException {
        execute("drop table if exists keyed");
        execute("create table keyed (id " + type + " primary key, content text)");
        for (int i = 1; i <= 3; i++) {
            execute("insert into keyed values (" + value.formatted(i) + ", 'text')");
        }
        RecordSource source = JdbcRecordSource.of(database(), "select id, content from keyed");

        List<SourceRecord> records = recordsOf(pages(source, null, 1, 1000));

        assertThat(records).as(type).hasSize(3);
        assertThat(source.fetch(refs(records)).records()).as(type).hasSize(3);
    }

    @Test
    void idsThatACollationHoldsEqualAreAllRead() throws SQLException {
        execute("drop table if exists caseless");
        execute("drop collation if exists ignoring_case");
        execute("create collation ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
        execute("create table caseless (id text collate ignoring_case, content text)");
        execute("insert into caseless values ('a', '1'), ('A', '2'), ('b', '3'), ('B', '4'), ('c', '5')");
        RecordSource source = JdbcRecordSource.of(database(), "select id, content from caseless");

        for (int size = 1; size < 7; size++) {
            assertThat(recordsOf(pages(source, null, size, 1000)))
                    .extracting(r -> r.key().id())
                    .containsExactlyInAnyOrder("a", "A", "b", "B", "c");
        }
    }

    @Test
    void aPageIsAShortRangeOfTheIndex() throws SQLException {
        execute("drop table if exists large");
        execute("create table large (id bigint primary key, kind text not null, content text)");
        execute("insert into large select n, 'k' || n % 3, 'text' from generate_series(1, 30000) n");
        execute("analyze large");

        String plan = plan("select kind as source, id, content from large");

        assertThat(plan).contains("Index Scan", "id >= '15000'").doesNotContain("Sort", "Seq Scan");
    }

    private String plan(String query) throws SQLException {
        SourceQuery parsed = SourceQuery.of(query);
        try (SourceConnection connection = SourceConnection.open(database()::getConnection)) {
            SourceColumns columns = connection.columns(parsed);
            SourceSql page = SourceSql.page(
                    parsed,
                    columns,
                    SourceSql.Condition.equal(columns.source(), SourceValue.text("k1")),
                    SourceValue.integer(15_000),
                    100);
            SourceSql explain = new SourceSql("explain " + page.sql(), page.values());
            StringBuilder plan = new StringBuilder();
            try (var statement = connection.prepare(explain);
                    ResultSet lines = statement.executeQuery()) {
                while (lines.next()) {
                    plan.append(lines.getString(1)).append('\n');
                }
            }
            return plan.toString();
        }
    }

    @Test
    void aHostsOpenTransactionIsLeftAlone() throws Exception {
        sourceOf(List.of(SourceRecord.of("1", "text")));
        try (LentConnection lent = new LentConnection(database());
                Connection host = lent.getConnection();
                Statement statement = host.createStatement()) {
            host.setAutoCommit(false);
            statement.execute("insert into records (id, content) values ('2', 'uncommitted')");

            RecordSource source = JdbcRecordSource.of(lent, "select id, content from records");
            assertThat(recordsOf(pages(source, null, 1, 1000))).hasSize(2);

            host.commit();
        }
        assertThat(recordsOf(pages(JdbcRecordSource.of(database(), "select id, content from records"), null, 1, 1000)))
                .hasSize(2);
    }

    @Test
    void aRefusedLoginAndAnUnreachableServerAreTold() {
        String url = server.getJdbcUrl("postgres", "postgres").replaceAll("\\?.*", "");
        RecordSource elsewhere =
                JdbcRecordSource.of("jdbc:postgresql://127.0.0.1:1/x?password=PASSWORD", "select id, content from t");
        RecordSource missing = JdbcRecordSource.of(url + "_not", "postgres", "PASSWORD", "select id, content from t");

        for (RecordSource source : List.of(elsewhere, missing)) {
            assertThatExceptionOfType(SourceException.class)
                    .isThrownBy(() -> source.scan(null))
                    .withMessageContaining("connecting failed with SQLState")
                    .withMessageNotContaining("PASSWORD")
                    .withNoCause();
        }
    }
}
