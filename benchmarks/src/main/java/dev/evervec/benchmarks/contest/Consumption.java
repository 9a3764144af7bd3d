package dev.evervec.benchmarks.contest;

import com.sun.management.GarbageCollectionNotificationInfo;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import javax.management.Notification;
import javax.management.NotificationEmitter;
import javax.management.openmbean.CompositeData;

/**
 * What this process takes while something runs: processor time of all its threads, bytes allocated and the heap that is left after
 * collections, by what the collectors tell. Thread-safe.
 */
public final class Consumption {
    private static final long MOST_WAIT_MILLIS = 10_000;

    private final Set<String> heapPools = ManagementFactory.getMemoryPoolMXBeans().stream()
            .filter(pool -> pool.getType() == MemoryType.HEAP)
            .map(MemoryPoolMXBean::getName)
            .collect(Collectors.toUnmodifiableSet());
    private long collectionsHeardOf;
    private long collectionsBefore;
    private long usedAfterLast;
    private long allocated;
    private long peak;
    private long live;

    /**
     * What was taken.
     *
     * @param cpuNanos processor time of all threads
     * @param allocatedBytes on the heap
     * @param peakBytes most that was left on the heap after a collection
     * @param liveBytes most that was left after a collection that was asked for, which leaves nothing that is not used
     */
    public record Taken(long wallNanos, long cpuNanos, long allocatedBytes, long peakBytes, long liveBytes) {}

    /** Something to measure. */
    @FunctionalInterface
    public interface Work {
        /** Does it. */
        void run() throws Exception;
    }

    /** Listens to the collectors from now on; one for a process is enough. */
    public Consumption() {
        collectionsBefore = collections();
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            ((NotificationEmitter) collector)
                    .addNotificationListener((notification, unused) -> hear(notification), null, null);
        }
    }

    private static long collections() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .mapToLong(GarbageCollectorMXBean::getCollectionCount)
                .sum();
    }

    private synchronized void hear(Notification notification) {
        if (!notification.getType().equals(GarbageCollectionNotificationInfo.GARBAGE_COLLECTION_NOTIFICATION)) {
            return;
        }
        var told = GarbageCollectionNotificationInfo.from((CompositeData) notification.getUserData());
        var collection = told.getGcInfo();
        allocated += Math.max(0, heap(collection.getMemoryUsageBeforeGc()) - usedAfterLast);
        usedAfterLast = heap(collection.getMemoryUsageAfterGc());
        peak = Math.max(peak, usedAfterLast);
        if (told.getGcCause().equals("System.gc()")) {
            live = Math.max(live, usedAfterLast);
        }
        collectionsHeardOf++;
        notifyAll();
    }

    private long heap(Map<String, MemoryUsage> pools) {
        return pools.entrySet().stream()
                .filter(pool -> heapPools.contains(pool.getKey()))
                .mapToLong(pool -> pool.getValue().getUsed())
                .sum();
    }

    /** Runs it after a collection and tells what it took. */
    public Taken measure(Work work) throws Exception {
        System.gc();
        begin();
        long cpu = cpuNanos();
        long wall = System.nanoTime();
        work.run();
        long wallNanos = System.nanoTime() - wall;
        long cpuNanos = cpuNanos() - cpu;
        long peakBefore = peak();
        System.gc();
        return new Taken(wallNanos, cpuNanos, allocatedUntilNow(), peakBefore == 0 ? peak() : peakBefore, live());
    }

    private synchronized void begin() throws InterruptedException {
        awaitAll();
        allocated = 0;
        peak = 0;
        live = 0;
    }

    private synchronized long allocatedUntilNow() throws InterruptedException {
        awaitAll();
        return allocated;
    }

    private synchronized long peak() {
        return peak;
    }

    private synchronized long live() {
        return live;
    }

    private void awaitAll() throws InterruptedException {
        long end = System.nanoTime() + MOST_WAIT_MILLIS * 1_000_000;
        while (collectionsBefore + collectionsHeardOf < collections() && System.nanoTime() - end < 0) {
            wait(100);
        }
    }

    /** Processor time of this process so far. */
    public static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }
}
