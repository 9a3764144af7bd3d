package dev.evervec.benchmarks.contest;

import java.io.IOException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * {@link GeneratedPipeline} with a full collection again and again, so that what it keeps on the heap is seen and not what nobody
 * has collected yet. Its speed says nothing.
 */
public final class WeighedPipeline implements Contender {
    private static final int PAUSE_MILLIS = 300;

    private final GeneratedPipeline pipeline;

    /** One for the task. */
    public WeighedPipeline(Task task) throws IOException {
        this.pipeline = new GeneratedPipeline(task);
    }

    @Override
    public void prepare(int texts) throws IOException {
        pipeline.prepare(texts);
    }

    @Override
    public void run(int texts) {
        ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
        var weighing = timer.scheduleWithFixedDelay(System::gc, PAUSE_MILLIS, PAUSE_MILLIS, TimeUnit.MILLISECONDS);
        try {
            pipeline.run(texts);
        } finally {
            weighing.cancel(false);
            timer.shutdown();
        }
    }

    @Override
    public void close() throws IOException {
        pipeline.close();
    }
}
