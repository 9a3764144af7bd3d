package dev.evervec.config;

import dev.evervec.provider.Secret;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The tables about the program around the models: {@code [records]}, {@code [store]}, {@code [build]}, {@code [health]},
 * {@code [serve]} and {@code [logs]}.
 * Each may be left out; an empty one is the same as none.
 */
final class HostTables {
    static final String PASSWORD_VARIABLE = "EVERVEC_STORE_PASSWORD";

    private static final double DAY = 24 * 3600;
    private static final double WEEK = 7 * DAY;
    private static final double DECADE = 3653 * DAY;

    private final Map<String, String> environment;
    private final BaseDir baseDir;

    HostTables(Map<String, String> environment, BaseDir baseDir) {
        this.environment = environment;
        this.baseDir = baseDir;
    }

    /** What was read. */
    record Result(
            @Nullable RecordsSettings records,
            @Nullable StoreSettings store,
            BuildSettings build,
            HealthSettings health,
            ServeSettings serve,
            Path logsDir) {}

    Result read(TomlTableReader root) {
        return new Result(
                records(root.table("records")),
                store(root.table("store")),
                build(root.table("build")),
                health(root.table("health")),
                serve(root.table("serve")),
                logsDir(root.table("logs")));
    }

    private @Nullable RecordsSettings records(@Nullable TomlTableReader table) {
        if (table == null) {
            return null;
        }
        Path jsonl = baseDir.file(table, "jsonl");
        String jdbcUrl = baseDir.jdbcUrl(table, "jdbc_url");
        String query = table.string("query");
        table.finish();
        if (table.isEmpty()) {
            return null;
        }
        if (table.present("jsonl") && (table.present("jdbc_url") || table.present("query"))) {
            table.problem("jsonl", "records come from one place: set jsonl, or jdbc_url and query, not both");
            return null;
        }
        if (jsonl != null) {
            return new RecordsSettings.JsonLines(jsonl);
        }
        if (jdbcUrl == null && query == null) {
            table.missing("jsonl", "records come from nowhere: set jsonl, or jdbc_url and query");
        } else if (jdbcUrl == null) {
            table.missing("jdbc_url", "a query needs the database to ask: set jdbc_url");
        } else if (query == null) {
            table.missing("query", "a database needs the query to ask: set query to a select of id and content");
        } else {
            return new RecordsSettings.Sql(jdbcUrl, query);
        }
        return null;
    }

    private @Nullable StoreSettings store(@Nullable TomlTableReader table) {
        if (table == null) {
            return null;
        }
        String url = baseDir.jdbcUrl(table, "url");
        String user = table.string("user");
        Secret password = table.secret("password", Secret::ofPassword);
        String schema = table.string("schema");
        table.finish();
        if (table.isEmpty()) {
            return null;
        }
        if (url == null) {
            table.missing("url", "where the store is: set url, such as \"jdbc:sqlite:embeddings.db\"");
            return null;
        }
        if (!url.startsWith("jdbc:sqlite:") && !url.startsWith(PostgresUrl.PREFIX)) {
            table.problem("url", "the store is SQLite or PostgreSQL: begin with jdbc:sqlite: or jdbc:postgresql:");
            return null;
        }
        String problem = url.startsWith(PostgresUrl.PREFIX) ? PostgresUrl.problemOf(url) : null;
        if (problem != null) {
            table.problem("url", problem);
            return null;
        }
        return new StoreSettings(url, user, password == null ? passwordVariable() : password, schema);
    }

    private @Nullable Secret passwordVariable() {
        String password = environment.get(PASSWORD_VARIABLE);
        return password == null || password.isEmpty() ? null : Secret.ofPassword(password);
    }

    private static BuildSettings build(@Nullable TomlTableReader table) {
        BuildSettings usual = BuildSettings.DEFAULT;
        if (table == null) {
            return usual;
        }
        Duration outage = orElse(table.seconds("outage_patience", 0, WEEK), usual.outagePatience());
        Duration quota = orElse(table.seconds("quota_patience", 0, WEEK), usual.quotaPatience());
        int maxAttempts = table.integer("max_attempts", 1, 1000).orElse(usual.maxAttempts());
        BuildSettings.TooLong onTooLong = table.choice("on_too_long", BuildSettings.TooLong.class, usual.onTooLong());
        BigDecimal budget = budget(table);
        table.finish();
        // Whoever lowers the patience below that for the first contact does not want to wait longer for the first
        // contact.
        Duration firstContact =
                outage.compareTo(usual.firstContactPatience()) < 0 ? outage : usual.firstContactPatience();
        return new BuildSettings(outage, firstContact, quota, maxAttempts, onTooLong, budget);
    }

    private static @Nullable BigDecimal budget(TomlTableReader table) {
        BigDecimal usd =
                table.usd("budget_usd", BuildSettings.MAX_BUDGET_USD.doubleValue(), BuildSettings.BUDGET_DECIMALS);
        if (usd != null && usd.signum() == 0) {
            table.problem("budget_usd", "must be more than 0: leave it out to build without a cap");
            return null;
        }
        return usd;
    }

    private static HealthSettings health(@Nullable TomlTableReader table) {
        if (table == null) {
            return HealthSettings.NONE;
        }
        OptionalInt maxFailed = records(table, "max_failed");
        OptionalInt maxPending = records(table, "max_pending");
        OptionalInt maxStale = records(table, "max_stale");
        Duration maxOldestPending = table.seconds("max_oldest_pending", 0, DECADE);
        BigDecimal minSuccessRate = table.number("min_success_rate", 0, 1);
        table.finish();
        return new HealthSettings(
                maxFailed,
                maxPending,
                maxStale,
                maxOldestPending,
                minSuccessRate == null ? OptionalDouble.empty() : OptionalDouble.of(minSuccessRate.doubleValue()));
    }

    private static OptionalInt records(TomlTableReader table, String key) {
        return table.integer(key, 0, Integer.MAX_VALUE);
    }

    private static ServeSettings serve(@Nullable TomlTableReader table) {
        ServeSettings usual = ServeSettings.DEFAULT;
        if (table == null) {
            return usual;
        }
        String host = Objects.requireNonNullElse(table.string("host"), usual.host());
        int port = table.integer("port", 0, 65535).orElse(usual.port());
        Secret secret = table.secret("secret", ServeSettings::secret);
        table.finish();
        return new ServeSettings(host.strip(), port, secret);
    }

    private static Duration orElse(@Nullable Duration configured, Duration usual) {
        return Objects.requireNonNullElse(configured, usual);
    }

    private Path logsDir(@Nullable TomlTableReader table) {
        Path dir = null;
        if (table != null) {
            dir = baseDir.file(table, "dir");
            table.finish();
        }
        return dir == null ? baseDir.resolve("logs") : dir;
    }
}
