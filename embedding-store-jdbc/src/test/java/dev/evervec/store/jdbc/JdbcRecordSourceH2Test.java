package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceRecord;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class JdbcRecordSourceH2Test {
    @Nested
    class Regular extends H2Contract {
        @Override
        String url() {
            return "jdbc:h2:mem:regular;DB_CLOSE_DELAY=-1";
        }

        @Test
        void uuidsAndBytesAreReadAndFoundAgain() throws SQLException {
            execute("create table keyed (id uuid primary key, content varchar(20))");
            execute("create table hashed (id varbinary(8) primary key, content varchar(20))");
            for (int i = 0; i < 9; i++) {
                execute("insert into keyed values (random_uuid(), 'text')");
                execute("insert into hashed values (X'0" + i + "ff', 'text')");
            }
            for (String table : List.of("keyed", "hashed")) {
                RecordSource source = JdbcRecordSource.of(database(), "select id, content from " + table);
                List<SourceRecord> records = recordsOf(pages(source, null, 2, 1000));

                assertThat(records).hasSize(9);
                assertThat(source.fetch(refs(records)).records()).hasSize(9);
                assertThat(source.fetch(byKey("default", "no such id")).records())
                        .isEmpty();
            }
        }

        @Test
        void paddedIdsAreReadAndFoundAgain() throws SQLException {
            execute("create table padded (id char(10) primary key, content varchar(20))");
            execute("insert into padded values ('a', 'x'), ('ab', 'y'), ('abc', 'z')");
            RecordSource source = JdbcRecordSource.of(database(), "select id, content from padded");

            List<SourceRecord> records = recordsOf(pages(source, null, 1, 1000));

            assertThat(records).hasSize(3);
            assertThat(source.fetch(refs(records)).records()).hasSize(3);
        }
    }

    @Nested
    class InMySqlMode extends H2Contract {
        @Override
        String url() {
            return "jdbc:h2:mem:mysql;MODE=MySQL;DB_CLOSE_DELAY=-1";
        }
    }

    abstract static class H2Contract extends JdbcRecordSourceContract {
        abstract String url();

        @Override
        protected DataSource database() {
            JdbcDataSource database = new JdbcDataSource();
            database.setUrl(url());
            return database;
        }

        @AfterEach
        void dropEverything() throws SQLException {
            execute("drop all objects");
        }
    }
}
