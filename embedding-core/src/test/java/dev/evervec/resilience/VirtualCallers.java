package dev.evervec.resilience;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.RateLimits;
import dev.evervec.resilience.Pacer.Permit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.locks.Condition;

/**
 * Callers that always have something to send, with one pacer in front of a {@link VirtualService}, in virtual time and on one
 * thread: while the head of the line waits, the answers of the others come in.
 */
final class VirtualCallers implements Timing {
    private static final long TO_REFUSE = Duration.ofMillis(20).toNanos();

    /** Something that happens later. */
    private record Event(long at, long number, Runnable what) {}

    /** What was asked of the service. */
    private record Asked(long at, long requests, long tokens, boolean refused) {}

    private final VirtualService service;
    private final Random random;
    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::number));
    private final List<Asked> asked = new ArrayList<>();
    private Duration latency = Duration.ofMillis(200);
    private int callers = 8;
    private boolean tellsQuota;
    private boolean tellsWait;
    private int requests = 1;
    private long start;
    private int largest = 1;
    private double estimate = 1;
    private long now;
    private long eventsMade;
    private int free;

    VirtualCallers(VirtualService service, long seed) {
        this.service = service;
        this.random = new Random(seed);
    }

    VirtualCallers callers(int count, Duration callLatency) {
        callers = count;
        latency = callLatency;
        return this;
    }

    /** The service has headers. */
    VirtualCallers tellingQuota() {
        tellsQuota = true;
        return this;
    }

    /** A refusal says how long to wait. */
    VirtualCallers tellingWait() {
        tellsWait = true;
        return this;
    }

    /** What is sent before this time comes in then, all at once. */
    VirtualCallers startingSlowly(Duration time) {
        start = time.toNanos();
        return this;
    }

    /** Each call counts as so many requests. */
    VirtualCallers textsPerCall(int count) {
        requests = count;
        return this;
    }

    /** Calls of any cost up to this, estimated at so many times what it is. */
    VirtualCallers tokensUpTo(int most, double estimatedAt) {
        largest = most;
        estimate = estimatedAt;
        return this;
    }

    VirtualCallers at(Duration time, Runnable what) {
        later(time.toNanos(), what);
        return this;
    }

    private void later(long time, Runnable what) {
        events.add(new Event(time, eventsMade++, what));
    }

    /** From the beginning to then; all have always something to send. */
    VirtualCallers run(Pacer pacer, Duration end) {
        free = callers;
        while (now < end.toNanos()) {
            if (free == 0) {
                passTo(events.element().at());
                continue;
            }
            long tokens = 1 + random.nextInt(largest);
            Permit permit =
                    pacer.acquire(requests, Math.round(tokens * estimate), CallContext.build(new CancelSignal()));
            free--;
            if (now < start) {
                later(start, () -> send(pacer, permit, tokens));
            } else {
                send(pacer, permit, tokens);
            }
        }
        return this;
    }

    private void send(Pacer pacer, Permit permit, long tokens) {
        long wait = service.ask(requests, tokens, now);
        asked.add(new Asked(now, requests, tokens, wait > 0));
        if (wait > 0) {
            later(now + TO_REFUSE, () -> {
                pacer.refused(permit, tellsWait ? Duration.ofNanos(wait) : null, told());
                free++;
            });
        } else {
            double jitter = 0.95 + 0.1 * random.nextDouble();
            later(now + (long) (latency.toNanos() * jitter), () -> {
                pacer.succeeded(permit, tokens, told());
                free++;
            });
        }
    }

    private RateLimits told() {
        return tellsQuota ? service.headers(now) : RateLimits.NONE;
    }

    private void passTo(long time) {
        now = Math.max(now, time);
        while (!events.isEmpty() && events.element().at() <= now) {
            events.remove().what().run();
        }
    }

    /** What part of so many a minute was accepted between two times. */
    double requestsUsed(long perMinute, Duration from, Duration to) {
        return accepted(from, to).stream().mapToLong(Asked::requests).sum() / (perMinute * minutes(from, to));
    }

    double tokensUsed(long perMinute, Duration from, Duration to) {
        return accepted(from, to).stream().mapToLong(Asked::tokens).sum() / (perMinute * minutes(from, to));
    }

    double refused(Duration from, Duration to) {
        long all = asked.stream().filter(call -> isBetween(call, from, to)).count();
        return 1 - (double) accepted(from, to).size() / all;
    }

    private static double minutes(Duration from, Duration to) {
        return to.minus(from).toNanos() / 60e9;
    }

    private List<Asked> accepted(Duration from, Duration to) {
        return asked.stream()
                .filter(call -> !call.refused() && isBetween(call, from, to))
                .toList();
    }

    private static boolean isBetween(Asked call, Duration from, Duration to) {
        return call.at() >= from.toNanos() && call.at() < to.toNanos();
    }

    @Override
    public Instant now() {
        return Instant.EPOCH.plusNanos(now);
    }

    @Override
    public long nanoTime() {
        return now;
    }

    @Override
    public void sleep(Duration duration, CancelSignal cancelSignal) {
        throw new AssertionError("a pacer does not sleep");
    }

    /** Returns early when an answer comes in. */
    @Override
    public void await(Condition condition, long nanos) {
        long next = events.isEmpty() ? Long.MAX_VALUE : events.element().at();
        passTo(Math.min(now + nanos, next));
    }
}
