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
        return Terminal.isTerminal(shell)
                ? new ProgressBar(shell.err(), Terminal.showsColor(shell))
                : new ProgressLines(shell.err());
    }

    /** Embedded or left out so far, per second since the job began; 0 if that cannot be said. */
    static double perSecond(BuildProgress progress) {
        double seconds =
                Duration.between(progress.startedAt(), progress.updatedAt()).toMillis() / 1000.0;
        return seconds <= 0 ? 0 : progress.embed().done() / seconds;
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
