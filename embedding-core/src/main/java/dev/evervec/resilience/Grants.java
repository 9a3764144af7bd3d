package dev.evervec.resilience;

import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.SharedQuota;
import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.SharedQuota.Amount;
import dev.evervec.provider.SharedQuota.Answer;
import dev.evervec.provider.SharedQuota.Ask;
import java.time.Duration;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a {@link SharedQuota} grants to the calls that stand in line here. Guarded by the pacer's lock.
 */
final class Grants {
    /*
     * Only the head of the line asks, one ask at a time. What it was granted belongs to the line: if a live call comes before
     * it, or the head leaves, the next one takes it. A call of a build is granted nothing further ahead than REACH, and comes
     * back REACH / 2 before that, so that no time is lost; so a live call anywhere waits for what has been taken by then and
     * not for all that stand in the lines of all processes, and a pause that another process met holds here too before long.
     *
     * What is left over (a call was cancelled, or used fewer tokens than it was taken for) is good for FRESH, as in a bucket
     * that holds a second's worth, and goes back with the next ask. Debts do too.
     *
     * A shared quota that fails, or does not answer within PATIENCE, is left alone for a while. Meanwhile buckets of our own
     * pace the calls as if nobody else drew on the account: if others do, the service refuses, which pauses us.
     */
    static final Duration PATIENCE = Duration.ofSeconds(5);
    static final Duration ALONE = Duration.ofSeconds(10);
    static final Duration REACH = Duration.ofSeconds(2);
    private static final long FRESH = Duration.ofSeconds(1).toNanos();
    private static final Logger log = LoggerFactory.getLogger(Grants.class);

    private final SharedQuota shared;
    private final Buckets alone;
    private Account account;
    private Amount level = Amount.NONE;
    private long from;
    private long freshUntil = Long.MIN_VALUE;
    private boolean asking;
    private long askedAt;
    private boolean lost;
    private long aloneUntil = Long.MIN_VALUE;

    Grants(SharedQuota shared, Account account) {
        this.shared = shared;
        this.account = account;
        this.alone = new Buckets(account);
    }

    SharedQuota shared() {
        return shared;
    }

    /** From now on these are the limits. */
    void retune(Account newAccount, long now) {
        account = newAccount;
        alone.retune(newAccount, now);
    }

    /** A call in line, and what it has been told. */
    static final class Claimant {
        final Amount cost;
        final Priority priority;
        private long askAgainAt = Long.MIN_VALUE;
        private long due;

        Claimant(Amount cost, Priority priority) {
            this.cost = cost;
            this.priority = priority;
        }
    }

    boolean isAsking() {
        return asking;
    }

    /** Whether the head of the line gets no further without asking. */
    boolean mustAsk(Claimant head, long now) {
        return !asking && now >= aloneUntil && !suffices(head.cost, now) && now >= head.askAgainAt;
    }

    /** What to ask now; the answer goes to {@link #heard}. */
    Ask ask(Claimant head, long patience, long now) {
        asking = true;
        askedAt = now;
        Amount returned = level;
        level = Amount.NONE;
        Duration mostWait = Duration.ofNanos(Math.max(0, patience));
        Duration mostAhead = head.priority == Priority.LIVE ? Pacer.LONGEST : REACH;
        return new Ask(withMargin(account), head.cost, returned, mostWait, mostAhead);
    }

    /** About the {@linkplain Buckets#SHARE share} that our own buckets are filled at, in whole numbers. */
    private static Account withMargin(Account account) {
        return new Account(
                account.name(), withMargin(account.requestsPerMinute()), withMargin(account.tokensPerMinute()));
    }

    private static OptionalInt withMargin(OptionalInt perMinute) {
        return perMinute.isEmpty() ? perMinute : OptionalInt.of(perMinute.getAsInt() - perMinute.getAsInt() / 64);
    }

    /** The ask for this call was answered, or failed. */
    void heard(Claimant asker, Ask ask, @Nullable Answer answer, @Nullable Throwable failure, long now) {
        asking = false;
        if (answer == null) {
            level = level.plus(ask.returned());
            lose(failure == null ? "it gave no answer" : String.valueOf(failure.getMessage()), now);
            return;
        }
        find();
        long wait = Pacer.saturatedNanos(answer.usableIn());
        if (answer.granted()) {
            level = level.plus(ask.wanted());
            from = now + wait;
            freshUntil = from + FRESH;
        } else {
            asker.due = now + wait;
            long early = asker.priority == Priority.LIVE ? 0 : REACH.toNanos() / 2;
            asker.askAgainAt = now + Math.max(1, Pacer.saturatedNanos(answer.fullIn()) - early);
        }
    }

    /** Nanoseconds until the head may go, or until there is something new; 0 or less: it may go. */
    long until(Claimant head, long patience, long now) {
        if (now >= aloneUntil && asking) {
            long left = askedAt + PATIENCE.toNanos() - now;
            if (left > 0) {
                return Math.max(1, Math.min(left, patience));
            }
            lose("it has not answered within " + PATIENCE.toSeconds() + " s", now);
        }
        if (now < aloneUntil) {
            return alone.until(head.cost, now);
        }
        if (suffices(head.cost, now)) {
            return from - now;
        }
        long wait = head.due - now;
        return wait > patience ? wait : Math.max(1, head.askAgainAt - now);
    }

    /** The head goes, as {@link #until} has just allowed. */
    void take(Amount cost, long now) {
        if (now < aloneUntil) {
            alone.take(cost);
        } else {
            level = level.minus(cost);
        }
    }

    void giveBackTokens(long count, long now) {
        if (now < aloneUntil) {
            alone.giveBackTokens(count, now);
        } else {
            level = level.plus(new Amount(0, count));
        }
    }

    private boolean suffices(Amount cost, long now) {
        boolean requests = account.requestsPerMinute().isEmpty() || level.requests() >= cost.requests();
        boolean tokens = account.tokensPerMinute().isEmpty() || level.tokens() >= cost.tokens();
        return now <= freshUntil && requests && tokens;
    }

    private void lose(String why, long now) {
        aloneUntil = now + ALONE.toNanos();
        if (!lost) {
            lost = true;
            log.warn(
                    "the quota of {} cannot be shared with other processes for now ({}): calls are paced as if there were none",
                    account.name(),
                    why);
        }
    }

    private void find() {
        aloneUntil = Long.MIN_VALUE;
        if (lost) {
            lost = false;
            log.info("the quota of {} is shared with other processes again", account.name());
        }
    }
}
