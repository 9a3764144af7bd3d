package dev.evervec.resilience;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.Quota;
import dev.evervec.provider.SharedQuota;
import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.SharedQuota.Amount;
import dev.evervec.provider.SharedQuota.Answer;
import dev.evervec.provider.SharedQuota.Ask;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Grants.Claimant;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
     * Quota comes from the clock (Buckets) or, where it is shared with other processes, from what these leave (Grants): then the
     * head asks, without the lock, and sleeps until it is answered. Tokens are taken as estimated and settled when the service
     * has told what it counted.
     *
     * A refusal pauses everybody. Of the calls that were under way together only the first to be refused counts as one more
     * refusal in a row: the others learned nothing new. Other processes are told of a pause, but of no more than a minute of
     * it: that outlives us, and whoever still is too early is refused once more.
     */
    static final Duration LONGEST = Duration.ofDays(365);
    static final Duration LONGEST_SHARED_PAUSE = Duration.ofMinutes(1);
    static final Duration QUOTA_PATIENCE = Duration.ofHours(1);

    private static final Logger log = LoggerFactory.getLogger(Pacer.class);

    private final Timing timing;
    private final RandomGenerator random;
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Ticket> live = new ArrayDeque<>();
    private final Deque<Ticket> build = new ArrayDeque<>();
    private final Account account;
    private final Buckets buckets;
    private final long epoch;
    private @Nullable Grants grants;
    private long pausedUntil;
    private int refusalsInARow;
    private long lastRefusal = -1;

    Pacer(Account account, Timing timing, RandomGenerator random) {
        this.account = account;
        this.timing = timing;
        this.random = random;
        this.epoch = timing.nanoTime();
        this.buckets = new Buckets(account);
    }

    /** From now on the quota is what others who draw on it leave. */
    void share(SharedQuota shared) {
        lock.lock();
        try {
            if (grants == null || grants.shared() != shared) {
                grants = new Grants(shared, account);
            }
        } finally {
            lock.unlock();
        }
    }

    /** What it holds calls to. */
    Quota quota(QuotaUnit unit) {
        return new Quota(account.requestsPerMinute(), account.tokensPerMinute(), unit);
    }

    /** Whether tokens are limited, so that they need to be counted. */
    boolean limitsTokens() {
        return account.tokensPerMinute().isPresent();
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
        Ticket ticket = new Ticket(
                new Claimant(new Amount(requestCount, tokenCount), context.priority()), lock.newCondition(), nanos());
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
                Grants shared = grants;
                if (head && shared != null && now >= pausedUntil && shared.mustAsk(ticket.claimant, now)) {
                    ask(shared, ticket.claimant, patience, now);
                    continue;
                }
                long wait = head ? untilAffordable(ticket, patience, now) : Long.MAX_VALUE;
                if (wait <= 0) {
                    take(ticket, now);
                    return now;
                }
                if (patience <= 0 || (head && wait > patience)) {
                    boolean unknown = !head || (shared != null && shared.isAsking());
                    throw tooLong(unknown ? 0 : wait);
                }
                timing.await(ticket.turn, Math.min(wait, patience));
            }
        } finally {
            line.remove(ticket);
            wakeHead();
        }
    }

    /** Lets go of the lock meanwhile. */
    private void ask(Grants from, Claimant claimant, long patience, long now) {
        Ask ask = from.ask(claimant, patience, now);
        lock.unlock();
        try {
            answerTo(ask, from.shared()).whenComplete((answer, failure) -> heard(from, claimant, ask, answer, failure));
        } finally {
            lock.lock();
        }
    }

    private static CompletionStage<Answer> answerTo(Ask ask, SharedQuota shared) {
        try {
            return shared.ask(ask);
        } catch (RuntimeException e) {
            return CompletableFuture.failedStage(e);
        }
    }

    private void heard(Grants from, Claimant claimant, Ask ask, @Nullable Answer answer, @Nullable Throwable failure) {
        lock.lock();
        try {
            from.heard(claimant, ask, answer, failure, nanos());
            wakeHead();
        } finally {
            lock.unlock();
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

    private long untilAffordable(Ticket ticket, long patience, long now) {
        long pause = pausedUntil - now;
        if (grants == null) {
            return Math.max(pause, buckets.until(ticket.claimant.cost, now));
        }
        return pause > 0 ? pause : grants.until(ticket.claimant, patience, now);
    }

    private void take(Ticket ticket, long now) {
        if (grants == null) {
            buckets.take(ticket.claimant.cost);
        } else {
            grants.take(ticket.claimant.cost, now);
        }
    }

    private @Nullable Ticket head() {
        Ticket first = live.peekFirst();
        return first != null ? first : build.peekFirst();
    }

    private void wakeHead() {
        Ticket head = head();
        if (head != null) {
            head.turn.signal();
        }
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
            if (grants == null) {
                buckets.giveBackTokens(tokensTaken - tokensUsed, nanos());
            } else {
                grants.giveBackTokens(tokensTaken - tokensUsed, nanos());
            }
            wakeHead();
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
        SharedQuota tell;
        Duration pause;
        lock.lock();
        try {
            long now = nanos();
            long before = pausedUntil;
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
            tell = grants == null || pausedUntil == before ? null : grants.shared();
            pause = Duration.ofNanos(Math.min(pausedUntil - now, LONGEST_SHARED_PAUSE.toNanos()));
        } finally {
            lock.unlock();
        }
        if (tell != null) {
            tellOf(pause, tell);
        }
    }

    private void tellOf(Duration pause, SharedQuota shared) {
        try {
            shared.pause(account.name(), pause);
        } catch (RuntimeException e) {
            log.debug("other processes could not be told that {} pauses", account.name(), e);
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

    static long saturatedNanos(Duration duration) {
        return duration.compareTo(LONGEST) > 0 ? LONGEST.toNanos() : duration.toNanos();
    }

    /** A call in line. */
    private static final class Ticket {
        final Claimant claimant;
        final Condition turn;
        final long arrived;

        Ticket(Claimant claimant, Condition turn, long arrived) {
            this.claimant = claimant;
            this.turn = turn;
            this.arrived = arrived;
        }
    }
}
