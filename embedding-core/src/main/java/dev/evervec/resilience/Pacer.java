package dev.evervec.resilience;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.Quota;
import dev.evervec.provider.TransientProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Says when a call may be sent.
 *
 * <p>Thread-safe.
 */
final class Pacer {
    /*
     * One lock guards everything; nothing is called under it but the clock. Callers queue in two lines, live before build.
     * Only the head of the lines may take, and it takes requests and tokens in one step, so that no caller holds one kind of
     * quota while it waits for the other. A head that has to wait sleeps until its quota has grown; everybody else sleeps
     * until the head has left and signals the next one. A live call that arrives becomes the head at once.
     *
     * Quotas refill lazily by the nano clock. A bucket holds one second's worth, so that a minute never carries noticeably
     * more than the quota; a call that costs more than the bucket holds goes when the bucket is full and leaves a debt that
     * later calls wait out. Tokens are taken as estimated and settled when the service has told what it counted.
     *
     * A refusal pauses everybody. Of the calls that were under way together only the first to be refused counts as one more
     * refusal in a row: the others learned nothing new.
     */
    static final Duration QUOTA_PATIENCE = Duration.ofHours(1);

    private final Timing timing;
    private final RandomGenerator random;
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Ticket> live = new ArrayDeque<>();
    private final Deque<Ticket> build = new ArrayDeque<>();
    private final OptionalInt requestsPerMinute;
    private final OptionalInt tokensPerMinute;
    private final @Nullable Bucket requests;
    private final @Nullable Bucket tokens;
    private final long epoch;
    private long pausedUntil;
    private int refusalsInARow;
    private long lastRefusal = -1;

    Pacer(OptionalInt requestsPerMinute, OptionalInt tokensPerMinute, Timing timing, RandomGenerator random) {
        this.requestsPerMinute = requestsPerMinute;
        this.tokensPerMinute = tokensPerMinute;
        this.timing = timing;
        this.random = random;
        this.epoch = timing.nanoTime();
        this.requests = requestsPerMinute.isPresent() ? new Bucket(requestsPerMinute.getAsInt()) : null;
        this.tokens = tokensPerMinute.isPresent() ? new Bucket(tokensPerMinute.getAsInt()) : null;
    }

    /** What it holds calls to. */
    Quota quota(QuotaUnit unit) {
        return new Quota(requestsPerMinute, tokensPerMinute, unit);
    }

    /** Whether tokens are limited, so that they need to be counted. */
    boolean limitsTokens() {
        return tokens != null;
    }

    /**
     * Waits until a call of this cost may be sent.
     *
     * @return when it may be sent: hand it to {@link #refused}
     * @throws TransientProviderException if the call was cancelled or recalled or its thread interrupted (the flag is set again), or if
     *     it would have to wait beyond its deadline or, without one, {@link #QUOTA_PATIENCE}
     */
    @SuppressWarnings("try") // the registration only needs to be closed
    long acquire(int requestCount, long tokenCount, CallContext context) {
        Ticket ticket = new Ticket(requestCount, tokenCount, lock.newCondition(), nanos());
        try (CancelSignal.Registration cut = context.cancelSignal().onCancel(() -> wake(ticket));
                CancelSignal.Registration back = context.recall().onCancel(() -> wake(ticket))) {
            lock.lockInterruptibly();
            try {
                return waitInLine(ticket, context);
            } finally {
                lock.unlock();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw TransientProviderException.cancelled();
        }
    }

    private long waitInLine(Ticket ticket, CallContext context) throws InterruptedException {
        Deque<Ticket> line = context.priority() == Priority.LIVE ? live : build;
        line.addLast(ticket);
        try {
            while (true) {
                if (context.cancelSignal().isCancelled() || context.recall().isCancelled()) {
                    throw TransientProviderException.cancelled();
                }
                long now = nanos();
                long patience = patience(ticket, context.deadline(), now);
                boolean head = head() == ticket;
                long wait = head ? untilAffordable(ticket, now) : Long.MAX_VALUE;
                if (wait <= 0) {
                    take(ticket);
                    return now;
                }
                if (patience <= 0 || (head && wait > patience)) {
                    throw tooLong(head ? wait : 0);
                }
                timing.await(ticket.turn, Math.min(wait, patience));
            }
        } finally {
            line.remove(ticket);
            Ticket next = head();
            if (next != null) {
                next.turn.signal();
            }
        }
    }

    private static TransientProviderException tooLong(long wait) {
        Duration needed = Duration.ofNanos(wait);
        String message = wait == 0
                ? "the call's time ended while it waited for quota"
                : String.format(
                        Locale.ROOT,
                        "the quota allows the next call in %.1f s, later than this call may wait",
                        wait / 1e9);
        return TransientProviderException.rateLimited(message, 0, null, wait == 0 ? null : needed);
    }

    /** A caller that gave a deadline has said how patient it is. */
    private long patience(Ticket ticket, @Nullable Instant deadline, long now) {
        return deadline == null
                ? ticket.arrived + QUOTA_PATIENCE.toNanos() - now
                : saturatedNanos(Duration.between(timing.now(), deadline));
    }

    private long untilAffordable(Ticket ticket, long now) {
        long wait = pausedUntil - now;
        if (requests != null) {
            wait = Math.max(wait, requests.until(ticket.requests, now));
        }
        if (tokens != null) {
            wait = Math.max(wait, tokens.until(ticket.tokens, now));
        }
        return wait;
    }

    private void take(Ticket ticket) {
        if (requests != null) {
            requests.level -= ticket.requests;
        }
        if (tokens != null) {
            tokens.level -= ticket.tokens;
        }
    }

    private @Nullable Ticket head() {
        Ticket first = live.peekFirst();
        return first != null ? first : build.peekFirst();
    }

    private void wake(Ticket ticket) {
        lock.lock();
        try {
            ticket.turn.signal();
        } finally {
            lock.unlock();
        }
    }

    /** The service answered: what it counted is settled with what was taken for the call. */
    void succeeded(long tokensTaken, long tokensUsed) {
        lock.lock();
        try {
            refusalsInARow = 0;
            if (tokens != null) {
                tokens.until(0, nanos());
                tokens.level = Math.min(tokens.capacity, tokens.level + tokensTaken - tokensUsed);
                Ticket next = head();
                if (next != null) {
                    next.turn.signal();
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * The service refused a call for its quota: nobody sends before it says.
     *
     * @param sent what {@link #acquire} returned for the call
     * @param retryAfter how long the service asked to wait, or null if it did not say
     */
    void refused(long sent, @Nullable Duration retryAfter) {
        lock.lock();
        try {
            long now = nanos();
            boolean news = sent > lastRefusal;
            if (news) {
                refusalsInARow++;
                lastRefusal = now;
            }
            if (retryAfter != null) {
                pausedUntil = Math.max(pausedUntil, now + saturatedNanos(retryAfter));
            } else if (news) {
                pausedUntil = Math.max(
                        pausedUntil,
                        now + Backoff.DEFAULT.delay(refusalsInARow, random).toNanos());
            }
        } finally {
            lock.unlock();
        }
    }

    /** Calls that wait in line. */
    int waiting() {
        lock.lock();
        try {
            return live.size() + build.size();
        } finally {
            lock.unlock();
        }
    }

    /** Since this pacer was made, so that sums cannot overflow. */
    private long nanos() {
        return timing.nanoTime() - epoch;
    }

    private static long saturatedNanos(Duration duration) {
        return duration.compareTo(Duration.ofDays(365)) > 0
                ? Duration.ofDays(365).toNanos()
                : duration.toNanos();
    }

    /** A call in line. */
    private static final class Ticket {
        final int requests;
        final long tokens;
        final Condition turn;
        final long arrived;

        Ticket(int requests, long tokens, Condition turn, long arrived) {
            this.requests = requests;
            this.tokens = tokens;
            this.turn = turn;
            this.arrived = arrived;
        }
    }

    /** A quota of one kind; guarded by the pacer's lock. */
    private static final class Bucket {
        final double perNano;
        final double capacity;
        double level;
        long refilled;

        Bucket(int perMinute) {
            this.perNano = perMinute / 60e9;
            this.capacity = Math.max(1, perMinute / 60.0);
            this.level = capacity;
        }

        /** Nanoseconds until so much may be taken; 0 or less: now. */
        long until(long cost, long now) {
            if (now > refilled) {
                level = Math.min(capacity, level + (now - refilled) * perNano);
                refilled = now;
            }
            double missing = Math.min((double) cost, capacity) - level;
            return missing <= 0 ? 0 : (long) Math.ceil(missing / perNano);
        }
    }
}
