package dev.evervec.examples.admin;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Asks the store once a second at most, however many ask us: who comes while it is being asked waits for that answer, and who
 * comes within a second gets the same. A failure is remembered just as long. Thread-safe.
 */
final class RecentReads {
    private static final long LIFE_NANOS = Duration.ofSeconds(1).toNanos();
    private static final int MOST_KINDS = 64;

    private final LongSupplier nanoTime;
    private final Map<String, Read> reads = new ConcurrentHashMap<>();

    /** {@code nanoTime}: as {@link System#nanoTime} is. */
    RecentReads(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** The answer to this question, or what is thrown instead. */
    String get(String question, Supplier<String> read) {
        if (reads.size() >= MOST_KINDS) {
            reads.clear();
        }
        return reads.computeIfAbsent(question, name -> new Read()).get(read);
    }

    private final class Read {
        private @Nullable Supplier<String> outcome; // guarded by this
        private long readAt; // guarded by this

        synchronized String get(Supplier<String> read) {
            Supplier<String> recent = outcome;
            if (recent == null || nanoTime.getAsLong() - readAt >= LIFE_NANOS) {
                recent = outcomeOf(read);
                outcome = recent;
                readAt = nanoTime.getAsLong();
            }
            return recent.get();
        }
    }

    private static Supplier<String> outcomeOf(Supplier<String> read) {
        try {
            String answer = read.get();
            return () -> answer;
        } catch (RuntimeException e) {
            return () -> {
                throw e;
            };
        }
    }
}
