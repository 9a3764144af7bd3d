package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.SharedStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract on PostgreSQL, and what PostgreSQL alone can do and suffer. */
class PostgresStoreTest extends SharedStoreContract {
    private static TestPostgres database;

    @Override
    protected EmbeddingStore openEmpty() {
        database.execute("drop schema if exists evervec cascade");
        return another();
    }

    @Override
    protected EmbeddingStore another() {
        return JdbcStore.open(new PostgresDialect(PostgresServer.of(database.settings()), null), clock);
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
