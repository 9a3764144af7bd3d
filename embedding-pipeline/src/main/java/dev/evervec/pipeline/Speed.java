package dev.evervec.pipeline;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** How fast a count has grown of late. Not thread-safe. */
final class Speed {
    /** Long enough that answers for many records at once do not make it jump. */
    private static final long WINDOW = TimeUnit.SECONDS.toNanos(30);
    /** Before that nobody can tell. */
    private static final long LEAST = TimeUnit.SECONDS.toNanos(2);

    private static final long STEP = TimeUnit.SECONDS.toNanos(1);

    private final Deque<Sample> samples = new ArrayDeque<>();

    private record Sample(long at, long count) {}

    /** The count is this now; it never falls, and neither does the time. */
    void note(long count, long now) {
        Sample last = samples.peekLast();
        if (last == null || now - last.at >= STEP) {
            samples.addLast(new Sample(now, count));
        }
        while (samples.size() > 2 && now - samples.getFirst().at > WINDOW) {
            samples.removeFirst();
        }
    }

    /** By how much the count grows in a second, or null if it was not looked at for long enough. */
    @Nullable
    Double perSecond(long count, long now) {
        Sample first = samples.peekFirst();
        if (first == null || now - first.at < LEAST) {
            return null;
        }
        return (count - first.count) * (double) TimeUnit.SECONDS.toNanos(1) / (now - first.at);
    }
}
