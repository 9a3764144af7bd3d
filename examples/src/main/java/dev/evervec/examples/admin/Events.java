package dev.evervec.examples.admin;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells every open page what has changed. While there is a stream, one thread looks once a second and hands what is new to
 * all of them; what is written to a client is written by that client's own thread, so a slow one holds up nobody. Thread-safe.
 */
final class Events implements AutoCloseable {
    static final int MOST_STREAMS = 64;
    private static final Logger log = LoggerFactory.getLogger(Events.class);

    private final Map<String, Supplier<String>> questions;
    private final Set<EventStream> streams = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService ticker = Executors.newSingleThreadScheduledExecutor(Events::thread);
    private final ScheduledFuture<?> ticking;
    private boolean closed; // guarded by this
    private boolean failing; // owned by the ticker

    /**
     * @param questions by the name of the event, what to look at; each gives JSON on one line
     */
    Events(Map<String, Supplier<String>> questions, Duration interval) {
        this.questions = new LinkedHashMap<>(questions);
        long nanos = interval.toNanos();
        ticking = ticker.scheduleWithFixedDelay(this::tick, nanos, nanos, TimeUnit.NANOSECONDS);
    }

    private static Thread thread(Runnable task) {
        Thread thread = new Thread(task, "evervec-admin-events");
        thread.setDaemon(true);
        return thread;
    }

    /**
     * A new stream, which begins with everything there is.
     *
     * @throws Problem 503 if there are too many
     */
    EventStream open() {
        EventStream stream = new EventStream();
        questions.forEach((name, question) -> stream.offer(name, question.get()));
        add(stream);
        return stream;
    }

    private synchronized void add(EventStream stream) {
        if (closed || streams.size() >= MOST_STREAMS) {
            throw Problem.of(
                    503, "too_many_streams", "too many pages are open: ask for the status every few seconds instead");
        }
        streams.add(stream);
    }

    /** Nobody reads this one any more. */
    void leave(EventStream stream) {
        streams.remove(stream);
    }

    /** Looks once. */
    void tick() {
        if (streams.isEmpty()) {
            return;
        }
        try {
            questions.forEach((name, question) -> {
                String answer = question.get();
                streams.forEach(stream -> stream.offer(name, answer));
            });
            failing = false;
        } catch (RuntimeException | Error e) {
            // Not thrown: it would be the last look.
            if (!failing) {
                log.warn("open pages hear nothing new until this is over: {}", e.toString());
            }
            failing = true;
        }
    }

    /** Ends all streams. */
    @Override
    public void close() {
        ticking.cancel(true);
        ticker.shutdownNow();
        synchronized (this) {
            closed = true;
        }
        streams.forEach(EventStream::end);
    }
}
