package dev.evervec.store.jdbc;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.store.StoreException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Properties;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where the connections to PostgreSQL come from: from a URL, or from a host's {@link DataSource}. Thread-safe. */
final class PostgresServer {
    static final String PREFIX = "jdbc:postgresql:";

    private static final Logger LOG = LoggerFactory.getLogger(PostgresServer.class);
    private static final String DRIVER = "org.postgresql.Driver";
    private static final int OLDEST_VERSION = 13;

    private final Source source;
    private final boolean lent;
    private volatile String place;
    private volatile boolean isLookedAt;

    /** Opens connections. */
    @FunctionalInterface
    private interface Source {
        Connection open() throws SQLException;
    }

    private PostgresServer(Source source, boolean lent, String place) {
        this.source = source;
        this.lent = lent;
        this.place = place;
    }

    /** The server and database of a URL, with connections of our own. */
    static PostgresServer of(StoreSettings settings) {
        String url = settings.url();
        String place = place(url);
        Properties properties = new Properties();
        // The driver takes what the URL says before it takes these.
        properties.setProperty("ApplicationName", "evervec");
        properties.setProperty("connectTimeout", "10");
        properties.setProperty("socketTimeout", "60");
        properties.setProperty("tcpKeepAlive", "true");
        properties.setProperty("reWriteBatchedInserts", "true");
        // Without it the driver puts the values of a statement into the message of an exception.
        properties.setProperty("logServerErrorDetail", "false");
        if (settings.user() != null) {
            properties.setProperty("user", settings.user());
        }
        if (settings.password() != null) {
            properties.setProperty("password", settings.password().reveal());
        }
        return new PostgresServer(
                () -> {
                    requireDriver(place);
                    requireKnownParameters(url, place);
                    return DriverManager.getConnection(url, properties);
                },
                false,
                place);
    }

    /** The database of a host's connections, which are given back as they were. */
    static PostgresServer of(DataSource connections) {
        return new PostgresServer(connections::getConnection, true, "the database of the host's DataSource");
    }

    private static void requireDriver(String place) {
        try {
            Class.forName(DRIVER);
        } catch (ClassNotFoundException e) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "cannot open the store in " + place + ": the PostgreSQL driver is not on the class path; add the"
                            + " Maven artifact org.postgresql:postgresql",
                    e);
        }
    }

    private static void requireKnownParameters(String url, String place) throws SQLException {
        String problem = UrlParameters.problemOf(url, DriverManager.getDriver(url));
        if (problem != null) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT, "cannot open the store in " + place + ": " + problem, null);
        }
    }

    /** Host, port and database of a URL; neither user nor parameters. */
    private static String place(String url) {
        String rest = url.substring(PREFIX.length());
        int parameters = rest.indexOf('?');
        String named = parameters < 0 ? rest : rest.substring(0, parameters);
        String place = named.substring(named.lastIndexOf('@') + 1).replaceFirst("^//", "");
        return "PostgreSQL " + (place.isEmpty() ? "on this host" : place);
    }

    /** Where it is, for people. */
    String place() {
        return place;
    }

    /** Whether connections are a host's. */
    boolean isLent() {
        return lent;
    }

    /** Opens a connection, whose transactions are begun and ended by hand. */
    Connection connect() throws SQLException {
        Connection connection = source.open();
        boolean ready = false;
        try {
            look(connection);
            ready = true;
            return connection;
        } finally {
            if (!ready) {
                connection.close();
            }
        }
    }

    private void look(Connection connection) throws SQLException {
        if (isLookedAt) {
            return;
        }
        String product = connection.getMetaData().getDatabaseProductName();
        int version = connection.getMetaData().getDatabaseMajorVersion();
        if (!product.equals("PostgreSQL") || version < OLDEST_VERSION) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "cannot open the store in " + place + ": it is " + product + " " + version + ", and PostgreSQL "
                            + OLDEST_VERSION + " or newer is needed",
                    null);
        }
        String url = connection.getMetaData().getURL();
        if (lent && url != null && url.toLowerCase(Locale.ROOT).startsWith(PREFIX)) {
            place = place(url);
            recommend(connection);
        }
        isLookedAt = true;
    }

    private void recommend(Connection connection) throws SQLException {
        boolean quotes = quotesValues(connection);
        boolean waits = connection.getNetworkTimeout() == 0;
        if (quotes || waits) {
            LOG.info(
                    "the DataSource of the store in {} would better set{}{}",
                    place,
                    quotes ? " logServerErrorDetail=false, so that the driver does not quote values in messages" : "",
                    waits ? (quotes ? ", and" : "") + " socketTimeout, so that a dead connection is noticed" : "");
        }
    }

    /** Found by reflection, because the driver may be missing, or another one. */
    private static boolean quotesValues(Connection connection) throws SQLException {
        try {
            Class<?> driver = Class.forName("org.postgresql.core.BaseConnection");
            return connection.isWrapperFor(driver)
                    && Boolean.TRUE.equals(
                            driver.getMethod("getLogServerErrorDetail").invoke(connection.unwrap(driver)));
        } catch (ReflectiveOperationException | LinkageError e) {
            return false;
        }
    }
}
