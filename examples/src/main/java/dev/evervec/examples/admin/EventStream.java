package dev.evervec.examples.admin;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Hands events over to the one thread that writes them to a client. What is new replaces what the client was too slow to take,
 * so that there is never more waiting than one event of each name, and whoever brings events never waits. Thread-safe.
 */
final class EventStream {
    private static final String HEARTBEAT = ":\n\n";

    private final Map<String, String> latest = new HashMap<>(); // guarded by this
    private final Map<String, String> waiting = new LinkedHashMap<>(); // guarded by this
    private boolean ended; // guarded by this

    /** Brings an event; one that tells nothing new is left out. */
    synchronized void offer(String name, String data) {
        if (!data.equals(latest.put(name, data))) {
            waiting.put(name, data);
            notifyAll();
        }
    }

    /** Nothing more is to be written. */
    synchronized void end() {
        ended = true;
        notifyAll();
    }

    /** What to write next: what is waiting, else after this time a heartbeat; null at the end. */
    synchronized @Nullable String next(long patienceNanos) throws InterruptedException {
        long since = System.nanoTime();
        while (!ended && waiting.isEmpty()) {
            long left = patienceNanos - (System.nanoTime() - since);
            if (left <= 0) {
                return HEARTBEAT;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        return ended ? null : takeAll();
    }

    /** The data is JSON on one line, so it needs no escaping. */
    private synchronized String takeAll() {
        StringBuilder text = new StringBuilder();
        waiting.forEach((name, data) -> text.append("event: ")
                .append(name)
                .append("\ndata: ")
                .append(data)
                .append("\n\n"));
        waiting.clear();
        return text.toString();
    }
}
