package dev.evervec.pipeline.live;

import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import dev.evervec.store.jdbc.TestPostgres;
import java.nio.file.Path;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.sqlite.SQLiteDataSource;

class LiveHostTest {
    @Nested
    class InH2 extends LiveHostContract {
        @Override
        protected DataSource database() {
            JdbcDataSource source = new JdbcDataSource();
            source.setUrl("jdbc:h2:mem:host;DB_CLOSE_DELAY=-1");
            return source;
        }
    }

    @Nested
    class InSqlite extends LiveHostContract {
        @Override
        protected DataSource database() {
            return sqlite(folder.resolve("app.db"));
        }

        @Test
        void triggersNoteWhatTheProgramDoesNot() throws SQLException {
            requireThatTriggersNoteWhatTheProgramDoesNot(Database.SQLITE);
        }
    }

    @Nested
    class InTheFileOfTheStore extends LiveHostContract {
        @Override
        protected DataSource database() {
            return sqlite(storeFile());
        }

        @Test
        void triggersNoteWhatTheProgramDoesNot() throws SQLException {
            requireThatTriggersNoteWhatTheProgramDoesNot(Database.SQLITE);
        }
    }

    @Nested
    class InPostgres extends LiveHostContract {
        private TestPostgres postgres;

        @Override
        protected DataSource database() {
            postgres = TestPostgres.newDatabase();
            return postgres.dataSource();
        }

        /** In the same database. */
        @Override
        protected EmbeddingStore store() {
            return postgres.open();
        }

        @AfterEach
        void dropTheDatabase() {
            postgres.drop();
        }

        @Test
        void triggersNoteWhatTheProgramDoesNot() throws SQLException {
            requireThatTriggersNoteWhatTheProgramDoesNot(Database.POSTGRESQL);
        }
    }

    /** As the documentation tells hosts to open it. */
    static DataSource sqlite(Path file) {
        SQLiteDataSource source = new SQLiteDataSource();
        source.setUrl("jdbc:sqlite:" + file
                + "?journal_mode=WAL&synchronous=NORMAL&transaction_mode=IMMEDIATE&busy_timeout=5000");
        return source;
    }
}
