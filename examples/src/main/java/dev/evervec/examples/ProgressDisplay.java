package dev.evervec.examples;

import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Shows on standard error how far a build is. Updates come on the run's listener thread, the end on the main thread. */
interface ProgressDisplay extends BuildListener {
    /** Shows nothing more, and leaves the cursor at the beginning of a line. */
    void finish();

    /** A bar on a terminal, plain lines elsewhere. */
    static ProgressDisplay on(Shell shell) {
        return shell.terminal()
                ? new ProgressBar(shell.err(), Terminal.showsColor(shell))
                : new ProgressLines(shell.err());
    }

    /** Since the job began. */
    static Duration elapsed(BuildProgress progress) {
        return Duration.between(progress.startedAt(), progress.updatedAt());
    }

    /** Whether the job has ended: then there is no rate and no time left to speak of. */
    static boolean isOver(BuildProgress progress) {
        return switch (progress.phase()) {
            case SCANNING, REWRITING, EMBEDDING -> false;
            case COMPLETED, FAILED, CANCELLED -> true;
        };
    }

    /** Records that left the job, per second since it began; 0 before that says anything. */
    static double perSecond(BuildProgress progress) {
        double seconds = elapsed(progress).toMillis() / 1000.0;
        return seconds < 1 || isOver(progress) ? 0 : progress.embed().done() / seconds;
    }

    /** Like {@code 1:02:05} or {@code 0:07}; a question mark if it is not known. */
    static String clock(@Nullable Duration duration) {
        if (duration == null) {
            return "?";
        }
        long seconds = Math.max(0, duration.plusMillis(999).toSeconds());
        return seconds < 3600
                ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
                : String.format(Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
}
