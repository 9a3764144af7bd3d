package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.live.Change;
import dev.evervec.pipeline.live.NotedChange;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sqlite.SQLiteDataSource;

class EmbeddingQueueTest {
    @Nested
    class InSqlite extends EmbeddingQueueContract {
        @TempDir
        Path folder;

        @Override
        protected DataSource database() {
            SQLiteDataSource source = new SQLiteDataSource();
            source.setUrl("jdbc:sqlite:" + folder.resolve("app.db") + "?journal_mode=WAL&busy_timeout=100");
            return source;
        }

        @Override
        protected Database product() {
            return Database.SQLITE;
        }

        @Test
        void aFileNeedsNoDataSource() {
            EmbeddingQueue queue = EmbeddingQueue.inSqlite(folder.resolve("other.db"));
            queue.createTableIfMissing();

            queue.enqueue(Change.created("orders", "1"));

            assertThat(queue.read(0, 10))
                    .extracting(NotedChange::change)
                    .containsExactly(Change.created("orders", "1"));
        }

        @Test
        void severalThreadsMayNoteAtATime() {
            try (EmbeddingQueue queue = EmbeddingQueue.inSqlite(folder.resolve("app.db"))) {
                IntStream.range(0, 200).parallel().forEach(i -> queue.enqueue(Change.created("orders", "" + i)));

                assertThat(queue.read(0, 1_000)).hasSize(200);
            }
        }

        @Test
        void anotherFileInItsPlaceIsNoticed() throws IOException {
            Path file = folder.resolve("gone.db");
            EmbeddingQueue queue = EmbeddingQueue.inSqlite(file);
            queue.createTableIfMissing();
            queue.close();
            Files.delete(file);

            assertThatExceptionOfType(StoreException.class)
                    .isThrownBy(() -> queue.enqueue(Change.created("orders", "1")))
                    .withMessageContaining("the table is not there");
            queue.close();
        }

        /** The trap that the documentation warns of: waiting would be for ever, so SQLite does not wait. */
        @Test
        void aTransactionThatReadBeforeAnotherOneWroteIsToldToBeginImmediately() throws SQLException {
            EmbeddingQueue queue = EmbeddingQueue.in(database());
            try (Connection host = database().getConnection();
                    Statement read = host.createStatement()) {
                host.setAutoCommit(false);
                read.executeQuery("select count(*) from evervec_outbox").close();
                queue.enqueue(Change.created("orders", "other"));

                assertThatExceptionOfType(StoreException.class)
                        .isThrownBy(() -> queue.enqueue(host, Change.created("orders", "1")))
                        .withMessageContaining("BEGIN IMMEDIATE")
                        .satisfies(e -> assertThat(e.kind()).isEqualTo(StoreException.Kind.TRANSIENT));
                host.rollback();
            }
        }

        @Test
        void aTransactionThatBeginsImmediatelyMayReadFirst() throws SQLException {
            EmbeddingQueue queue = EmbeddingQueue.in(database());
            String url = "jdbc:sqlite:" + folder.resolve("app.db") + "?transaction_mode=IMMEDIATE&busy_timeout=5000";
            try (Connection host = DriverManager.getConnection(url);
                    Statement read = host.createStatement()) {
                host.setAutoCommit(false);
                read.executeQuery("select count(*) from evervec_outbox").close();

                assertThatExceptionOfType(StoreException.class)
                        .as("the other one waits, here for a tenth of a second")
                        .isThrownBy(() -> queue.enqueue(Change.created("orders", "other")));
                queue.enqueue(host, Change.created("orders", "1"));
                host.commit();
            }
            assertThat(queue.read(0, 10))
                    .extracting(NotedChange::change)
                    .containsExactly(Change.created("orders", "1"));
        }
    }

    @Nested
    class InH2 extends EmbeddingQueueContract {
        @Override
        protected DataSource database() {
            JdbcDataSource source = new JdbcDataSource();
            source.setUrl("jdbc:h2:mem:outbox;DB_CLOSE_DELAY=-1");
            return source;
        }

        @Override
        protected Database product() {
            return Database.H2;
        }

        @Test
        void aRowThatIsCommittedLateIsReadAndNotDeletedWithLaterOnes() throws SQLException {
            requireThatALateRowOutlivesLaterOnes();
        }

        @Test
        void theSchemaOfTheTableMayBeNamed() throws SQLException {
            requireThatASchemaMayBeNamed("The host's \"app\"");
        }
    }

    @Nested
    class InPostgres extends EmbeddingQueueContract {
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

        @Test
        void aRowThatIsCommittedLateIsReadAndNotDeletedWithLaterOnes() throws SQLException {
            requireThatALateRowOutlivesLaterOnes();
        }

        @Test
        void theSchemaOfTheTableMayBeNamed() throws SQLException {
            requireThatASchemaMayBeNamed("The host's \"app\"");
        }
    }

    @Test
    void everyDatabaseHasADdlWithoutASemicolon() {
        for (Database database : Database.values()) {
            assertThat(EmbeddingQueue.ddl(database))
                    .contains("create table " + EmbeddingQueue.TABLE)
                    .doesNotContain(";");
        }
    }

    @Test
    void aKeyThatNamesNothingIsRefusedBeforeAnyDatabaseIsAsked() {
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> Change.created("all", "1"))
                .withMessageContaining("source");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> Change.deleted("orders", "a\nb"))
                .withMessageContaining("id");
    }
}
