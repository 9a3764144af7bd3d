package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.RecordOutcome;
import java.util.ArrayList;
import java.util.List;

/** What is still to be told to files and listeners. However long nobody comes for it, one messenger is enough. Thread-safe. */
final class News {
    private BuildProgress progress; // guarded by this
    private List<RecordOutcome> outcomes = new ArrayList<>(); // guarded by this
    private boolean awaited; // guarded by this

    News(BuildProgress progress) {
        this.progress = progress;
    }

    /** What there was to tell: the newest progress, and everything that became of records since the last time. */
    record Untold(BuildProgress progress, List<RecordOutcome> outcomes) {}

    /** Says whether a messenger has to be sent; not if one is on the way. */
    synchronized boolean add(BuildProgress newProgress, List<RecordOutcome> newOutcomes) {
        progress = newProgress;
        outcomes.addAll(newOutcomes);
        boolean first = !awaited;
        awaited = true;
        return first;
    }

    synchronized Untold take() {
        Untold untold = new Untold(progress, outcomes);
        outcomes = new ArrayList<>();
        awaited = false;
        return untold;
    }
}
