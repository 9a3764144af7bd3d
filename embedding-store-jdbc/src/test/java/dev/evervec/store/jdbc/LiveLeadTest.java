package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.testkit.ManualClock;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which of several live embedders works. */
class LiveLeadTest {
    private static final Duration LEASE = Duration.ofSeconds(60);

    @TempDir
    Path folder;

    @Test
    void inSqliteItIsTheOneWithTheLockUntilItLeavesOrItsStoreIsClosed() {
        Path file = folder.resolve("embeddings.db");
        try (EmbeddingStore one = JdbcStore.openSqlite(file)) {
            assertThat(one.leadLive("a", LEASE)).isTrue();
            assertThat(one.leadLive("a", LEASE)).as("again").isTrue();
            assertThat(one.leadLive("b", LEASE)).as("in the same store").isFalse();
            try (EmbeddingStore other = JdbcStore.openSqlite(file)) {
                assertThat(other.leadLive("c", LEASE)).isFalse();
                one.leaveLive("b");
                assertThat(other.leadLive("c", LEASE))
                        .as("it was another one that left")
                        .isFalse();

                one.leaveLive("a");
                one.leaveLive("a");
                assertThat(other.leadLive("c", LEASE)).isTrue();
                assertThat(one.leadLive("a", LEASE)).isFalse();
            }
            assertThat(one.leadLive("a", LEASE)).isTrue();
        }
    }

    @Test
    void inPostgresItIsTheOneWhoseLeaseIsNotOver() {
        TestPostgres database = TestPostgres.newDatabase();
        ManualClock clock = new ManualClock();
        try (EmbeddingStore one = open(database, clock);
                EmbeddingStore other = open(database, clock)) {
            assertThat(one.leadLive("a", LEASE)).isTrue();
            clock.advance(Duration.ofSeconds(40));
            assertThat(other.leadLive("b", LEASE)).isFalse();
            assertThat(one.leadLive("a", LEASE)).as("for another lease").isTrue();
            clock.advance(Duration.ofSeconds(60));
            assertThat(other.leadLive("b", LEASE)).as("it lasts so long").isFalse();

            clock.advance(Duration.ofMillis(1));
            assertThat(other.leadLive("b", LEASE)).isTrue();
            assertThat(one.leadLive("a", LEASE)).as("it was taken for dead").isFalse();

            one.leaveLive("a");
            assertThat(one.leadLive("a", LEASE)).as("nothing was its to leave").isFalse();
            other.leaveLive("b");
            assertThat(one.leadLive("a", LEASE)).isTrue();
        }
        database.drop();
    }

    private static EmbeddingStore open(TestPostgres database, ManualClock clock) {
        return JdbcStore.open(new PostgresDialect(PostgresServer.of(database.settings()), null), clock);
    }
}
