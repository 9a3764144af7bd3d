package dev.evervec.examples;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Progress for log files: a line when the phase changes or the job is held up, and one every five seconds. */
final class ProgressLines implements ProgressDisplay {
    private static final Duration BETWEEN_LINES = Duration.ofSeconds(5);

    private final PrintStream err;
    private boolean finished; // guarded by this
    private @Nullable Phase phase; // guarded by this
    private boolean heldUp; // guarded by this
    private Instant printedAt = Instant.MIN; // guarded by this

    ProgressLines(PrintStream err) {
        this.err = err;
    }

    @Override
    public synchronized void onStart(String jobId) {
        if (!finished) {
            err.println("job " + jobId);
        }
    }

    @Override
    public synchronized void onProgress(BuildProgress progress) {
        boolean due = !progress.updatedAt().isBefore(printedAt.plus(BETWEEN_LINES));
        boolean holdUpBegins = progress.heldUpBy() != null && !heldUp;
        boolean news = progress.phase() != phase || holdUpBegins || due;
        if (finished || progress.embed().total() == 0 || !news) {
            return;
        }
        heldUp = progress.heldUpBy() != null;
        phase = progress.phase();
        printedAt = progress.updatedAt();
        err.println(line(progress));
    }

    static String line(BuildProgress progress) {
        String phase = progress.phase().code();
        if (ProgressDisplay.isOver(progress)) {
            return phase + " after " + ProgressDisplay.clock(ProgressDisplay.elapsed(progress));
        }
        StringBuilder line = new StringBuilder(phase).append(": ");
        if (progress.rewrite().total() > 0) {
            line.append("rewrite ").append(of(progress.rewrite())).append(", embed ");
        }
        line.append(of(progress.embed())).append(" done");
        double perSecond = ProgressDisplay.perSecond(progress);
        if (perSecond > 0) {
            line.append(String.format(Locale.ROOT, ", %.1f/s", perSecond));
        }
        if (progress.heldUpBy() != null) {
            line.append(", waiting: ").append(progress.heldUpBy());
        } else if (progress.eta() != null) {
            line.append(", about ")
                    .append(ProgressDisplay.clock(progress.eta()))
                    .append(" left");
        }
        return line.toString();
    }

    private static String of(BuildProgress.Stage stage) {
        return SourceTable.count(stage.done()) + " of " + SourceTable.count(stage.total());
    }

    @Override
    public synchronized void finish() {
        finished = true;
    }
}
