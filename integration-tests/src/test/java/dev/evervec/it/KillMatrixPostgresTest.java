package dev.evervec.it;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same kills on PostgreSQL, fewer of them at random: before each next build the lease of the dead one has to end.
 */
final class KillMatrixPostgresTest extends KillMatrix {
    private static PostgresServer server;
    private static int databases;

    @BeforeAll
    static void startServer(@TempDir Path folder) throws Exception {
        server = PostgresServer.start(folder);
    }

    @AfterAll
    static void stopServer() throws Exception {
        server.close();
    }

    @Override
    int kills() {
        return 10;
    }

    @Override
    KillStore newStore(Path site) throws Exception {
        String database = "site_" + ++databases;
        return KillStore.postgres(server.withDatabase(database), database);
    }
}
