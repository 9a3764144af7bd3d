package dev.evervec.store.jdbc;

import dev.evervec.pipeline.live.Outbox.Listening;
import dev.evervec.resilience.Backoff;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens, on a connection and a thread of its own, to what PostgreSQL tells of an outbox. It waits without asking; only after a
 * long silence it makes sure that the connection is still there, because one that was cut somewhere on the way is silent
 * too. A broken one is replaced. Whoever listens is woken whenever it begins anew, because nobody knows what was missed.
 *
 * <p>Whatever fails here is logged and tried again: those who wait look by themselves, too.
 */
final class OutboxListener implements Listening {
    private static final Logger log = LoggerFactory.getLogger(OutboxListener.class);
    private static final Backoff BACKOFF = new Backoff(Duration.ofSeconds(1), 2, Duration.ofMinutes(1));

    /** A thread that is just connecting cannot be hurried; it ends by itself as soon as that is done. */
    private static final Duration LONGEST_GOODBYE = Duration.ofSeconds(5);

    private final OutboxDatabase database;
    private final OutboxTable table;
    private final Rhythm rhythm;
    private final Runnable wake;
    private final Thread thread = new Thread(this::run, "evervec-outbox-listen-1");

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition closing = lock.newCondition();
    private boolean closed; // guarded by lock
    private @Nullable Connection current; // guarded by lock

    private int failures; // owned by the thread

    /**
     * The times of a listener.
     *
     * @param silence after how long without a word it looks whether the connection is still there
     * @param answer how long the database may take to say so
     * @param rest at least so long lies between two wakes
     */
    record Rhythm(Duration silence, Duration answer, Duration rest) {
        /** Half a minute keeps a connection alive where idle ones are cut. */
        static final Rhythm DEFAULT =
                new Rhythm(Duration.ofSeconds(30), Duration.ofSeconds(10), Duration.ofMillis(100));
    }

    private OutboxListener(OutboxDatabase database, OutboxTable table, Rhythm rhythm, Runnable wake) {
        this.database = database;
        this.table = table;
        this.rhythm = rhythm;
        this.wake = wake;
        thread.setDaemon(true);
    }

    static OutboxListener start(OutboxDatabase database, OutboxTable table, Rhythm rhythm, Runnable wake) {
        OutboxListener listener = new OutboxListener(database, table, rhythm, wake);
        listener.thread.start();
        return listener;
    }

    private void run() {
        boolean goesOn = true;
        while (goesOn && isOpen()) {
            try {
                goesOn = listen();
            } catch (SQLException e) {
                failed(Objects.requireNonNullElse(e.getSQLState(), "unknown"));
            } catch (RuntimeException e) {
                failed(e.getClass().getName());
            }
        }
    }

    private void failed(String why) {
        if (!isOpen()) {
            return;
        }
        failures++;
        if (failures == 1) {
            log.warn(
                    "cannot listen for changes in {} (SQLState {}): they are found by looking for them, until it can",
                    table,
                    why);
        } else {
            log.debug("cannot listen for changes in {} for the {}. time: SQLState {}", table, failures, why);
        }
        pause(BACKOFF.delay(failures, ThreadLocalRandom.current()));
    }

    /**
     * Listens as long as the connection lasts.
     *
     * @return whether there is any use in another one
     */
    private boolean listen() throws SQLException {
        Connection connection = database.connect();
        try {
            if (!use(connection)) {
                return false;
            }
            PostgresNotices notices = notices(connection);
            if (notices == null) {
                log.debug("nobody tells of changes in {}: they are found by looking for them", table);
                return false;
            }
            listen(connection, notices);
            return true;
        } finally {
            discard(connection);
        }
    }

    /** Null if this database or its driver tells nobody anything. */
    private static @Nullable PostgresNotices notices(Connection connection) throws SQLException {
        return SourceDialect.of(connection.getMetaData()) == SourceDialect.POSTGRESQL
                ? PostgresNotices.of(connection)
                : null;
    }

    private void listen(Connection connection, PostgresNotices notices) throws SQLException {
        if (!connection.getAutoCommit()) {
            connection.setAutoCommit(true);
        }
        // For the statements; while it waits, the driver has another limit, and none of the host's.
        connection.setNetworkTimeout(
                Runnable::run, Math.toIntExact(rhythm.answer().toMillis()));
        String channel = channel(connection);
        try (Statement statement = connection.createStatement()) {
            statement.execute("listen " + SqlNames.quoted(channel));
        }
        log.debug("listens for changes in {}", table);
        wake();
        while (isOpen()) {
            boolean told = notices.await(rhythm.silence());
            if (!told && !channel.equals(channel(connection))) {
                // The table was made anew, and is another one.
                return;
            }
            works();
            if (told) {
                wake();
            }
        }
    }

    private void wake() {
        wake.run();
        pause(rhythm.rest());
    }

    private String channel(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select " + table.pgChannel())) {
            row.next();
            return row.getString(1);
        }
    }

    private void works() {
        if (failures > 0) {
            log.info("listens for changes in {} again", table);
            failures = 0;
        }
    }

    /** Remembers it for {@link #close()}; false if that was called meanwhile. */
    private boolean use(Connection connection) {
        lock.lock();
        try {
            current = connection;
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    /** It may be broken, and it listens: nobody else is to get it from a pool. */
    private void discard(Connection connection) {
        lock.lock();
        try {
            current = null;
        } finally {
            lock.unlock();
        }
        abort(connection);
        try {
            connection.close();
        } catch (SQLException e) {
            log.debug("a connection that listened did not close: SQLState {}", e.getSQLState());
        }
    }

    private static void abort(Connection connection) {
        try {
            connection.abort(Runnable::run);
        } catch (SQLException | RuntimeException e) {
            log.debug(
                    "a connection that listened could not be cut: {}",
                    e.getClass().getName());
        }
    }

    private boolean isOpen() {
        lock.lock();
        try {
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    private void pause(Duration length) {
        lock.lock();
        try {
            long left = length.toNanos();
            while (!closed && left > 0) {
                left = closing.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            // Nobody has a reason to interrupt this thread; it goes on.
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        Connection listening;
        lock.lock();
        try {
            closed = true;
            listening = current;
            closing.signalAll();
        } finally {
            lock.unlock();
        }
        if (listening != null) {
            abort(listening);
        }
        try {
            thread.join(TimeUnit.NANOSECONDS.toMillis(LONGEST_GOODBYE.toNanos()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
