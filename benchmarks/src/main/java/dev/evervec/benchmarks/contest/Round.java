package dev.evervec.benchmarks.contest;

/**
 * What came of one run of a contender.
 *
 * @param texts that it got vectors for
 * @param peakBytes most that was left on the heap after a collection
 * @param liveBytes the same, but only after collections that were asked for
 */
public record Round(int texts, long wallNanos, long cpuNanos, long allocatedBytes, long peakBytes, long liveBytes) {
    private static final String BEGIN = "round ";

    static Round of(int texts, Consumption.Taken taken) {
        return new Round(
                texts,
                taken.wallNanos(),
                taken.cpuNanos(),
                taken.allocatedBytes(),
                taken.peakBytes(),
                taken.liveBytes());
    }

    /** For {@link #parsed}. */
    String line() {
        return BEGIN + texts + " " + wallNanos + " " + cpuNanos + " " + allocatedBytes + " " + peakBytes + " "
                + liveBytes;
    }

    static boolean isLine(String line) {
        return line.startsWith(BEGIN);
    }

    static Round parsed(String line) {
        String[] words = line.split(" ", -1);
        return new Round(
                Integer.parseInt(words[1]),
                Long.parseLong(words[2]),
                Long.parseLong(words[3]),
                Long.parseLong(words[4]),
                Long.parseLong(words[5]),
                Long.parseLong(words[6]));
    }

    /** How long it took. */
    public double seconds() {
        return wallNanos / 1e9;
    }

    /** How fast it was. */
    public double vectorsPerSecond() {
        return texts / seconds();
    }

    /** Processor time. */
    public double cpuSecondsPerThousand() {
        return cpuNanos / 1e9 / texts * 1_000;
    }

    /** Allocated on the heap. */
    public double kilobytesPerVector() {
        return allocatedBytes / 1024.0 / texts;
    }

    /** Still used on the heap, at most, whenever that was looked at. */
    public double liveMegabytes() {
        return liveBytes / 1048576.0;
    }

    /** Left on the heap after a collection, at most. */
    public double peakMegabytes() {
        return peakBytes / 1048576.0;
    }
}
