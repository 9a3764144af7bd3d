package dev.evervec.resilience;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.RetryBudget;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Tries a call again after a failure that may pass. Everything else it passes on as it comes. What is configured of its calls
 * and prices goes before what the provider says.
 */
final class RetryingProvider extends DelegatingProvider {
    private final CallPolicy policy;
    private final @Nullable TokenPrice configuredPrice;
    private final Timing timing;
    private final RandomGenerator random;

    RetryingProvider(
            LLMProvider delegate,
            CallPolicy policy,
            @Nullable TokenPrice configuredPrice,
            Timing timing,
            RandomGenerator random) {
        super(delegate);
        this.policy = policy;
        this.configuredPrice = configuredPrice;
        this.timing = timing;
        this.random = random;
    }

    @Override
    public CallPolicy callPolicy() {
        return policy;
    }

    @Override
    public @Nullable TokenPrice price() {
        return configuredPrice == null ? super.price() : configuredPrice;
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        return retrying(request.context(), () -> delegate().embed(request));
    }

    @Override
    public RewriteResponse rewrite(RewriteRequest request) {
        return retrying(request.context(), () -> delegate().rewrite(request));
    }

    private <T> T retrying(CallContext context, Supplier<T> call) {
        RetryBudget given = context.retryBudget();
        if (given != null && given.total() == 0) {
            return call.get();
        }
        Retries retries = new Retries(context, given == null ? RetryBudget.of(policy.maxRetries()) : given);
        while (true) {
            try {
                return call.get();
            } catch (TransientProviderException failure) {
                retries.waitOrGiveUp(failure);
            }
        }
    }

    /** The tries of one call; confined to its thread. */
    private final class Retries {
        private final CallContext context;
        private final RetryBudget budget;
        private int providerFailures;
        private int quotaFailures;
        private @Nullable Instant outOfQuotaSince;

        Retries(CallContext context, RetryBudget budget) {
            this.context = context;
            this.budget = budget;
        }

        /** Returns when the call may be tried again; throws the failure if it may not. */
        void waitOrGiveUp(TransientProviderException failure) {
            if (failure.failure() == Failure.CANCELLED) {
                throw failure;
            }
            Instant now = timing.now();
            Duration wait = longerOf(failure.retryAfter(), Backoff.DEFAULT.delay(failuresInARow(failure, now), random));
            if (endsTooLate(now, wait)) {
                throw failure;
            }
            if (failure.owner() != FaultOwner.QUOTA && !budget.tryTake()) {
                throw failure;
            }
            sleep(wait, failure);
        }

        private int failuresInARow(TransientProviderException failure, Instant now) {
            if (failure.owner() != FaultOwner.QUOTA) {
                outOfQuotaSince = null;
                quotaFailures = 0;
                return ++providerFailures;
            }
            if (outOfQuotaSince == null) {
                outOfQuotaSince = now;
            }
            return ++quotaFailures;
        }

        private boolean endsTooLate(Instant now, Duration wait) {
            Instant deadline = context.deadline();
            if (deadline != null) {
                return wait.compareTo(Duration.between(now, deadline)) >= 0;
            }
            Instant since = outOfQuotaSince == null ? now : outOfQuotaSince;
            return Duration.between(since, now).plus(wait).compareTo(Pacer.QUOTA_PATIENCE) > 0;
        }

        private void sleep(Duration wait, TransientProviderException failure) {
            try {
                timing.sleep(wait, context.cancelSignal());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw failure;
            }
            if (context.cancelSignal().isCancelled()) {
                TransientProviderException cancelled = TransientProviderException.cancelled();
                cancelled.addSuppressed(failure);
                throw cancelled;
            }
        }

        private static Duration longerOf(@Nullable Duration asked, Duration own) {
            return asked != null && asked.compareTo(own) > 0 ? asked : own;
        }
    }
}
