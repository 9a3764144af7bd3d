package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.RecordOutcome;
import java.util.ArrayList;
import java.util.List;

/** What is still to be told to files and listeners. However long nobody comes for it, one messenger is enough. Thread-safe. */
final class News {
    private BuildProgress progress; // guarded by this
    private List<RecordOutcome> outcomes = new ArrayList<>(); // guarded by this
    private List<ProviderCall> calls = new ArrayList<>(); // guarded by this
    private boolean awaited; // guarded by this

    News(BuildProgress progress) {
        this.progress = progress;
    }

    /** What there was to tell: the newest progress, what became of records since the last time, and the calls made. */
    record Untold(BuildProgress progress, List<RecordOutcome> outcomes, List<ProviderCall> calls) {}

    /** Says whether a messenger has to be sent; not if one is on the way. */
    synchronized boolean add(Command.Tell tell) {
        progress = tell.progress();
        outcomes.addAll(tell.outcomes());
        calls.addAll(tell.calls());
        boolean first = !awaited;
        awaited = true;
        return first;
    }

    synchronized Untold take() {
        Untold untold = new Untold(progress, outcomes, calls);
        outcomes = new ArrayList<>();
        calls = new ArrayList<>();
        awaited = false;
        return untold;
    }
}
