package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.Embedding;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.postgresql.ds.PGSimpleDataSource;
import org.sqlite.SQLiteDataSource;

class HostColumnTest {
    /** The file is the host's, and the store's tables are in it. */
    @Nested
    class InSqlite extends HostColumnContract {
        @TempDir
        Path folder;

        @Override
        protected DataSource database() {
            SQLiteDataSource file = new SQLiteDataSource();
            file.setUrl("jdbc:sqlite:");
            return Changed.connections(file, this::attached);
        }

        private Connection attached(Connection connection) throws SQLException {
            try (var statement = connection.createStatement()) {
                statement.execute("attach '" + folder.resolve("app.db") + "' as app");
            }
            return connection;
        }

        @Override
        protected JdbcStore.Builder store() {
            return JdbcStore.builder(new StoreSettings("jdbc:sqlite:" + folder.resolve("app.db"), null, null, null));
        }

        @Override
        protected String named(String statement) {
            return statement.replace("app.", "");
        }

        @Override
        protected String vectorType() {
            return "blob";
        }

        @Override
        protected String bytes() {
            return "blob";
        }

        @Override
        protected List<String> idTypes() {
            return List.of("text", "varchar(40)");
        }

        @Override
        protected Embedding vector(ResultSet row, int place) throws SQLException {
            return Embedding.fromLittleEndian(row.getBytes(place));
        }
    }

    abstract static class InPostgres extends HostColumnContract {
        private TestPostgres postgres;

        @Override
        protected void makeADatabase() {
            postgres = TestPostgres.newDatabase();
            postgres.execute("create schema app");
        }

        @AfterEach
        void dropTheDatabase() {
            postgres.drop();
        }

        @Override
        protected DataSource database() {
            return postgres.dataSource();
        }

        @Override
        protected JdbcStore.Builder store() {
            return JdbcStore.builder(postgres.settings());
        }

        @Override
        protected String named(String statement) {
            return statement;
        }

        @Override
        protected String bytes() {
            return "bytea";
        }

        @Override
        protected List<String> idTypes() {
            return List.of("uuid", "text", "varchar(40)");
        }

        @Override
        protected Embedding vector(ResultSet row, int place) throws SQLException {
            Object[] numbers = (Object[]) row.getArray(place).getArray();
            float[] components = new float[numbers.length];
            for (int i = 0; i < components.length; i++) {
                components[i] = ((Number) numbers[i]).floatValue();
            }
            return Embedding.of(components);
        }
    }

    @Nested
    class InPostgresAsReal extends InPostgres {
        @Override
        protected String vectorType() {
            return "real[]";
        }

        @Test
        void aHostsConnectionsDoAsWell() throws SQLException {
            try (JdbcStore store = JdbcStore.builder(database())
                    .alsoWrite(column("update app.question set embedding = :embedding::real[] where id = :id::bigint"))
                    .open()) {
                assertThat(store.generations()).isNotNull();
            }
        }

        @Test
        void anIdThatTheColumnCannotHaveIsToldWithoutItsValue() throws SQLException {
            execute("alter table app.question add number bigint");
            execute("alter table app.question alter id type text");
            execute("update app.question set id = 'secret-' || id");

            assertThat(build(
                                    column("update app.question set embedding = :embedding where number = :id"),
                                    BuildRequest.all())
                            .stopCause()
                            .orElseThrow())
                    .contains("22P02", "forSource")
                    .doesNotContain("secret");
        }

        @Test
        void aNameWithoutItsSchemaIsNotFoundAndToldSo() {
            assertThatExceptionOfType(StoreException.class)
                    .isThrownBy(
                            () -> store().alsoWrite(column("update question set embedding = :embedding where id = :id"))
                                    .open())
                    .withMessageContaining("with the schema");
        }

        @Test
        void aTableThatATriggerDoesNotFindIsToldSo() throws SQLException {
            execute("create table app.audit (id bigint)");
            execute("create function app.note() returns trigger language plpgsql as"
                    + " $$ begin insert into audit values (new.id); return new; end $$");
            execute("create trigger note after update on app.question for each row execute function app.note()");

            assertThat(build(
                                    column("update app.question set embedding = :embedding where id = :id"),
                                    BuildRequest.all())
                            .stopCause()
                            .orElseThrow())
                    .contains("42P01", "a trigger of it");
        }

        @Test
        void aStatementThatAnswersRowsIsRefused() {
            HostColumn answering = column("update app.question set embedding = :embedding where id = :id returning id");

            assertThatExceptionOfType(StoreException.class)
                    .isThrownBy(() -> store().alsoWrite(answering).open())
                    .withMessageContaining("without \"returning\"");
        }

        @Test
        void aRightThatIsMissingIsFoundWhenTheStoreIsOpened() throws SQLException {
            execute("create role writer login");
            execute("grant create on database " + databaseName() + " to writer");
            execute("grant usage on schema app to writer; grant select on app.question to writer");
            PGSimpleDataSource theirs = (PGSimpleDataSource) database();
            theirs.setUser("writer");

            assertThatExceptionOfType(StoreException.class)
                    .isThrownBy(() -> JdbcStore.builder(theirs)
                            .schema("theirs")
                            .alsoWrite(column("update app.question set embedding = :embedding where id = :id"))
                            .open())
                    .withMessageContaining("grant");
        }

        private String databaseName() {
            return ((PGSimpleDataSource) database()).getDatabaseName();
        }
    }

    @Nested
    class InPostgresAsDouble extends InPostgres {
        @Override
        protected String vectorType() {
            return "double precision[]";
        }
    }
}
