package dev.evervec.resilience;

import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.SharedQuota.Amount;
import org.jspecify.annotations.Nullable;

/**
 * The quotas of one account as the clock fills them. A bucket holds one second's worth, so that a minute never carries
 * noticeably more than the quota; a call that costs more than the bucket holds goes when the bucket is full and leaves a debt
 * that later calls wait out. Guarded by the pacer's lock.
 */
final class Buckets {
    private final @Nullable Bucket requests;
    private final @Nullable Bucket tokens;

    Buckets(Account account) {
        this.requests = account.requestsPerMinute().isPresent()
                ? new Bucket(account.requestsPerMinute().getAsInt())
                : null;
        this.tokens = account.tokensPerMinute().isPresent()
                ? new Bucket(account.tokensPerMinute().getAsInt())
                : null;
    }

    /** Nanoseconds until so much may be taken; 0: now. */
    long until(Amount cost, long now) {
        long wait = requests == null ? 0 : requests.until(cost.requests(), now);
        return tokens == null ? wait : Math.max(wait, tokens.until(cost.tokens(), now));
    }

    void take(Amount cost) {
        if (requests != null) {
            requests.level -= cost.requests();
        }
        if (tokens != null) {
            tokens.level -= cost.tokens();
        }
    }

    /** So many tokens were taken too many, or, if negative, too few. */
    void giveBackTokens(long count, long now) {
        if (tokens != null) {
            tokens.until(0, now);
            tokens.level = Math.min(tokens.capacity, tokens.level + count);
        }
    }

    /** A quota of one kind, refilled when somebody looks. */
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
