package dev.evervec.examples;

import dev.evervec.pipeline.progress.BuildProgress;
import java.io.PrintStream;
import java.util.Locale;

/** Progress for a terminal: one line that is written over and goes away at the end. */
final class ProgressBar implements ProgressDisplay {
    private static final int WIDTH = 24;
    private static final int WIDTH_OF_TWO = 10;
    private static final String ERASE_LINE = "\r\u001B[K";

    // A line that went on in the next row could not be written over; on a narrow terminal its end is cut off instead.
    private static final String NO_WRAP = "\u001B[?7l";
    private static final String WRAP = "\u001B[?7h";
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
            err.print(ERASE_LINE + NO_WRAP + line(progress) + WRAP);
            err.flush();
        }
    }

    String line(BuildProgress progress) {
        BuildProgress.Stage embed = progress.embed();
        StringBuilder line = new StringBuilder(progress.phase().code()).append("  ");
        if (progress.rewrite().total() > 0) {
            line.append("rewrite ").append(bar(progress.rewrite(), WIDTH_OF_TWO));
            line.append("  embed ").append(bar(embed, WIDTH_OF_TWO));
        } else {
            line.append(bar(embed, WIDTH));
        }
        line.append("  ").append(of(embed));
        double perSecond = ProgressDisplay.perSecond(progress);
        if (perSecond > 0) {
            line.append(String.format(Locale.ROOT, "  %.0f/s", perSecond));
        }
        if (progress.heldUpBy() != null) {
            line.append("  waiting: ").append(progress.heldUpBy());
        } else if (!ProgressDisplay.isOver(progress)) {
            line.append("  ETA ").append(ProgressDisplay.clock(progress.eta()));
        }
        return line.toString();
    }

    private String bar(BuildProgress.Stage stage, int width) {
        double share = stage.total() == 0 ? 0 : Math.min(1.0, (double) stage.done() / stage.total());
        int full = (int) (share * width);
        String done = "#".repeat(full);
        return "[" + (color ? GREEN + done + PLAIN : done) + "-".repeat(width - full) + "]"
                + String.format(Locale.ROOT, " %3d %%", (int) (share * 100));
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
