package dev.evervec.pipeline.live;

import java.nio.file.Path;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Nested;
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
    }

    @Nested
    class InTheFileOfTheStore extends LiveHostContract {
        @Override
        protected DataSource database() {
            return sqlite(storeFile());
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
