package dev.evervec.resilience;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.Quota;
import dev.evervec.provider.RateLimits;
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
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
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
     * The first call of a process takes a while to leave, as it loads classes and connects, and others that were allowed meanwhile
     * would come in with it, all at once. So buckets do not fill before a call has come back, or the first one takes long for
     * other reasons.
     *
     * The quota is what is configured or, if that is less, what the service tells with its answers. Below both there may be a rate
     * that refusals have taught (LearnedRate); it holds in this process only, and each process learns its own.
     *
     * A refusal pauses everybody for as long as the service asks. If it does not say, the lower rate is enough the first time;
     * if nothing is accepted after that, pauses grow (PAUSES), and after each of them one call goes ahead alone. Of the calls
     * that were under way together only the first to be refused counts as one more refusal in a row: the others learned nothing
     * new. Other processes are told of a pause, but of no more than a minute of it: that outlives us, and whoever still is too
     * early is refused once more.
     */
    static final Duration LONGEST = Duration.ofDays(365);
    static final Duration LONGEST_SHARED_PAUSE = Duration.ofMinutes(1);
    static final Duration LONGEST_START = Duration.ofSeconds(5);
    static final Duration QUOTA_PATIENCE = Duration.ofHours(1);

    /** A quota is back within a minute: a longer last pause would let much of the next one pass. */
    private static final Backoff PAUSES = new Backoff(Duration.ofMillis(500), 2, Duration.ofSeconds(20));

    /*
     * Where nothing is left, it may be that nothing comes back before the reset, as with minutes that begin at a certain time; that
     * is worth a pause. A reset after a whole minute, or after next to nothing, is what a service tells whose quota comes back
     * bit by bit: its refusal would say how soon.
     */
    private static final Duration SHORTEST_RESET = Duration.ofSeconds(2);
    private static final Duration LONGEST_RESET = Duration.ofSeconds(55);

    private static final Logger log = LoggerFactory.getLogger(Pacer.class);

    private final Timing timing;
    private final RandomGenerator random;
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Ticket> live = new ArrayDeque<>();
    private final Deque<Ticket> build = new ArrayDeque<>();
    private final List<SharedQuota> shares = new ArrayList<>();
    private final Buckets buckets;
    private final LearnedRate learned = new LearnedRate();
    private final long epoch;
    private Account configured;
    private OptionalInt toldRequests = OptionalInt.empty();
    private OptionalInt toldTokens = OptionalInt.empty();
    private volatile Account account; // the lower of both; written under the lock
    private @Nullable Grants grants;
    private Amount sentInAll = Amount.NONE;
    private long permits;
    private boolean cameBack;
    private long pausedUntil;
    private int refusalsInARow;
    private long permitsAtRefusal;
    private @Nullable Permit ahead;
    private boolean differenceTold;

    Pacer(Account account, Timing timing, RandomGenerator random) {
        this.configured = account;
        this.account = account;
        this.timing = timing;
        this.random = random;
        this.epoch = timing.nanoTime();
        this.buckets = new Buckets(account);
    }

    /** A call that may be sent. */
    static final class Permit {
        private final long number;
        private final long at;
        private final Amount cost;
        private final Amount sentInAll;

        private Permit(long number, long at, Amount cost, Amount sentInAll) {
            this.number = number;
            this.at = at;
            this.cost = cost;
            this.sentInAll = sentInAll;
        }

        /** In the pacer's own nanoseconds. */
        long sentAt() {
            return at;
        }
    }

    /** Somebody else uses the same account, and has perhaps configured other limits. */
    void alsoFor(Account other) {
        lock.lock();
        try {
            OptionalInt requests = lower(configured.requestsPerMinute(), other.requestsPerMinute());
            OptionalInt tokens = lower(configured.tokensPerMinute(), other.tokensPerMinute());
            Account lower = new Account(configured.name(), requests, tokens);
            if (!differenceTold && !(lower.equals(configured) && lower.equals(other))) {
                differenceTold = true;
                log.warn(
                        "{} is configured with different limits in this process: the lower ones hold for all who use it",
                        configured.name());
            }
            configured = lower;
            retune();
        } finally {
            lock.unlock();
        }
    }

    private static OptionalInt lower(OptionalInt one, OptionalInt other) {
        return one.isPresent() && other.isPresent()
                ? OptionalInt.of(Math.min(one.getAsInt(), other.getAsInt()))
                : one.isPresent() ? one : other;
    }

    private void retune() {
        Account now = new Account(
                configured.name(),
                lower(configured.requestsPerMinute(), toldRequests),
                lower(configured.tokensPerMinute(), toldTokens));
        if (!now.equals(account)) {
            log.debug(
                    "{} is held to {} requests and {} tokens a minute",
                    now.name(),
                    now.requestsPerMinute(),
                    now.tokensPerMinute());
            account = now;
            buckets.retune(now, nanos());
            if (grants != null) {
                grants.retune(now, nanos());
            }
        }
    }

    /** From now on the quota is what others who draw on it leave. */
    void share(SharedQuota shared) {
        lock.lock();
        try {
            shares.add(shared);
            drawOn(shared);
        } finally {
            lock.unlock();
        }
    }

    /** Who gave this has ended: what another one gave holds, or else the clock. */
    void unshare(SharedQuota shared) {
        lock.lock();
        try {
            shares.remove(shared);
            drawOn(shares.isEmpty() ? null : shares.get(shares.size() - 1));
            wakeHead();
        } finally {
            lock.unlock();
        }
    }

    private void drawOn(@Nullable SharedQuota shared) {
        if (shared == null) {
            grants = null;
        } else if (grants == null || grants.shared() != shared) {
            grants = new Grants(shared, account);
        }
    }

    /** What it holds calls to, as far as that is configured or told. */
    Quota quota(QuotaUnit unit) {
        Account now = account;
        return new Quota(now.requestsPerMinute(), now.tokensPerMinute(), unit);
    }

    /** Whether tokens are limited, so that they need to be counted. */
    boolean limitsTokens() {
        return account.tokensPerMinute().isPresent();
    }

    /**
     * Waits until a call of this cost may be sent.
     *
     * @return what says how the call went: hand it to {@link #succeeded}, {@link #refused} or {@link #ended}
     * @throws TransientProviderException if the call was cancelled or recalled or its thread interrupted (the flag is set again), or if
     *     it would have to wait beyond its deadline or, without one, {@link #QUOTA_PATIENCE}
     */
    @SuppressWarnings("try") // the registration only needs to be closed
    Permit acquire(int requestCount, long tokenCount, CallContext context) {
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

    private Permit waitInLine(Ticket ticket, CallContext context) throws InterruptedException {
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
                if (head
                        && shared != null
                        && untilAllowedHere(ticket, patience, now) <= 0
                        && shared.mustAsk(ticket.claimant, now)) {
                    ask(shared, ticket.claimant, patience, now);
                    continue;
                }
                long wait = head ? untilAffordable(ticket, patience, now) : Long.MAX_VALUE;
                if (wait <= 0) {
                    return take(ticket.claimant.cost, now);
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
        long wait = untilAllowedHere(ticket, patience, now);
        if (grants == null) {
            return Math.max(wait, buckets.until(ticket.claimant.cost, now));
        }
        return wait > 0 ? wait : grants.until(ticket.claimant, patience, now);
    }

    /** Whatever the quota may be: for pauses and for what refusals have taught. */
    private long untilAllowedHere(Ticket ticket, long patience, long now) {
        long wait = Math.max(pausedUntil - now, learned.until(ticket.claimant.cost.requests(), now));
        return ahead == null ? wait : Math.max(1, Math.max(wait, patience)); // until it has ended
    }

    private Permit take(Amount cost, long now) {
        if (grants == null) {
            buckets.take(cost);
        } else {
            grants.take(cost, now);
        }
        learned.take(cost.requests(), now);
        if (permits == 0) {
            buckets.fillFrom(now + LONGEST_START.toNanos());
        }
        sentInAll = sentInAll.plus(cost);
        Permit permit = new Permit(++permits, now, cost, sentInAll);
        if (refusalsInARow > 1) {
            ahead = permit;
        }
        return permit;
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

    /**
     * The service answered.
     *
     * @param tokensUsed what it counted: settled with what was taken for the call
     * @param told what it told of its quota
     */
    void succeeded(Permit permit, long tokensUsed, RateLimits told) {
        lock.lock();
        try {
            if (permit.number > permitsAtRefusal) {
                refusalsInARow = 0;
            }
            long unused = permit.cost.tokens() - tokensUsed;
            sentInAll = sentInAll.minus(new Amount(0, unused));
            if (grants == null) {
                buckets.giveBackTokens(unused, nanos());
            } else {
                grants.giveBackTokens(unused, nanos());
            }
            hear(told, permit);
            end(permit);
        } finally {
            lock.unlock();
        }
    }

    /** The call is over, however it went. Harmless if that was told already. */
    void ended(Permit permit) {
        lock.lock();
        try {
            end(permit);
        } finally {
            lock.unlock();
        }
    }

    private void end(Permit permit) {
        if (!cameBack) {
            cameBack = true;
            buckets.fillFrom(Math.max(pausedUntil, nanos()));
        }
        if (ahead == permit) {
            ahead = null;
        }
        wakeHead();
    }

    /** What the service told holds until it tells something else. */
    private void hear(RateLimits told, Permit permit) {
        if (told.equals(RateLimits.NONE)) {
            return;
        }
        toldRequests = latest(told.requests(), toldRequests);
        toldTokens = latest(told.tokens(), toldTokens);
        retune();
        // What is left was counted when the call came in or later: less what was sent since, and more what has come in.
        long now = nanos();
        double minutes = (now - permit.at) / 60e9;
        Amount since = sentInAll.minus(permit.sentInAll);
        told.requests()
                .remaining()
                .ifPresent(
                        left -> buckets.lowerRequests(left - since.requests() + minutes * toldRequests.orElse(0), now));
        told.tokens()
                .remaining()
                .ifPresent(left -> buckets.lowerTokens(left - since.tokens() + minutes * toldTokens.orElse(0), now));
        pauseUntilReset(told.requests(), now);
        pauseUntilReset(told.tokens(), now);
    }

    private static OptionalInt latest(RateLimits.Limit told, OptionalInt before) {
        return told.perMinute().isEmpty()
                ? before
                : OptionalInt.of(
                        (int) Math.min(Integer.MAX_VALUE, told.perMinute().getAsLong()));
    }

    private void pauseUntilReset(RateLimits.Limit told, long now) {
        Duration reset = told.reset();
        if (reset != null
                && told.remaining().orElse(1) == 0
                && reset.compareTo(SHORTEST_RESET) >= 0
                && reset.compareTo(LONGEST_RESET) <= 0) {
            pausedUntil = Math.max(pausedUntil, now + reset.toNanos());
        }
    }

    /**
     * The service refused a call for its quota: nobody sends before it says.
     *
     * @param retryAfter how long the service asked to wait, or null if it did not say
     * @param told what it told of its quota
     * @return for how long nothing is sent
     */
    Duration refused(Permit permit, @Nullable Duration retryAfter, RateLimits told) {
        SharedQuota tell;
        Duration pause;
        lock.lock();
        try {
            long now = nanos();
            long before = pausedUntil;
            hear(told, permit);
            if (permit.number > permitsAtRefusal) {
                refusedAgain(permit, retryAfter, now);
            } else {
                pausedUntil = Math.max(pausedUntil, now + asked(retryAfter));
                learned.refusedToo(permit.cost.requests(), now, pausedUntil);
            }
            buckets.emptyUntil(pausedUntil, now);
            end(permit);
            tell = grants == null || pausedUntil == before ? null : grants.shared();
            pause = Duration.ofNanos(Math.max(0, pausedUntil - now));
        } finally {
            lock.unlock();
        }
        if (tell != null) {
            tellOf(pause.compareTo(LONGEST_SHARED_PAUSE) > 0 ? LONGEST_SHARED_PAUSE : pause, tell);
        }
        return pause;
    }

    /** One more refusal in a row, unless something that was sent after the last one has been answered. */
    private void refusedAgain(Permit permit, @Nullable Duration retryAfter, long now) {
        boolean first = refusalsInARow++ == 0;
        permitsAtRefusal = permits;
        long requests = permit.cost.requests();
        long wait = retryAfter != null || (first && learned.canTellWithout(requests))
                ? asked(retryAfter)
                : PAUSES.delay(refusalsInARow, random).toNanos();
        pausedUntil = Math.max(pausedUntil, now + wait);
        learned.refused(requests, now, pausedUntil, first);
    }

    private static long asked(@Nullable Duration retryAfter) {
        return retryAfter == null ? 0 : saturatedNanos(retryAfter);
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
