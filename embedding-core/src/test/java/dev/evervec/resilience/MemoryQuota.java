package dev.evervec.resilience;

import dev.evervec.provider.SharedQuota;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.LongSupplier;

/** A shared quota on the heap; answers at once. */
class MemoryQuota implements SharedQuota {
    private static final class State {
        double requests = Double.MAX_VALUE;
        double tokens = Double.MAX_VALUE;
        long requestsAt;
        long tokensAt;
        long pausedUntil;
    }

    final List<Ask> heard = new ArrayList<>();
    private final Map<String, State> accounts = new HashMap<>();
    private final LongSupplier nanos;

    MemoryQuota(LongSupplier nanos) {
        this.nanos = nanos;
    }

    @Override
    public CompletionStage<Answer> ask(Ask ask) {
        return CompletableFuture.completedStage(decide(ask));
    }

    final synchronized Answer decide(Ask ask) {
        heard.add(ask);
        long now = nanos.getAsLong();
        State state = state(ask.account().name());
        Kind requests = new Kind(ask.account().requestsPerMinute());
        Kind tokens = new Kind(ask.account().tokensPerMinute());
        state.requests = requests.refilled(state.requests + ask.returned().requests(), now - state.requestsAt);
        state.requestsAt = now;
        state.tokens = tokens.refilled(state.tokens + ask.returned().tokens(), now - state.tokensAt);
        state.tokensAt = now;
        double pause = Math.max(0, state.pausedUntil - now);
        double usableIn = Math.max(
                pause,
                Math.max(
                        requests.until(state.requests, ask.wanted().requests()),
                        tokens.until(state.tokens, ask.wanted().tokens())));
        double fullIn = Math.max(
                pause,
                Math.max(requests.until(state.requests, Long.MAX_VALUE), tokens.until(state.tokens, Long.MAX_VALUE)));
        boolean granted = usableIn <= ask.mostWait().toNanos()
                && fullIn <= ask.mostAhead().toNanos();
        if (granted) {
            state.requests -= ask.wanted().requests();
            state.tokens -= ask.wanted().tokens();
        }
        return new Answer(granted, Duration.ofNanos((long) usableIn), Duration.ofNanos((long) fullIn));
    }

    @Override
    public synchronized void pause(String account, Duration pause) {
        State state = state(account);
        state.pausedUntil = Math.max(state.pausedUntil, nanos.getAsLong() + pause.toNanos());
    }

    private State state(String account) {
        return accounts.computeIfAbsent(account, name -> new State());
    }

    private static final class Kind {
        final double perNano;
        final double capacity;

        Kind(OptionalInt perMinute) {
            this.perNano = perMinute.isPresent() ? perMinute.getAsInt() / 60e9 : Double.POSITIVE_INFINITY;
            this.capacity = perMinute.isPresent() ? Math.max(1, perMinute.getAsInt() / 60.0) : Double.MAX_VALUE;
        }

        double refilled(double level, long elapsed) {
            return Double.isInfinite(perNano) ? capacity : Math.min(capacity, level + elapsed * perNano);
        }

        double until(double level, long cost) {
            return Double.isInfinite(perNano) ? 0 : Math.max(0, (Math.min(capacity, cost) - level) / perNano);
        }
    }
}
