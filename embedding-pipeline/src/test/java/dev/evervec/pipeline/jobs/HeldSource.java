package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/** Records whose scans wait until the test lets them go, or makes them fail. */
final class HeldSource implements RecordSource {
    private final RecordSource records;
    private final CountDownLatch arrived = new CountDownLatch(1);
    private final CountDownLatch decided = new CountDownLatch(1);
    private volatile @Nullable RuntimeException failure;
    private volatile boolean swallows;

    HeldSource(RecordSource records) {
        this.records = records;
    }

    /** Whether an interrupt ends the wait as if the test had let it go. */
    HeldSource swallowInterrupts(boolean swallow) {
        swallows = swallow;
        return this;
    }

    void letGo() {
        decided.countDown();
    }

    void fail(String message) {
        breakWith(new SourceException(message, null));
    }

    void breakWith(RuntimeException exception) {
        failure = exception;
        decided.countDown();
    }

    void awaitReader() {
        await(arrived);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public RecordScan scan(@Nullable String source) {
        RecordScan scan = records.scan(source);
        return new RecordScan() {
            @Override
            public @Nullable ScanPage next(int maxRecords, long maxBytes) {
                arrived.countDown();
                await(decided);
                decided.countDown();
                if (swallows) {
                    boolean unused = Thread.interrupted();
                }
                if (failure != null) {
                    throw failure;
                }
                return scan.next(maxRecords, maxBytes);
            }

            @Override
            public void close() {
                scan.close();
            }
        };
    }

    @Override
    public FetchedRecords fetch(List<RecordRef> refs) {
        return records.fetch(refs);
    }

    @Override
    public Set<String> sources() {
        return records.sources();
    }
}
