package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How PostgreSQL carries out the statements whose cost must not grow with the ledger. */
final class PostgresPlansTest {
    private static final int RECORDS = 20_000;
    private static final int LIMIT = 100;
    private static final Pattern FILTERED = Pattern.compile("Rows Removed by (?:Join )?Filter: (\\d+)");

    private final TestPostgres database = TestPostgres.newDatabase();
    private Connection connection;

    /** A list of many records, of which nobody has vacuumed or analysed anything. */
    @BeforeEach
    void fill() throws SQLException {
        JdbcStore.open(database.settings()).close();
        connection = database.connect();
        execute("set search_path to evervec; set plan_cache_mode to force_custom_plan");
        execute("alter table evervec_ledger set (autovacuum_enabled = false)");
        execute(
                "insert into evervec_ledger (generation, source, id, state, content_hash, locator, attempts, job, version,"
                        + " changed_at) select 1, 'default', 'id-' || n, 'pending', sha256(n::text::bytea), '', 0, 7, 0, 0"
                        + " from generate_series(1, " + RECORDS + ") n");
    }

    @AfterEach
    void drop() throws SQLException {
        connection.close();
        database.drop();
    }

    @Test
    void aClaimReadsNoMoreOfTheListThanItTakes() throws SQLException {
        assertClaimsAreCheap("nobody has looked at the table");
        execute("analyze evervec_ledger");
        assertClaimsAreCheap("the whole ledger is pending");
        claim(RECORDS / 2);
        assertClaimsAreCheap("half is claimed");
        execute("update evervec_ledger set state = 'embedded', job = null, owner = null where owner is not null");
        assertClaimsAreCheap("half is embedded");
        execute("analyze evervec_ledger");
        assertClaimsAreCheap("half is known to be embedded");
        claim(RECORDS / 2 - 2 * LIMIT);
        assertClaimsAreCheap("nearly everything is claimed");
    }

    @Test
    void aClaimOfANewListIsCheapThoughTheLedgerWasSettledWhenSomebodyLooked() throws SQLException {
        execute("update evervec_ledger set state = 'embedded', job = null");
        execute("analyze evervec_ledger");
        execute("update evervec_ledger set state = 'pending', job = 8");
        assertClaimsAreCheap("nobody has looked since", 8);
    }

    private void assertClaimsAreCheap(String when) throws SQLException {
        assertClaimsAreCheap(when, 7);
    }

    private void assertClaimsAreCheap(String when, long job) throws SQLException {
        connection.setAutoCommit(false);
        String plan =
                String.join("\n", strings("explain (analyze, costs off, timing off) " + statement(job, 0, LIMIT)));
        connection.rollback();
        connection.setAutoCommit(true);
        assertThat(plan).as(when).contains("evervec_ledger_list").doesNotContain("Seq Scan on evervec_ledger", "Sort");
        Matcher filtered = FILTERED.matcher(plan);
        while (filtered.find()) {
            assertThat(Integer.parseInt(filtered.group(1))).as(plan).isLessThan(LIMIT);
        }
    }

    private void claim(int count) throws SQLException {
        for (int claimed = 0; claimed < count; claimed += LIMIT) {
            assertThat(strings(statement(7, 0, LIMIT))).hasSize(LIMIT);
        }
    }

    /** As a backup does, or an analyst: the entries of claimed rows have to stay in the index. */
    @Test
    void aClaimGoesOnAfterTheLastOneWhileSomebodyReadsAnOldState() throws SQLException {
        try (Connection reader = database.connect()) {
            reader.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            reader.setAutoCommit(false);
            try (Statement statement = reader.createStatement()) {
                statement.execute("select count(*) from evervec.evervec_ledger");
            }
            int half = RECORDS / 2;
            claim(half);

            assertThat(visited(half))
                    .as("pages touched, against those touched from the beginning of the list")
                    .isLessThan(visited(0) / 10);
        }
    }

    /** How many pages a claim touches to find what it claims. */
    private int visited(long after) throws SQLException {
        String find = statement(7, after, LIMIT).replaceFirst("(?s).*\\(array\\((.*)\\)\\) returning.*", "$1");
        String plan = String.join(
                "\n",
                strings("explain (analyze, buffers, costs off, timing off) "
                        + find.replace("for update skip locked", "")));
        Matcher buffers = Pattern.compile("Buffers: shared (?:hit=(\\d+))?(?: read=(\\d+))?")
                .matcher(plan);
        assertThat(buffers.find()).as(plan).isTrue();
        return Stream.of(buffers.group(1), buffers.group(2))
                .filter(Objects::nonNull)
                .mapToInt(Integer::parseInt)
                .sum();
    }

    /** The claim of a worker, as the store asks for it. */
    private static String statement(long job, long after, int limit) {
        String sql = new PostgresDialect(null, null).claim();
        for (Object value : List.of("'worker'", job, after, limit)) {
            sql = sql.replaceFirst("\\?", value.toString());
        }
        return sql;
    }

    private void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private List<String> strings(String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            List<String> strings = new ArrayList<>();
            while (rows.next()) {
                strings.add(rows.getString(1));
            }
            return strings;
        }
    }
}
