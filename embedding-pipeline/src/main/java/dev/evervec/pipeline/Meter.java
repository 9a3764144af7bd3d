package dev.evervec.pipeline;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Makes calls without a job around them: turns what comes of each into an answer, and writes it down for the bill. Thread-safe. */
final class Meter {
    private final LLMProvider provider;
    private final Capability capability;
    private final PricedModel model;
    private final Set<Open> open = new LinkedHashSet<>(); // guarded by this
    private final List<ProviderCall> calls = new ArrayList<>(); // guarded by this

    /** A call under way; every one is different. */
    private static final class Open {
        final List<String> sent;
        final long sentAt = System.nanoTime();

        Open(List<String> sent) {
            this.sent = sent;
        }
    }

    /** What is to be done with an answer, or with a failure, on the deciding thread. */
    interface Then<R> {
        void apply(R what, long now);
    }

    Meter(LLMProvider provider, Capability capability) {
        this.provider = provider;
        this.capability = capability;
        this.model = PricedModel.of(provider);
    }

    /** Makes a call that sends these texts. */
    <R> CallLoop.Answer call(
            List<String> sent,
            Supplier<R> call,
            Function<R, TokenUsage> usage,
            Then<R> answered,
            Then<ProviderException> failed) {
        Open begun = begin(sent);
        try {
            R answer = call.get();
            end(begun, usage.apply(answer), null);
            return now -> answered.apply(answer, now);
        } catch (ProviderException e) {
            return failed(begun, e, failed);
        } catch (RuntimeException | Error e) {
            return failed(begun, Faults.ofProvider(provider, e), failed);
        }
    }

    private CallLoop.Answer failed(Open begun, ProviderException failure, Then<ProviderException> failed) {
        end(begun, Hands.usageOf(provider, begun.sent, failure), failure);
        return now -> failed.apply(failure, now);
    }

    private synchronized Open begin(List<String> sent) {
        Open begun = new Open(sent);
        open.add(begun);
        return begun;
    }

    private synchronized void end(Open begun, TokenUsage usage, @Nullable ProviderException failure) {
        if (open.remove(begun)) {
            calls.add(row(begun, usage, failure));
        }
    }

    private ProviderCall row(Open begun, TokenUsage usage, @Nullable ProviderException failure) {
        return new ProviderCall(
                Instant.now(),
                Duration.ofNanos(System.nanoTime() - begun.sentAt),
                model.identity().provider(),
                model.identity().model(),
                capability,
                begun.sent.size(),
                usage,
                model.costOf(usage),
                failure == null ? null : BuildMachine.wordFor(failure),
                List.of());
    }

    /** Tokens of all calls that have ended. */
    synchronized TokenUsage usage() {
        return calls.stream().map(ProviderCall::usage).reduce(TokenUsage.NONE, TokenUsage::plus);
    }

    /** All calls; those still under way were let go, and nobody will hear what they came to. */
    synchronized List<ProviderCall> close() {
        ProviderException letGo = TransientProviderException.cancelled();
        for (Open begun : List.copyOf(open)) {
            end(begun, Hands.usageOf(provider, begun.sent, letGo), letGo);
        }
        return List.copyOf(calls);
    }
}
