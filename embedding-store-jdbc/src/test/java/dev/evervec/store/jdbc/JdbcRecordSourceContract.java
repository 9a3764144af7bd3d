package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.RecordSourceContract;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.source.UnreadableRecord;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What {@link JdbcRecordSource} must do on every database. */
abstract class JdbcRecordSourceContract extends RecordSourceContract {
    private static final String ALL = "select id, source, title, content from records";

    protected abstract DataSource database();

    /** SQL type of a text of up to 600 characters. */
    protected String textType() {
        return "varchar(600)";
    }

    /** SQL type of a long text. */
    protected String longTextType() {
        return "text";
    }

    @Override
    protected RecordSource sourceOf(List<SourceRecord> records) throws Exception {
        execute("drop table if exists records");
        execute("create table records (source " + textType() + ", id " + textType() + " not null, title "
                + longTextType() + ", content " + longTextType() + ")");
        try (Connection connection = database().getConnection();
                PreparedStatement insert = connection.prepareStatement("insert into records values (?, ?, ?, ?)")) {
            connection.setAutoCommit(false);
            for (SourceRecord record : records) {
                String source = record.key().source();
                insert.setString(1, source.equals(RecordKey.DEFAULT_SOURCE) ? null : source);
                insert.setString(2, record.key().id());
                insert.setString(3, record.title());
                insert.setString(4, record.content());
                insert.addBatch();
            }
            insert.executeBatch();
            connection.commit();
        }
        return JdbcRecordSource.of(database(), ALL + ";  -- all of them");
    }

    @Test
    void integerIdsAreReadInTheirOwnOrder() throws SQLException {
        execute("drop table if exists numbered");
        execute("create table numbered (id bigint primary key, content " + textType() + ")");
        for (int i : new int[] {-5, 0, 2, 9, 10, 11, 99, 100, 1000}) {
            execute("insert into numbered values (" + i + ", 'text " + i + "')");
        }
        execute("insert into numbered values (9223372036854775807, 'largest'), (-9223372036854775808, 'smallest')");
        RecordSource source = JdbcRecordSource.of(database(), "select id, content from numbered");

        for (int size : new int[] {1, 3, 4, 50}) {
            List<SourceRecord> records = recordsOf(pages(source, null, size, Long.MAX_VALUE));
            assertThat(records)
                    .extracting(r -> r.key().id())
                    .containsExactly(
                            "-9223372036854775808",
                            "-5",
                            "0",
                            "2",
                            "9",
                            "10",
                            "11",
                            "99",
                            "100",
                            "1000",
                            "9223372036854775807");
            assertThat(source.fetch(refs(records)).records()).hasSize(11);
        }
        assertThat(source.sources()).containsExactly("default");
        assertThat(pages(source, "other", 10, 1000)).isEmpty();
        assertThat(source.fetch(byKey("default", "9", "nine", "09", "9.0", "12345678901234567890"))
                        .records())
                .containsOnlyKeys(new RecordKey("default", "9"));
        assertThat(source.fetch(byKey("other", "9")).records()).isEmpty();
    }

    @Test
    void decimalIdsAreFoundAgain() throws SQLException {
        execute("drop table if exists priced");
        execute("create table priced (id decimal(20,2), content " + textType() + ")");
        execute("insert into priced values (1.50, 'a'), (-3.25, 'b'), (12345678901234567.25, 'c'), (10.10, 'd')");
        RecordSource source = JdbcRecordSource.of(database(), "select id, content from priced");

        List<SourceRecord> records = recordsOf(pages(source, null, 1, 1000));

        assertThat(records).extracting(SourceRecord::content).containsExactly("b", "a", "d", "c");
        assertThat(source.fetch(refs(records)).records()).hasSize(4);
    }

    @Test
    void sourcesOfANumberTypeAreRead() throws SQLException {
        execute("drop table if exists shelved");
        execute("create table shelved (shelf int, id int, content " + textType() + ")");
        execute("insert into shelved values (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'c'), (null, 1, 'd')");
        RecordSource source = JdbcRecordSource.of(database(), "select shelf as source, id, content from shelved");

        List<SourceRecord> records = recordsOf(pages(source, null, 2, 1000));

        assertThat(records)
                .extracting(r -> r.key().toString())
                .containsExactlyInAnyOrder("1/1", "1/2", "2/1", "default/1");
        assertThat(source.fetch(refs(records)).records()).hasSize(4);
        assertThat(source.sources()).containsExactlyInAnyOrder("1", "2", "default");
        assertThat(recordsOf(pages(source, "2", 5, 1000))).hasSize(1);
        assertThat(recordsOf(pages(source, "default", 5, 1000))).hasSize(1);
        assertThat(pages(source, "fiction", 5, 1000)).isEmpty();
        assertThat(pages(source, "3000000000", 5, 1000)).isEmpty();
    }

    @Test
    void nullsAreAccountedFor() throws SQLException {
        execute("drop table if exists gaps");
        execute("create table gaps (id int, source " + textType() + ", content " + textType() + ")");
        execute(
                "insert into gaps values (null, 'a', 'x'), (1, 'a', null), (2, null, 'b'), (null, null, 'y'), (3, 'a', 'c')");
        RecordSource source = JdbcRecordSource.of(database(), "select * from gaps");

        for (int size = 1; size < 6; size++) {
            List<ScanPage> pages = pages(source, null, size, 1000);
            assertThat(recordsOf(pages))
                    .extracting(r -> r.key() + "=" + r.content())
                    .containsExactlyInAnyOrder("a/1=", "default/2=b", "a/3=c");
            assertThat(pages.stream().flatMap(p -> p.unreadable().stream()))
                    .containsExactly(new UnreadableRecord("rows without id", "2 rows have null for its id", null));
        }
        assertThat(pages(source, "a", 10, 1000).stream().flatMap(p -> p.unreadable().stream()))
                .containsExactly(new UnreadableRecord("rows without id", "1 row has null for its id", null));
    }

    @Test
    void rowsThatCanBeNoRecordAreReportedAndTheOthersRead() throws Exception {
        sourceOf(List.of(SourceRecord.of("a", "fine", null, "SECRET")));
        try (Connection connection = database().getConnection();
                PreparedStatement insert = connection.prepareStatement(
                        "insert into records (source, id, content) values (?, ?, 'SECRET')")) {
            for (String[] key : new String[][] {
                {"a", "tab\there"}, {"a", "x".repeat(513)}, {"all", "1"}, {"s".repeat(129), "2"}, {"a", ""}
            }) {
                insert.setString(1, key[0]);
                insert.setString(2, key[1]);
                insert.executeUpdate();
            }
        }
        RecordSource source = JdbcRecordSource.of(database(), ALL);

        for (int size : new int[] {1, 2, 10}) {
            List<ScanPage> pages = pages(source, null, size, 1000);
            assertThat(recordsOf(pages)).hasSize(1);
            assertThat(pages.stream().flatMap(p -> p.unreadable().stream()))
                    .hasSize(5)
                    .noneMatch(bad -> bad.toString().contains("SECRET"))
                    .anyMatch(bad -> bad.where().equals("row with id tab?here")
                            && bad.problem().contains("control character"))
                    .anyMatch(bad -> bad.where().equals("row with id " + "x".repeat(80) + "...")
                            && bad.problem().contains("longer than 512 bytes"));
        }
    }

    @Test
    void duplicateRowsNeitherLoopNorHideOthers() throws SQLException {
        execute("drop table if exists doubled");
        execute("create table doubled (id int, content " + textType() + ")");
        for (int i = 0; i < 12; i++) {
            execute("insert into doubled values (1, 'one'), (" + (i + 2) + ", 'single')");
        }
        RecordSource source = JdbcRecordSource.of(database(), "select id, content from doubled");

        for (int size : new int[] {1, 2, 5, 11, 12, 13, 30}) {
            List<String> ids = recordsOf(pages(source, null, size, 1000)).stream()
                    .map(r -> r.key().id())
                    .toList();
            assertThat(ids)
                    .contains(IntStream.range(1, 14).mapToObj(String::valueOf).toArray(String[]::new));
            assertThat(ids.stream().filter(id -> !id.equals("1"))).hasSize(12);
        }
        assertThat(source.fetch(byKey("default", "1")).records()).hasSize(1);
    }

    @Test
    void columnNamesMayBeInAnyCaseAndOrder() throws SQLException {
        execute("drop table if exists named");
        execute("create table named (n int, t " + textType() + ")");
        execute("insert into named values (1, 'x'), (2, 'y')");
        RecordSource source = JdbcRecordSource.of(
                database(),
                "/* ours */ select n + 0 as other, t as \"CONTENT\", 'fixed' as \"Source\", n as Id from named order by t");

        List<SourceRecord> records = recordsOf(pages(source, null, 1, 1000));

        assertThat(records).extracting(r -> r.key() + "=" + r.content()).containsExactly("fixed/1=x", "fixed/2=y");
        assertThat(source.fetch(refs(records)).records()).hasSize(2);
    }

    @Test
    void aQueryMayDoItsOwnPaging() throws Exception {
        List<SourceRecord> expected = new ArrayList<>();
        for (int i = 0; i < 17; i++) {
            expected.add(SourceRecord.of(i % 2 == 0 ? "a" : "b", "id" + i / 2, "title", "content " + i));
        }
        sourceOf(expected);
        RecordSource source = JdbcRecordSource.of(
                database(), ALL + " where id > :after and content <> ':after' order by id limit :limit");

        for (int size : new int[] {1, 2, 3, 16, 17, 18}) {
            List<SourceRecord> scanned = recordsOf(pages(source, null, size, Long.MAX_VALUE));
            assertSameRecords(scanned, expected);
        }
        assertThat(recordsOf(pages(source, "b", 2, 1000))).hasSize(8);
        assertThat(source.fetch(refs(expected)).records()).hasSize(17);
        assertThat(source.sources()).containsExactly("a", "b");
    }

    @Test
    void aQueryWithPagingOfItsOwnMustSortById() throws SQLException {
        execute("drop table if exists numbered");
        execute("create table numbered (id int primary key, content " + textType() + ")");
        execute("insert into numbered values (-2, 'a'), (5, 'b'), (7, 'c')");
        RecordSource sorted = JdbcRecordSource.of(
                database(), "select id, content from numbered where id > :after order by id limit :limit");
        RecordSource unsorted = JdbcRecordSource.of(
                database(), "select id, content from numbered where id > :after order by id desc limit :limit");

        assertThat(recordsOf(pages(sorted, null, 1, 1000))).hasSize(3);
        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(() -> pages(unsorted, null, 2, 1000))
                .withMessageContaining("order by id");
    }

    @Test
    void aQueryThatCannotBeReadSaysWhy() throws Exception {
        sourceOf(List.of(SourceRecord.of("1", "SECRET")));

        assertRefused("select id, content from missing_table", "missing_table", "Check its tables");
        assertRefused("select id, nonsense from records", "nonsense");
        assertRefused("select id, content from records where where", "SQLState", "error code");
        assertRefused("select id, title as body from records", "no column named content; it gives", "body");
        assertRefused("select content from records", "no column named id");
    }

    @Test
    void aScanOutlivesATableThatIsDroppedWithAClearError() throws Exception {
        RecordSource source = sourceOf(List.of(SourceRecord.of("1", "SECRET"), SourceRecord.of("2", "SECRET")));
        try (var scan = source.scan(null)) {
            assertThat(scan.next(1, 1000)).isNotNull();
            execute("drop table records");

            assertThatExceptionOfType(SourceException.class)
                    .isThrownBy(() -> scan.next(1, 1000))
                    .withMessageContaining("reading a page of the records query failed with")
                    .withMessageNotContaining("SECRET")
                    .withNoCause();
            assertThat(scan.next(1, 1000)).isNull();
        }
    }

    @Test
    void moreIdsThanOneStatementTakesAreFetched() throws Exception {
        List<SourceRecord> records = IntStream.range(0, 1203)
                .mapToObj(i -> SourceRecord.of("a", "n" + i, null, "text " + i))
                .toList();
        RecordSource source = sourceOf(records);

        assertSameRecords(new ArrayList<>(source.fetch(refs(records)).records().values()), records);
    }

    @Test
    void connectionsAreGivenBackAsTheyWere() throws Exception {
        List<SourceRecord> records = IntStream.range(0, 50)
                .mapToObj(i -> SourceRecord.of("a", "n" + i, null, "text " + i))
                .toList();
        sourceOf(records);
        try (LentConnection lent = new LentConnection(database())) {
            RecordSource source = JdbcRecordSource.of(lent, ALL);

            try (var scan = source.scan(null)) {
                scan.next(7, 1000);
                assertThat(lent.open()).isZero();
                assertThat(lent.autoCommit()).isTrue();
                assertThat(lent.readOnly()).isFalse();
            }
            source.fetch(refs(records));
            source.sources();
            assertThat(lent.open()).isZero();
            assertThat(lent.taken()).isPositive();
        }
    }

    /** How the database would read a page from the id 15000 on. */
    protected String planOfAPage(String explain, String query) throws SQLException {
        SourceQuery parsed = SourceQuery.of(query);
        try (SourceConnection connection = SourceConnection.open(database()::getConnection)) {
            SourceColumns columns = connection.columns(parsed);
            SourceSql page = SourceSql.page(
                    parsed,
                    columns,
                    SourceSql.Condition.equal(columns.source(), SourceValue.text("k1")),
                    SourceValue.integer(15_000),
                    100);
            SourceSql explained = new SourceSql(explain + " " + page.sql(), page.values());
            StringBuilder plan = new StringBuilder();
            try (PreparedStatement statement = connection.prepare(explained);
                    ResultSet lines = statement.executeQuery()) {
                while (lines.next()) {
                    plan.append(lines.getString(lines.getMetaData().getColumnCount()))
                            .append('\n');
                }
            }
            return plan.toString();
        }
    }

    protected static List<RecordRef> byKey(String source, String... ids) {
        List<RecordRef> refs = new ArrayList<>();
        for (String id : ids) {
            refs.add(new RecordRef(new RecordKey(source, id), Locator.NONE));
        }
        return refs;
    }

    protected void execute(String sql) throws SQLException {
        try (Connection connection = database().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** The message has at least one of the parts, and nothing of the rows. */
    private void assertRefused(String query, String... anyOf) {
        RecordSource source = JdbcRecordSource.of(database(), query);
        for (ThrowingCallable use : List.<ThrowingCallable>of(
                () -> source.scan(null), () -> source.fetch(byKey("default", "1")), source::sources)) {
            assertThatExceptionOfType(SourceException.class)
                    .isThrownBy(use)
                    .withNoCause()
                    .withMessageNotContaining("SECRET")
                    .satisfies(e -> assertThat(e.getMessage().toLowerCase(Locale.ROOT))
                            .containsAnyOf(Stream.of(anyOf)
                                    .map(part -> part.toLowerCase(Locale.ROOT))
                                    .toArray(String[]::new)));
        }
    }
}
