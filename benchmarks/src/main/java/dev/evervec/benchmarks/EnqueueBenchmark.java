package dev.evervec.benchmarks;

import dev.evervec.pipeline.live.Change;
import dev.evervec.store.jdbc.EmbeddingQueue;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * How long a host waits when it notes a change, on SQLite in WAL mode. Calls come one after the other with pauses between them,
 * as they do from a service, not as fast as possible: a thread that takes the lock again at once would never find it taken.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class EnqueueBenchmark {
    /** Whose tables are in the host's file. */
    public enum File {
        /** Those of the host and the outbox; the store has a file of its own, which is the default. */
        OWN,
        /** Those of the store as well. */
        SHARED
    }

    /** What runs meanwhile. */
    public enum Build {
        /** Nothing. */
        NONE,
        /** A build that scans and stores as fast as the store takes it. */
        RUNNING
    }

    /** Whose tables are in the host's file. */
    @Param
    public File file = File.OWN;

    /** What runs meanwhile. */
    @Param
    public Build build = Build.NONE;

    private @Nullable Site site;
    private long id;

    /** Begins the build, if there is to be one. */
    @Setup
    public void begin() throws IOException, SQLException {
        site = Site.open(file == File.SHARED, build == Build.RUNNING);
    }

    /** Ends it. */
    @TearDown
    public void end() throws IOException, SQLException {
        site().close();
    }

    /** Up to 4 ms between two calls. */
    @Setup(Level.Invocation)
    public void pause() {
        LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(TimeUnit.MILLISECONDS.toNanos(4)));
    }

    /** {@link EmbeddingQueue#enqueue(Connection, Change)} alone, in a transaction of the host that has written before. */
    @Benchmark
    public void inTheHostsTransaction(Transaction transaction) {
        transaction.site().queue().enqueue(transaction.site().host(), next());
    }

    /** The whole transaction: begin, an update of the host's own table, the change, commit. */
    @Benchmark
    public void wholeTransaction() throws SQLException {
        Connection host = site().host();
        host.setAutoCommit(false);
        write(host);
        site().queue().enqueue(host, next());
        host.commit();
        host.setAutoCommit(true);
    }

    /** {@link EmbeddingQueue#enqueue(Connection, Change)} on an open connection with auto-commit. */
    @Benchmark
    public void withAutoCommit() {
        site().queue().enqueue(site().host(), next());
    }

    /** {@link EmbeddingQueue#enqueue(Change)}, which opens a connection and commits on it. */
    @Benchmark
    public void onItsOwnConnection() {
        site().queue().enqueue(next());
    }

    private Change next() {
        return Change.updated("orders", Long.toString(id++ % 10_000));
    }

    private Site site() {
        if (site == null) {
            throw new IllegalStateException("not set up");
        }
        return site;
    }

    private static void write(Connection host) throws SQLException {
        try (PreparedStatement update =
                host.prepareStatement("insert or replace into host_order (id, text) values (?, 'a new text')")) {
            update.setLong(1, ThreadLocalRandom.current().nextLong(10_000));
            update.executeUpdate();
        }
    }

    /** A transaction of the host around each call, outside of what is measured. */
    @State(Scope.Thread)
    public static class Transaction {
        private @Nullable Site site;

        /** Begins it and writes. */
        @Setup(Level.Invocation)
        public void begin(EnqueueBenchmark benchmark) throws SQLException {
            site = benchmark.site();
            site.host().setAutoCommit(false);
            write(site.host());
        }

        /** Commits it. */
        @TearDown(Level.Invocation)
        public void commit() throws SQLException {
            site().host().commit();
            site().host().setAutoCommit(true);
        }

        Site site() {
            if (site == null) {
                throw new IllegalStateException("not begun");
            }
            return site;
        }
    }
}
