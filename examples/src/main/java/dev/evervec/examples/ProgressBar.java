package dev.evervec.examples;

import dev.evervec.pipeline.progress.BuildProgress;
import java.io.PrintStream;
import java.util.Locale;

/** Progress for a terminal: one line that is written over and goes away at the end. */
final class ProgressBar implements ProgressDisplay {
    private static final int WIDTH = 24;
    private static final String ERASE_LINE = "\r\u001B[K";
    private static final String GREEN = "\u001B[32m";
    private static final String PLAIN = "\u001B[0m";

    private final PrintStream err;
    private final boolean color;
    private boolean finished; // guarded by this

    ProgressBar(PrintStream err, boolean color) {
        this.err = err;
        this.color = color;
    }

    @Override
    public synchronized void onProgress(BuildProgress progress) {
        if (!finished) {
            err.print(ERASE_LINE + line(progress));
            err.flush();
        }
    }

    String line(BuildProgress progress) {
        BuildProgress.Stage embed = progress.embed();
        double share = embed.total() == 0 ? 0 : Math.min(1.0, (double) embed.done() / embed.total());
        StringBuilder line = new StringBuilder(progress.phase().code());
        if (progress.rewrite().total() > 0) {
            line.append(" | rewritten ").append(of(progress.rewrite())).append(" | embedded");
        }
        line.append(' ').append(bar(share)).append(String.format(Locale.ROOT, " %3d %% ", (int) (share * 100)));
        line.append(of(embed)).append(String.format(Locale.ROOT, "  %.0f/s", ProgressDisplay.perSecond(progress)));
        return line.append("  ETA ")
                .append(ProgressDisplay.clock(progress.eta()))
                .toString();
    }

    private String bar(double share) {
        int full = (int) (share * WIDTH);
        String done = "#".repeat(full);
        return "[" + (color ? GREEN + done + PLAIN : done) + "-".repeat(WIDTH - full) + "]";
    }

    private static String of(BuildProgress.Stage stage) {
        return SourceTable.count(stage.done()) + "/" + SourceTable.count(stage.total());
    }

    @Override
    public synchronized void finish() {
        if (!finished) {
            finished = true;
            err.print(ERASE_LINE);
            err.flush();
        }
    }
}
