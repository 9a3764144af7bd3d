package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.MemoryStore;
import java.time.Clock;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

final class PostgresSameAsInMemoryTest extends SameAsInMemory {
    private static TestPostgres database;

    @BeforeAll
    static void create() {
        database = TestPostgres.newDatabase();
    }

    @AfterAll
    static void drop() {
        database.drop();
    }

    @AfterEach
    void empty() {
        place().close();
    }

    @Override
    MemoryStore inMemory(Clock time) {
        return MemoryStore.shared(time);
    }

    @Override
    Place place() {
        return Place.in(database, "beside_memory");
    }
}
