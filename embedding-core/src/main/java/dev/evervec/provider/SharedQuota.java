package dev.evervec.provider;

import java.time.Duration;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.CompletionStage;

/**
 * A quota that several processes draw on together, such as a table of the database that they all work on. Give it to providers
 * with {@link LLMProvider#shareQuota}.
 *
 * <p>Of each account it keeps one second's worth of requests and of tokens at most, which refill as time goes by. A call that
 * costs more than a second's worth goes when all of it is there, and leaves a debt that whoever comes next waits out. What is
 * granted is taken at once, also if it can only be used after a wait.
 *
 * <p>Thread-safe. No method blocks: the work is done on a thread of the implementation's own.
 */
public interface SharedQuota {
    /**
     * Asks for what calls need. The stage fails with any exception if the quota cannot be asked; whether something was taken is
     * unknown then.
     */
    CompletionStage<Answer> ask(Ask ask);

    /**
     * The service refused a call for its quota: nothing is granted to anybody before this much time has passed. Trouble is
     * nobody's to hear: whoever sends too early is refused again.
     *
     * @param account its {@linkplain Account#name name}
     */
    void pause(String account, Duration pause);

    /**
     * What the service counts together.
     *
     * @param name made of the provider, the host of the endpoint and the model; nothing of a key
     * @param requestsPerMinute in the service's own unit, or empty if there is no limit
     * @param tokensPerMinute or empty if there is no limit
     */
    record Account(String name, OptionalInt requestsPerMinute, OptionalInt tokensPerMinute) {
        public Account {
            Objects.requireNonNull(name, "name");
            Objects.requireNonNull(requestsPerMinute, "requestsPerMinute");
            Objects.requireNonNull(tokensPerMinute, "tokensPerMinute");
        }
    }

    /**
     * Requests, in the service's own unit, and tokens.
     *
     * @param requests may be negative where it is what is left of something
     * @param tokens may be negative where it is what is left of something
     */
    record Amount(long requests, long tokens) {
        /** Nothing. */
        public static final Amount NONE = new Amount(0, 0);

        /** Both together. */
        public Amount plus(Amount other) {
            return new Amount(requests + other.requests, tokens + other.tokens);
        }

        /** What is left without the other, perhaps less than nothing. */
        public Amount minus(Amount other) {
            return new Amount(requests - other.requests, tokens - other.tokens);
        }
    }

    /**
     * What is asked for. Of a kind that the account has no limit for, amounts mean nothing.
     *
     * @param account whose
     * @param wanted what is needed, all of it or nothing
     * @param returned what was granted before and not used; negative if more was used. Counts first, whatever the answer
     * @param mostWait nothing is granted that can be used later than this
     * @param mostAhead nothing is granted while it takes longer than this until the account is full again. So calls that
     *     may wait keep no more than this much time taken in advance, for others to come in between
     */
    record Ask(Account account, Amount wanted, Amount returned, Duration mostWait, Duration mostAhead) {
        public Ask {
            Objects.requireNonNull(account, "account");
            Objects.requireNonNull(wanted, "wanted");
            Objects.requireNonNull(returned, "returned");
            Objects.requireNonNull(mostWait, "mostWait");
            Objects.requireNonNull(mostAhead, "mostAhead");
        }
    }

    /**
     * What was decided.
     *
     * @param granted whether what was wanted has been taken
     * @param usableIn how long until it may be used, or, if it was not granted, could have been; not negative
     * @param fullIn how long it takes until the account is full again, not counting what was wanted now; not negative
     */
    record Answer(boolean granted, Duration usableIn, Duration fullIn) {
        public Answer {
            Objects.requireNonNull(usableIn, "usableIn");
            Objects.requireNonNull(fullIn, "fullIn");
        }
    }
}
