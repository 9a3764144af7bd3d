package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.evervec.pipeline.live.Change;
import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sqlite.SQLiteDataSource;

class TriggerDdlTest {
    @Nested
    class InSqlite extends TriggerDdlContract {
        @TempDir
        Path folder;

        @Override
        protected DataSource database() {
            SQLiteDataSource source = new SQLiteDataSource();
            source.setUrl("jdbc:sqlite:" + folder.resolve("app.db") + "?journal_mode=WAL&busy_timeout=5000");
            return source;
        }

        @Override
        protected Database product() {
            return Database.SQLITE;
        }

        @Override
        protected String caseless() {
            return "nocase";
        }

        @Test
        void aTableInANamedDatabaseIsWatchedInItsOwnFile() throws SQLException {
            apply(TriggerSpec.on("question").inSchema("main").watching("body").build());

            execute("insert into question (id, body) values (1, 'How?')");

            assertThat(changes()).containsExactly(Change.created("default", "1"));
        }

        @Test
        void anOutboxElsewhereIsRefused() {
            TriggerSpec elsewhere = TriggerSpec.on("question")
                    .outboxIn("other")
                    .watching("body")
                    .build();

            assertThatIllegalArgumentException()
                    .isThrownBy(() -> EmbeddingQueue.triggerDdl(Database.SQLITE, elsewhere))
                    .withMessageContaining("own file");
        }
    }

    @Nested
    class InPostgres extends TriggerDdlContract {
        private static TestPostgres postgres;

        @BeforeAll
        static void makeADatabase() {
            postgres = TestPostgres.newDatabase();
        }

        @AfterAll
        static void dropTheDatabase() {
            postgres.drop();
        }

        @Override
        protected DataSource database() {
            return postgres.dataSource();
        }

        @Override
        protected Database product() {
            return Database.POSTGRESQL;
        }

        @Override
        protected String caseless() throws SQLException {
            execute("create collation if not exists caseless_letters"
                    + " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
            return "caseless_letters";
        }

        @Test
        void aSessionWithAnotherSearchPathFindsTheSameOutbox() throws SQLException {
            apply(QUESTIONS);

            execute("set local search_path = pg_temp; insert into public.question (id, body) values (1, 'How?')");

            assertThat(changes()).containsExactly(Change.created("questions", "1"));
        }

        @Test
        void tableAndOutboxMayBeInSchemasOfTheirOwn() throws SQLException {
            execute("drop schema if exists \"The app\" cascade; create schema \"The app\"");
            execute("create table \"The app\".question (id uuid primary key, body json)");
            execute(EmbeddingQueue.ddl(Database.POSTGRESQL, "The app"));
            apply(TriggerSpec.on("question")
                    .inSchema("The app")
                    .outboxIn("The app")
                    .watching("body")
                    .build());
            String id = "0e37df36-f698-11e6-8dd4-cb9ced3df976";

            execute("insert into \"The app\".question values ('" + id + "', '{\"a\": 1}')");
            execute("update \"The app\".question set body = '{\"a\": 2}'");

            assertThat(changes()).isEmpty();
            assertThat(EmbeddingQueue.in(database()).inSchema("The app").read(0, 10))
                    .extracting(row -> row.change())
                    .containsExactly(Change.created("default", id), Change.updated("default", id));
        }

        @Test
        void whatAnotherTriggerMakesOfAnUpdateIsNoted() throws SQLException {
            execute("create or replace function shout() returns trigger language plpgsql as"
                    + " 'begin new.body := upper(new.body); return new; end'");
            execute("insert into question (id, body) values (1, 'How?')");
            execute("create trigger shout before update on question for each row execute function shout()");
            apply(QUESTIONS);

            execute("update question set views = 1");

            assertThat(changes()).containsExactly(Change.updated("questions", "1"));
        }

        @Test
        void aRowThatMovesToAnotherPartitionStays() throws SQLException {
            execute("drop table if exists parted");
            execute("create table parted (id bigint, body text, kind int) partition by list (kind)");
            execute("create table parted_1 partition of parted for values in (1)");
            execute("create table parted_2 partition of parted for values in (2)");
            apply(TriggerSpec.on("parted").watching("body").build());

            execute("insert into parted values (1, 'How?', 1)");
            execute("update parted set kind = 2");

            assertThat(changes()).startsWith(Change.created("default", "1")).endsWith(Change.created("default", "1"));
        }

        @Test
        void whoeverMayWriteToTheTableNeedsOnlyTheRightToInsertIntoTheOutbox() throws SQLException {
            apply(QUESTIONS);
            execute("drop role if exists clerk; create role clerk");
            execute(
                    "grant select, insert, update, delete on question to clerk; grant insert on evervec_outbox to clerk");

            execute("set local role clerk; insert into question (id, body) values (1, 'How?');"
                    + " update question set body = 'Why?'; delete from question");

            assertThat(changes()).hasSize(3);
            execute("drop owned by clerk; drop role clerk");
        }

        /** Such transactions can tell nobody. */
        @Test
        void aHostThatPreparesItsTransactionsTellsNobody() throws SQLException {
            TriggerSpec quiet =
                    TriggerSpec.on("question").watching("body").withoutNotify().build();

            assertThat(String.join("\n", EmbeddingQueue.triggerDdl(Database.POSTGRESQL, QUESTIONS)))
                    .contains("pg_notify");
            assertThat(String.join("\n", EmbeddingQueue.triggerDdl(Database.POSTGRESQL, quiet)))
                    .doesNotContain("pg_notify");
            apply(quiet);
            execute("insert into question (id, body) values (1, 'How?')");
            assertThat(changes()).hasSize(1);
        }

        @Test
        void nothingOfItIsLeftBehind() throws SQLException {
            drop(QUESTIONS);
            long before = functionsAndTriggers();
            apply(QUESTIONS);
            assertThat(functionsAndTriggers()).isEqualTo(before + 3);

            drop(QUESTIONS);

            assertThat(functionsAndTriggers()).isEqualTo(before);
        }

        private long functionsAndTriggers() throws SQLException {
            try (Connection connection = database().getConnection();
                    Statement statement = connection.createStatement();
                    ResultSet row =
                            statement.executeQuery("select (select count(*) from pg_proc where proname like 'evervec%')"
                                    + " + (select count(*) from pg_trigger where tgname like 'evervec%')")) {
                row.next();
                return row.getLong(1);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Database.class,
            names = {"H2", "MYSQL"})
    void otherDatabasesAreRefusedWithWhatToDoInstead(Database database) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EmbeddingQueue.triggerDdl(database, TriggerDdlContract.QUESTIONS))
                .withMessageContaining("EmbeddingQueue.enqueue");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EmbeddingQueue.dropTriggerDdl(database, TriggerDdlContract.QUESTIONS));
    }

    @Test
    void aNameThatNothingCanHaveIsRefused() {
        for (String bad : new String[] {"", " ", "a\0b", "a\nb", "x".repeat(200), "\uD83E"}) {
            assertThatIllegalArgumentException().isThrownBy(() -> TriggerSpec.on(bad));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> TriggerSpec.on("t").inSchema(bad));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> TriggerSpec.on("t").outboxIn(bad));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> TriggerSpec.on("t").id(bad));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> TriggerSpec.on("t").watching("body", bad));
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TriggerSpec.on("t").source("all"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TriggerSpec.on("t").watching());
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> TriggerSpec.on("t").build())
                .withMessageContaining("watching");
    }
}
