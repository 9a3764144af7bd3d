package dev.evervec.pipeline;

import dev.evervec.pipeline.store.BudgetAsk;
import dev.evervec.pipeline.store.BudgetGrant;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a worker may still spend. The most that a call can cost is reserved before it is sent, and settled when its end is known,
 * so that calls under way together cannot pass the budget. Owned by the thread of the state machine.
 *
 * <p>Who works alone has the whole budget. Who shares a job with others is granted portions of it by the store: enough for the
 * calls at hand, a fiftieth of the budget at least, and the next one before the last is used up. What it does not need it gives
 * back: at once if it cannot go on with what it has, else when it has had no use for it for a second. So at the end what is
 * left comes together with one worker, and nobody gives up while others hold what they may not need.
 */
final class Purse {
    private static final BigDecimal PORTIONS = BigDecimal.valueOf(50);
    private static final long PAUSE = Duration.ofSeconds(1).toNanos();
    private static final long NEVER = Long.MAX_VALUE;

    private final @Nullable BigDecimal budget;
    private final BigDecimal portion; // 0 if the budget is not shared
    private BigDecimal limit;
    private BigDecimal spent;
    private BigDecimal reserved = BigDecimal.ZERO;

    // with others
    private boolean asking;
    private boolean holding; // as far as the store knows
    private boolean exhausted; // there was not enough, and nobody held more; nothing was sent since
    private @Nullable BigDecimal needed; // of what was asked for; null if something was only given back
    private long notBefore = Long.MIN_VALUE;
    private long idleSince = NEVER;
    private long wake = NEVER;

    private Purse(@Nullable BigDecimal budget, BigDecimal portion, BigDecimal limit, BigDecimal spent) {
        this.budget = budget;
        this.portion = portion;
        this.limit = limit;
        this.spent = spent;
    }

    /**
     * A budget that nobody else spends.
     *
     * @param budget most that may be spent, or null without a cap
     * @param carried what the interrupted job had spent that this one carries on
     */
    static Purse alone(@Nullable BigDecimal budget, BigDecimal carried) {
        return new Purse(budget, BigDecimal.ZERO, budget == null ? BigDecimal.ZERO : budget, carried);
    }

    /**
     * A part of a budget that others spend too; nothing yet.
     *
     * @param budget most that all together may spend, or null without a cap
     */
    static Purse shared(@Nullable BigDecimal budget) {
        BigDecimal portion = budget == null ? BigDecimal.ZERO : budget.divide(PORTIONS, 12, RoundingMode.UP);
        return new Purse(budget, portion, BigDecimal.ZERO, BigDecimal.ZERO);
    }

    static Purse unlimited() {
        return alone(null, BigDecimal.ZERO);
    }

    /** What is neither spent nor reserved, 0 at least; null without a cap. */
    @Nullable
    BigDecimal left() {
        return budget == null ? null : limit.subtract(spent).subtract(reserved).max(BigDecimal.ZERO);
    }

    /** What the next call may cost, more to come included: null if that is not known. */
    @Nullable
    BigDecimal inReach() {
        return mayGetMore() ? null : left();
    }

    boolean affords(BigDecimal most) {
        BigDecimal left = left();
        return left == null || most.compareTo(left) <= 0;
    }

    /** Sets so much aside; false if there is not as much. */
    boolean tryReserve(BigDecimal most) {
        if (!affords(most)) {
            return false;
        }
        reserved = reserved.add(most);
        exhausted = false;
        return true;
    }

    /** What was reserved for a call is free again; what it cost is spent. */
    void settle(BigDecimal reservation, BigDecimal cost) {
        reserved = reserved.subtract(reservation);
        spent = spent.add(cost);
    }

    /** Whether everything that was reserved is settled. */
    boolean nothingReserved() {
        return reserved.signum() == 0;
    }

    // ---- with others ----

    /** Whether there may be more of the budget than is here. */
    boolean mayGetMore() {
        return portion.signum() > 0 && !exhausted;
    }

    /**
     * What is to be asked of the store now, or null if nothing.
     *
     * @param lacking what the next call costs at most if there is not as much, else null
     * @param atWork whether there is anything to be sent
     */
    @Nullable
    BudgetAsk ask(@Nullable BigDecimal lacking, boolean atWork, long now) {
        wake = NEVER;
        if (portion.signum() == 0 || asking) {
            return null;
        }
        if (mayGetMore() && (lacking != null || (atWork && runsLow()))) {
            idleSince = NEVER;
            return askForMore(lacking, now);
        }
        return giveBackIfIdle(lacking, now);
    }

    private boolean runsLow() {
        return limit.subtract(spent).subtract(reserved).compareTo(portion.movePointLeft(1)) < 0;
    }

    private @Nullable BudgetAsk askForMore(@Nullable BigDecimal lacking, long now) {
        if (now < notBefore) {
            wake = lacking == null ? NEVER : notBefore;
            return null;
        }
        boolean stuck = lacking != null && nothingReserved();
        BigDecimal kept = stuck ? BigDecimal.ZERO : limit.subtract(spent).max(BigDecimal.ZERO);
        BigDecimal least = lacking == null
                ? BigDecimal.ZERO
                : lacking.subtract(kept.subtract(reserved)).max(BigDecimal.ZERO);
        needed = least;
        return asks(kept, least, least.max(portion));
    }

    /** Nothing is under way and nothing is about to be. */
    private @Nullable BudgetAsk giveBackIfIdle(@Nullable BigDecimal lacking, long now) {
        if (!holding || lacking != null || !nothingReserved()) {
            idleSince = NEVER;
            return null;
        }
        if (idleSince == NEVER) {
            idleSince = now;
        }
        if (now - idleSince < PAUSE) {
            wake = idleSince + PAUSE;
            return null;
        }
        idleSince = NEVER;
        exhausted = false;
        needed = null;
        return asks(BigDecimal.ZERO, BigDecimal.ZERO, BigDecimal.ZERO);
    }

    private BudgetAsk asks(BigDecimal kept, BigDecimal least, BigDecimal wanted) {
        asking = true;
        limit = spent.add(kept);
        holding = kept.signum() > 0;
        return new BudgetAsk(spent, kept, least, wanted);
    }

    /** The store has answered. */
    void granted(BudgetGrant grant, long now) {
        asking = false;
        limit = limit.add(grant.granted());
        holding |= grant.granted().signum() > 0;
        boolean enough = needed == null
                || (grant.granted().signum() > 0 && grant.granted().compareTo(needed) >= 0);
        notBefore = enough ? now : now + PAUSE;
        exhausted = !enough && grant.rest() == BudgetGrant.Rest.KNOWN;
    }

    /** The store will not answer. */
    void notAnswered() {
        asking = false;
    }

    /** The worker ends: the store takes back what is left by itself. */
    void askNoMore() {
        wake = NEVER;
    }

    boolean isAsking() {
        return asking;
    }

    /** When {@link #ask} may have something to ask without an event, or {@link Long#MAX_VALUE}. */
    long nextWake() {
        return wake;
    }

    /** The budget and what became of it, in words. */
    String account() {
        return "the budget of " + (budget == null ? "any" : budget.toPlainString()) + " USD is used up: "
                + spent.stripTrailingZeros().toPlainString()
                + " USD are spent" + (portion.signum() > 0 ? " by this worker" : "")
                + ", and another request might pass it";
    }
}
