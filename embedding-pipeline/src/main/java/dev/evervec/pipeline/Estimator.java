package dev.evervec.pipeline;

import dev.evervec.pipeline.PageAppraiser.Appraisal;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a scan to its end and adds up what a build would make of it. The calling thread reads and adds, in the order of the
 * scan; threads of its own prepare, hash and count.
 */
final class Estimator {
    private static final int MAX_THREADS = 8;
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final Logger log = LoggerFactory.getLogger(Estimator.class);

    private final PageAppraiser appraiser;
    private final EstimateTally tally;
    private final Remarks remarks;
    private final long maxBytesUnderWay;
    private final LongConsumer recordsRead;
    private final Deque<UnderWay> underWay = new ArrayDeque<>();
    private long bytesUnderWay;
    private long read;

    /** A page that is being appraised. */
    private record UnderWay(Future<List<Appraisal>> appraisals, ScanPage page, long bytes) {}

    Estimator(
            PageAppraiser appraiser,
            EstimateTally tally,
            Remarks remarks,
            long maxBytesUnderWay,
            LongConsumer recordsRead) {
        this.appraiser = appraiser;
        this.tally = tally;
        this.remarks = remarks;
        this.maxBytesUnderWay = maxBytesUnderWay;
        this.recordsRead = recordsRead;
    }

    /**
     * Reads all that is selected.
     *
     * @throws SourceException if the source cannot be read to its end
     * @throws CancellationException if this thread is interrupted; its flag is set
     */
    void read(RecordScan scan, BuildRequest request) {
        int atWork = Math.min(MAX_THREADS, Runtime.getRuntime().availableProcessors());
        Threads threads = new Threads();
        ExecutorService workers = Executors.newFixedThreadPool(atWork, threads.remembered("estimate"));
        boolean interrupted = false;
        try (ScanReader reader = new ScanReader(scan, request)) {
            for (ScanPage page = next(reader); page != null; page = next(reader)) {
                hand(page, workers);
                while (underWay.size() > atWork || (bytesUnderWay > maxBytesUnderWay && underWay.size() > 1)) {
                    takeFirst();
                }
            }
            while (!underWay.isEmpty()) {
                takeFirst();
            }
            remarks.add(reader.notes());
        } catch (InterruptedException e) {
            interrupted = true;
            throw new CancellationException("the estimate was interrupted");
        } finally {
            end(workers, threads);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static @Nullable ScanPage next(ScanReader reader) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        try {
            return reader.nextSelected();
        } catch (SourceException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new SourceException(Faults.unexpected("reading the record source", e), e);
        }
    }

    private void hand(ScanPage page, ExecutorService workers) {
        long bytes = page.records().stream().mapToLong(Estimator::bytes).sum();
        bytesUnderWay += bytes;
        underWay.addLast(new UnderWay(workers.submit(() -> appraiser.appraise(page)), page, bytes));
    }

    /** On the heap, twice what a text of one alphabet has as UTF-8. */
    private static long bytes(SourceRecord record) {
        return 2L * record.content().length();
    }

    private void takeFirst() throws InterruptedException {
        UnderWay first = underWay.removeFirst();
        try {
            appraiser.levels(tally.add(first.appraisals().get(), first.page.unreadable()));
        } catch (ExecutionException e) {
            throw asThrown(e.getCause());
        }
        bytesUnderWay -= first.bytes();
        read += first.page.records().size() + first.page.unreadable().size();
        recordsRead.accept(read);
    }

    private static RuntimeException asThrown(@Nullable Throwable cause) {
        if (cause instanceof RuntimeException thrown) {
            return thrown;
        }
        if (cause instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("an estimate cannot end like this", cause);
    }

    /** Nothing of the estimate goes on after it, unless it hangs in a host's provider or store. */
    private static void end(ExecutorService workers, Threads threads) {
        workers.shutdownNow();
        if (!threads.haveEnded("estimate", PATIENCE)) {
            log.warn("threads of an estimate are still at work: a provider or store does not answer");
        }
    }
}
