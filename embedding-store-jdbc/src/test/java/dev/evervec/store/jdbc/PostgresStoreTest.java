package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.EmbeddingStoreContract;
import java.time.Clock;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract on PostgreSQL, and what PostgreSQL alone can do and suffer. */
class PostgresStoreTest extends EmbeddingStoreContract {
    private static TestPostgres database;

    /** The dialect of the store that was opened last. */
    private FaultyDialect dialect;

    @Override
    protected EmbeddingStore openEmpty() {
        database.execute("drop schema if exists evervec cascade");
        return openAgain();
    }

    private EmbeddingStore openAgain() {
        dialect = new FaultyDialect(new PostgresDialect(PostgresServer.of(database.settings()), null));
        return JdbcStore.open(dialect, Clock.systemUTC());
    }

    @Override
    protected EmbeddingStore successor() {
        dialect.loseLocks();
        return openAgain();
    }

    @BeforeAll
    static void create() {
        database = TestPostgres.newDatabase();
    }

    @AfterAll
    static void drop() {
        database.drop();
    }
}
