package dev.evervec.store.jdbc;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PostgresEveryStatementTest extends EveryStatement {
    private static TestPostgres database;

    @BeforeAll
    static void create() {
        database = TestPostgres.newDatabase();
    }

    @AfterAll
    static void drop() {
        database.drop();
    }

    @ParameterizedTest(name = "{0}, rewriting {1}")
    @CsvSource({"AFTER, true", "STOPPING, false", "LOST_BEFORE, false", "LOST_AFTER, true"})
    void isSurvived(FaultyDialect.Fault fault, boolean rewriting) throws Exception {
        isSurvivedByABuild(fault, rewriting);
    }

    @Override
    int stride() {
        return 3;
    }

    @Override
    int fewest() {
        return 60;
    }

    @Override
    Place prepared(String name, boolean rewriting) {
        Place place = Place.in(database, name);
        new TroubledBuild(place, rewriting).prepare();
        return place;
    }
}
