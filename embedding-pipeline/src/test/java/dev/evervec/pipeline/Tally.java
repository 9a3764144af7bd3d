package dev.evervec.pipeline;

import java.util.Map;
import java.util.TreeMap;

/** How often each thing was met. */
final class Tally {
    private final Map<String, Long> met = new TreeMap<>();

    synchronized void met(String what) {
        met.merge(what, 1L, Long::sum);
    }

    synchronized void add(Tally other) {
        other.met.forEach((what, times) -> met.merge(what, times, Long::sum));
    }

    synchronized long of(String what) {
        return met.getOrDefault(what, 0L);
    }

    @Override
    public synchronized String toString() {
        StringBuilder table = new StringBuilder();
        met.forEach((what, times) -> table.append(String.format("%12d  %s%n", times, what)));
        return table.toString();
    }
}
