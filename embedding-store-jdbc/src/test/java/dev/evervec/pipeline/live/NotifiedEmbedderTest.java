package dev.evervec.pipeline.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.store.jdbc.EmbeddingQueue;
import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import dev.evervec.store.jdbc.TestPostgres;
import dev.evervec.store.jdbc.TriggerSpec;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An embedder that hardly ever looks by itself, on an outbox in PostgreSQL. */
@Timeout(120)
class NotifiedEmbedderTest {
    private static TestPostgres postgres;

    @TempDir
    Path folder;

    private LiveHost host;
    private SignallingOutbox outbox;
    private LiveEmbedder live;

    @BeforeAll
    static void makeADatabase() {
        postgres = TestPostgres.newDatabase();
    }

    @AfterAll
    static void dropTheDatabase() {
        postgres.drop();
    }

    @BeforeEach
    void start() throws Exception {
        host = new LiveHost(postgres.dataSource(), folder.resolve("embeddings.db"));
        outbox = new SignallingOutbox(host.queue());
        live = LiveEmbedder.builder()
                .pipeline(host.pipeline())
                .outbox(outbox)
                .pollInterval(Duration.ofHours(1))
                .build();
        live.start();
        // By itself, and because it listens from now on.
        outbox.awaitReads(2);
    }

    @AfterEach
    void close() throws SQLException {
        live.close();
        host.close();
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .doesNotContain("evervec-outbox-listen-1", "evervec-live-1");
    }

    @Test
    void whatIsCommittedIsEmbeddedAtOnce() throws Exception {
        host.service().ask("1", "Title", "How?");
        outbox.awaitADeletion();
        host.requireCurrent();

        host.service().ask("2", "Title", "Why?");
        outbox.awaitADeletion();
        host.requireCurrent();
    }

    @Test
    void whatATriggerNotesIsEmbeddedAtOnce() throws Exception {
        TriggerSpec spec = TriggerSpec.on("question")
                .source(QuestionService.SOURCE)
                .watching("title", "body")
                .build();
        for (String sql : EmbeddingQueue.triggerDdl(Database.POSTGRESQL, spec)) {
            execute(sql);
        }

        execute("insert into question (id, title, body) values ('1', 'Title', 'How?')");

        outbox.awaitADeletion();
        host.requireCurrent();
    }

    @Test
    void whatIsCommittedWhileItsConnectionIsGoneIsEmbeddedWhenItHasAnotherOne() throws Exception {
        execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()");
        host.service().ask("1", "Title", "How?");

        outbox.awaitADeletion();
        host.requireCurrent();
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = postgres.dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
