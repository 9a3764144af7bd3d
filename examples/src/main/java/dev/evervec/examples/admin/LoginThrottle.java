package dev.evervec.examples.admin;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Slows down whoever guesses: after five wrong secrets in a row from one address, each further one must wait, a second first
 * and twice as long every time, up to thirty. Nothing waits here; who comes too early is sent away, and what they sent is not
 * looked at.
 *
 * <p>An address is that of the connection: behind a proxy all share one. Of IPv6 it is the network of 64 bits that one
 * customer has. Thread-safe.
 */
final class LoginThrottle {
    private static final int FREE_FAILURES = 5;
    private static final long LONGEST_WAIT_SECONDS = 30;
    private static final Duration MEMORY = Duration.ofMinutes(15);
    private static final int MOST_ADDRESSES = 10_000;
    private static final int NETWORK_BYTES = 8;

    private final Clock clock;
    /** By address, those that failed longest ago first; guarded by this. */
    private final Map<ByteBuffer, Failures> failed = new LinkedHashMap<>();

    LoginThrottle(Clock clock) {
        this.clock = clock;
    }

    private record Failures(int count, Instant last) {
        Instant nextAttempt() {
            if (count < FREE_FAILURES) {
                return last;
            }
            int doublings = Math.min(count - FREE_FAILURES, Long.SIZE - 2);
            return last.plusSeconds(Math.min(1L << doublings, LONGEST_WAIT_SECONDS));
        }

        boolean isForgotten(Instant now) {
            return !now.isBefore(last.plus(MEMORY));
        }
    }

    /**
     * Makes an attempt; says whether it succeeded.
     *
     * @param attempt quick and harmless, such as the comparison of two hashes
     * @throws Problem 429 if this address has to wait
     */
    synchronized boolean attempt(InetAddress from, BooleanSupplier attempt) {
        Instant now = clock.instant();
        ByteBuffer address = network(from);
        Failures before = failed.get(address);
        if (before != null && before.isForgotten(now)) {
            before = null;
        }
        if (before != null && now.isBefore(before.nextAttempt())) {
            throw Problem.tooEarly(secondsUntil(before.nextAttempt(), now));
        }
        failed.remove(address);
        if (attempt.getAsBoolean()) {
            return true;
        }
        if (failed.size() >= MOST_ADDRESSES) {
            failed.remove(failed.keySet().iterator().next());
        }
        failed.put(address, new Failures(before == null ? 1 : before.count() + 1, now));
        return false;
    }

    /** Rounded up: who waits so long may come. */
    private static long secondsUntil(Instant then, Instant now) {
        return Duration.between(now, then).plusNanos(999_999_999).toSeconds();
    }

    private static ByteBuffer network(InetAddress address) {
        byte[] bytes = address.getAddress();
        return ByteBuffer.wrap(address instanceof Inet6Address ? Arrays.copyOf(bytes, NETWORK_BYTES) : bytes);
    }
}
