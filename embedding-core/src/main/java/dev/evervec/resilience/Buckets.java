package dev.evervec.resilience;

import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.SharedQuota.Amount;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** The known quotas of one account as the clock fills them. Guarded by the pacer's lock. */
final class Buckets {
    /*
     * Services count a minute in different ways: as a bucket that fills, by the clock's minute, or as the last 60 seconds. A
     * bucket that may be emptied at once and then fills at the whole rate passes the last kind of quota by what it holds. With
     * this share of the rate, and half a second's worth in the bucket, any 60 seconds carry no more than 99.4 % of a quota, and
     * what is left is for calls that overtake each other on their way.
     */
    static final double SHARE = 0.985;
    private static final double NANOS_HELD = 0.5e9;

    private @Nullable Bucket requests;
    private @Nullable Bucket tokens;

    Buckets(Account account) {
        retune(account, 0);
    }

    /** From now on these are the limits. */
    void retune(Account account, long now) {
        requests = retuned(requests, account.requestsPerMinute(), now);
        tokens = retuned(tokens, account.tokensPerMinute(), now);
    }

    private static @Nullable Bucket retuned(@Nullable Bucket bucket, OptionalInt perMinute, long now) {
        if (perMinute.isEmpty()) {
            return null;
        }
        double perNano = perMinute.getAsInt() * SHARE / 60e9;
        if (bucket == null) {
            return new Bucket(perNano, NANOS_HELD);
        }
        bucket.retune(perNano, now);
        return bucket;
    }

    /** Nanoseconds until so much may be taken; 0: now. */
    long until(Amount cost, long now) {
        long wait = requests == null ? 0 : requests.until(cost.requests(), now);
        return tokens == null ? wait : Math.max(wait, tokens.until(cost.tokens(), now));
    }

    void take(Amount cost) {
        if (requests != null) {
            requests.take(cost.requests());
        }
        if (tokens != null) {
            tokens.take(cost.tokens());
        }
    }

    /** So many tokens were taken too many, or, if negative, too few. */
    void giveBackTokens(long count, long now) {
        if (tokens != null) {
            tokens.giveBack(count, now);
        }
    }

    /** The service has told that no more is left. */
    void lowerRequests(double most, long now) {
        if (requests != null) {
            requests.lower(most, now);
        }
    }

    /** The service has told that no more is left. */
    void lowerTokens(double most, long now) {
        if (tokens != null) {
            tokens.lower(most, now);
        }
    }

    /** They fill from this time on, and have not filled before. */
    void fillFrom(long time) {
        if (requests != null) {
            requests.fillFrom(time);
        }
        if (tokens != null) {
            tokens.fillFrom(time);
        }
    }

    /** Nothing is left, and nothing comes in before then. */
    void emptyUntil(long time, long now) {
        if (requests != null) {
            requests.emptyUntil(time, now);
        }
        if (tokens != null) {
            tokens.emptyUntil(time, now);
        }
    }
}
