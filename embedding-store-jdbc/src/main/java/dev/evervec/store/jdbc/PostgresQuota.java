package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.SharedQuota;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Quotas of accounts in a table: one row per account, one statement per ask, judged by the database's clock.
 *
 * <p>The statements run by themselves, outside of any transaction, so that a process which is stopped at the wrong moment holds
 * up no other. They have a connection of their own, opened when it is needed and, if it is ours, kept; a host's is given back
 * after each use. All is done on one thread, which ends when it has nothing to do.
 */
final class PostgresQuota implements SharedQuota, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PostgresQuota.class);
    private static final String ACTION = "share a quota";
    /** Longer than anybody waits for an answer. */
    private static final int MILLIS_TO_ANSWER = 10_000;

    /*
     * The row is locked, brought up to date, judged and written. All values of "held" are as of one moment; another ask that
     * came first may have been judged at a later one. Times are microseconds. An account without a limit of a kind is always
     * full of it, and its row keeps what others know who have one.
     */
    private static final String DECIDE = """
            with asked as materialized (
              select cast(? as text) as account, cast(? as double precision) / 60000000 as request_rate,
                cast(? as double precision) / 60000000 as token_rate, cast(? as double precision) as requests_wanted,
                cast(? as double precision) as tokens_wanted, cast(? as double precision) as requests_back,
                cast(? as double precision) as tokens_back, cast(? as double precision) as most_wait,
                cast(? as double precision) as most_ahead, coalesce(cast(? as bigint),
                  cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)) as now
            ), held as materialized (
              select a.*, q.requests_at, q.tokens_at, q.paused_until,
                greatest(1, a.request_rate * 1000000) as request_room, greatest(1, a.token_rate * 1000000) as token_room,
                least(greatest(1, a.request_rate * 1000000),
                  q.requests + a.requests_back + greatest(0, a.now - q.requests_at) * a.request_rate) as requests,
                least(greatest(1, a.token_rate * 1000000),
                  q.tokens + a.tokens_back + greatest(0, a.now - q.tokens_at) * a.token_rate) as tokens
              from %1$s q join asked a on a.account = q.account for update of q
            ), judged as materialized (
              select h.*,
                greatest(0, paused_until - now,
                  case when request_rate is null then 0
                    else (least(requests_wanted, request_room) - requests) / request_rate end,
                  case when token_rate is null then 0
                    else (least(tokens_wanted, token_room) - tokens) / token_rate end) as usable_in,
                greatest(0, paused_until - now,
                  case when request_rate is null then 0 else (request_room - requests) / request_rate end,
                  case when token_rate is null then 0 else (token_room - tokens) / token_rate end) as full_in
              from held h
            ), decided as materialized (
              select j.*, usable_in <= most_wait and full_in <= most_ahead as granted from judged j
            ), taken as (
              update %1$s q set
                requests = case when d.request_rate is null then q.requests
                  else d.requests - case when d.granted then d.requests_wanted else 0 end end,
                requests_at = case when d.request_rate is null then q.requests_at else greatest(q.requests_at, d.now) end,
                tokens = case when d.token_rate is null then q.tokens
                  else d.tokens - case when d.granted then d.tokens_wanted else 0 end end,
                tokens_at = case when d.token_rate is null then q.tokens_at else greatest(q.tokens_at, d.now) end
              from decided d where q.account = d.account
            )
            select granted, usable_in, full_in from decided
            """;

    private static final String PAUSE = """
            update %1$s set paused_until = greatest(paused_until, cast(? as bigint) + coalesce(cast(? as bigint),
              cast(extract(epoch from clock_timestamp()) * 1000000 as bigint))) where account = ?
            """;

    private static final String NEW = """
            insert into %1$s (account, requests, requests_at, tokens, tokens_at, paused_until) values (?, 0, 0, 0, 0, 0)
            on conflict (account) do nothing
            """;

    private final PostgresServer server;
    private final String table;
    private final @Nullable LongSupplier clock;
    private final Function<SQLException, StoreException> failure;
    private final ThreadPoolExecutor thread;
    private @Nullable Connection kept; // owned by the thread

    /**
     * Connects to nothing yet.
     *
     * @param clock microseconds since 1970, or null if the database says what time it is
     */
    PostgresQuota(PostgresServer server, PostgresDialect dialect, String schema, @Nullable LongSupplier clock) {
        this.server = server;
        this.table = SqlNames.quoted(schema) + ".evervec_quota";
        this.clock = clock;
        this.failure = cause -> dialect.failure(ACTION, cause);
        this.thread = new ThreadPoolExecutor(1, 1, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread worker = new Thread(task, "evervec-quota");
            worker.setDaemon(true);
            return worker;
        });
        thread.allowCoreThreadTimeOut(true);
    }

    @Override
    public CompletionStage<Answer> ask(Ask ask) {
        CompletableFuture<Answer> answer = new CompletableFuture<>();
        boolean accepted = onThread(() -> {
            try {
                answer.complete(onConnection(connection -> decide(connection, ask)));
            } catch (SQLException e) {
                answer.completeExceptionally(failure.apply(e));
            } catch (RuntimeException | Error e) {
                answer.completeExceptionally(e);
            }
        });
        return accepted ? answer : CompletableFuture.failedStage(new IllegalStateException("the store is closed"));
    }

    @Override
    public void pause(String account, Duration pause) {
        onThread(() -> {
            try {
                onConnection(connection -> {
                    note(connection, account, pause);
                    return pause;
                });
            } catch (SQLException e) {
                LOG.debug(
                        "other processes could not be told of a pause: {}",
                        failure.apply(e).getMessage());
            }
        });
    }

    private boolean onThread(Runnable task) {
        try {
            thread.execute(task);
            return true;
        } catch (RejectedExecutionException e) {
            return false;
        }
    }

    /** Something to be done with a connection. */
    @FunctionalInterface
    private interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    /** A connection on which something failed is not used again. */
    private <T> T onConnection(Work<T> work) throws SQLException {
        Connection connection = kept == null ? open() : kept;
        kept = null;
        boolean done = false;
        try {
            T result = server.isLent() ? borrowing(connection, work) : work.on(connection);
            done = true;
            return result;
        } finally {
            if (done && !server.isLent()) {
                kept = connection;
            } else {
                closeQuietly(connection);
            }
        }
    }

    /** Outside of a transaction, and isolated so that nobody fails because another was first; afterwards it is as it was. */
    private static <T> T borrowing(Connection connection, Work<T> work) throws SQLException {
        boolean autoCommit = connection.getAutoCommit();
        connection.setAutoCommit(true);
        int isolation = connection.getTransactionIsolation();
        isolate(connection, isolation, Connection.TRANSACTION_READ_COMMITTED);
        try {
            return work.on(connection);
        } finally {
            if (!connection.isClosed()) {
                isolate(connection, Connection.TRANSACTION_READ_COMMITTED, isolation);
                connection.setAutoCommit(autoCommit);
            }
        }
    }

    private static void isolate(Connection connection, int before, int after) throws SQLException {
        if (before != after) {
            connection.setTransactionIsolation(after);
        }
    }

    private Connection open() throws SQLException {
        Connection connection = server.connect();
        if (!server.isLent()) {
            connection.setNetworkTimeout(Runnable::run, MILLIS_TO_ANSWER);
            try (Statement statement = connection.createStatement()) {
                // What is lost in a crash of the server is a moment's use of a quota.
                statement.execute("set synchronous_commit to off; set jit to off;"
                        + " set default_transaction_isolation to 'read committed'");
            }
        }
        return connection;
    }

    private Answer decide(Connection connection, Ask ask) throws SQLException {
        Answer answer = decided(connection, ask);
        if (answer != null) {
            return answer;
        }
        execute(
                connection,
                NEW,
                statement -> statement.setString(1, ask.account().name()));
        answer = decided(connection, ask);
        if (answer == null) {
            throw new IllegalStateException("the row of an account vanished from " + table);
        }
        return answer;
    }

    private void note(Connection connection, String account, Duration pause) throws SQLException {
        execute(connection, PAUSE, statement -> {
            statement.setLong(1, micros(pause));
            setNow(statement, 2);
            statement.setString(3, account);
        });
    }

    private @Nullable Answer decided(Connection connection, Ask ask) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(DECIDE.formatted(table))) {
            statement.setString(1, ask.account().name());
            set(statement, 2, ask.account().requestsPerMinute());
            set(statement, 3, ask.account().tokensPerMinute());
            statement.setDouble(4, (double) ask.wanted().requests());
            statement.setDouble(5, (double) ask.wanted().tokens());
            statement.setDouble(6, (double) ask.returned().requests());
            statement.setDouble(7, (double) ask.returned().tokens());
            statement.setDouble(8, (double) micros(ask.mostWait()));
            statement.setDouble(9, (double) micros(ask.mostAhead()));
            setNow(statement, 10);
            try (ResultSet row = statement.executeQuery()) {
                return row.next()
                        ? new Answer(row.getBoolean(1), micros(row.getDouble(2)), micros(row.getDouble(3)))
                        : null;
            }
        }
    }

    /** Fills the places of a statement. */
    @FunctionalInterface
    private interface Binder {
        void bind(PreparedStatement statement) throws SQLException;
    }

    private void execute(Connection connection, String sql, Binder binder) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql.formatted(table))) {
            binder.bind(statement);
            statement.executeUpdate();
        }
    }

    private static void set(PreparedStatement statement, int place, OptionalInt value) throws SQLException {
        if (value.isPresent()) {
            statement.setDouble(place, value.getAsInt());
        } else {
            statement.setNull(place, Types.DOUBLE);
        }
    }

    private void setNow(PreparedStatement statement, int place) throws SQLException {
        if (clock == null) {
            statement.setNull(place, Types.BIGINT);
        } else {
            statement.setLong(place, clock.getAsLong());
        }
    }

    private static long micros(Duration duration) {
        return TimeUnit.SECONDS.toMicros(duration.toSeconds()) + duration.toNanosPart() / 1000;
    }

    private static Duration micros(double count) {
        return Duration.of((long) Math.ceil(count), ChronoUnit.MICROS);
    }

    /** Whoever asks afterwards is refused. */
    @Override
    public void close() {
        onThread(() -> {
            if (kept != null) {
                closeQuietly(kept);
            }
        });
        thread.shutdown();
        try {
            // A server that does not answer is left to the daemon.
            if (!thread.awaitTermination(1, TimeUnit.SECONDS)) {
                LOG.debug("the connection for quotas is still busy and closes later");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void closeQuietly(Connection connection) {
        try {
            connection.close();
        } catch (SQLException e) {
            LOG.debug("a connection did not close: SQLState {}, code {}", e.getSQLState(), e.getErrorCode());
        }
    }
}
