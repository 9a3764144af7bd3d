package dev.evervec.benchmarks.stub;

import java.util.Arrays;

/** What the stub was asked for. Thread-safe. */
final class StubStats {
    private long began;
    private long requests;
    private long refused;
    private long texts;
    private long tokens;
    private long latencyNanos;
    private long connections;
    private int underWay;
    private int mostAtOnce;
    private long[] unitsBySecond = {};
    private long[] tokensBySecond = {};
    private long[] refusedBySecond = {};

    StubStats(long now) {
        began = now;
    }

    /** Forgets everything; seconds are counted from now on. */
    synchronized void reset(long now) {
        began = now;
        requests = 0;
        refused = 0;
        texts = 0;
        tokens = 0;
        latencyNanos = 0;
        connections = 0;
        mostAtOnce = underWay;
        unitsBySecond = new long[0];
        tokensBySecond = new long[0];
        refusedBySecond = new long[0];
    }

    synchronized void connected() {
        connections++;
    }

    synchronized void refused(long now) {
        requests++;
        refused++;
        refusedBySecond = plus(refusedBySecond, 1, now);
    }

    /** A request is accepted, which counts as so many of what the quota counts. */
    synchronized void begun(long units, int textCount, long tokenCount, long now) {
        requests++;
        texts += textCount;
        tokens += tokenCount;
        unitsBySecond = plus(unitsBySecond, units, now);
        tokensBySecond = plus(tokensBySecond, tokenCount, now);
        underWay++;
        mostAtOnce = Math.max(mostAtOnce, underWay);
    }

    /** A request was answered after so long. */
    synchronized void answered(long nanos) {
        underWay--;
        latencyNanos += nanos;
    }

    private long[] plus(long[] bySecond, long amount, long now) {
        int second = (int) ((now - began) / 1_000_000_000L);
        long[] sums = second < bySecond.length ? bySecond : Arrays.copyOf(bySecond, second + 1);
        sums[second] += amount;
        return sums;
    }

    /** A line for each figure, as {@link java.util.Properties} reads them. */
    synchronized String told() {
        return "requests=" + requests + "\nrefused=" + refused + "\ntexts=" + texts + "\ntokens=" + tokens
                + "\nlatencyMillis=" + latencyNanos / 1_000_000 + "\nconnections=" + connections + "\nmostAtOnce="
                + mostAtOnce
                + "\nunitsBySecond=" + list(unitsBySecond) + "\ntokensBySecond=" + list(tokensBySecond)
                + "\nrefusedBySecond="
                + list(refusedBySecond) + "\n";
    }

    private static String list(long[] numbers) {
        return Arrays.toString(numbers).replaceAll("[\\[\\] ]", "");
    }
}
