package dev.evervec.it;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;

/**
 * Where builds keep what they have done, and die.
 *
 * @param url its address, as a build is given it
 * @param lease after how long without a sign of life a worker is taken for dead, where that decides
 */
record KillStore(String url, Duration lease) {
    private static final Duration LEASE = Duration.ofSeconds(60);
    private static final Duration SHORT_LEASE = Duration.ofSeconds(1);
    private static final String SCHEMA = "evervec";

    /** A file of this folder, whose lock says who is alive. */
    static KillStore sqlite(Path folder) {
        return new KillStore("jdbc:sqlite:" + folder.resolve(KilledBuild.DATABASE), LEASE);
    }

    /** A database of a server. */
    static KillStore postgres(PostgresServer server, String database) {
        return new KillStore(server.url(database), SHORT_LEASE);
    }

    EmbeddingStore open() {
        return JdbcStore.open(new StoreSettings(url, null, null, null));
    }

    /** A connection on which the store's tables are found by their names. */
    Connection connect() throws SQLException {
        return DriverManager.getConnection(isPostgres() ? url + "&currentSchema=" + SCHEMA : url);
    }

    boolean isPostgres() {
        return url.startsWith("jdbc:postgresql:");
    }
}
