package dev.evervec.pipeline;

import static dev.evervec.pipeline.Watch.require;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** What is true of every job's end. */
final class Endings {
    private Endings() {}

    /** Each record is in one place, and each that was not embedded was told once, but for those never taken. */
    static void assertBooksBalance(Simulation simulation, BuildMachine.Ending ending) {
        require(ending.books().total() == ending.totalPending(), () -> "the books do not balance: " + ending);
        Map<Reason, Long> untold = new EnumMap<>(Reason.class);
        untold.putAll(ending.books().of(Reason.Kind.SKIPPED));
        untold.putAll(ending.books().of(Reason.Kind.FAILED));
        for (RecordOutcome outcome : simulation.told) {
            untold.merge(outcome.reason(), -1L, Long::sum);
        }
        untold.forEach((reason, count) -> {
            boolean maybeNeverTaken =
                    reason == Reason.ABORTED || reason == Reason.CANCELLED || reason == Reason.OVER_BUDGET;
            require(count == 0 || (maybeNeverTaken && count > 0), () -> count + " records untold: " + reason);
        });
        // Of a worker that stands still again and again, the same record may be taken over as often.
        List<RecordOutcome> once = simulation.told.stream()
                .filter(outcome -> outcome.reason() != Reason.SUPERSEDED)
                .toList();
        require(new HashSet<>(once).size() == once.size(), "a record was told twice");
        assertProgressNeverFalls(simulation.progress);
        BuildProgress last = simulation.progress.get(simulation.progress.size() - 1);
        require(
                ending.stopCause() != null
                        || last.rewrite().done() == last.rewrite().total(),
                () -> "not all is rewritten in the end: " + last);
        require(last.embed().done() == last.embed().total(), () -> "not all is done in the end: " + last);
    }

    private static void assertProgressNeverFalls(List<BuildProgress> progress) {
        for (int i = 1; i < progress.size(); i++) {
            BuildProgress before = progress.get(i - 1);
            BuildProgress after = progress.get(i);
            require(
                    after.embed().done() >= before.embed().done()
                            && after.rewrite().done() >= before.rewrite().done()
                            && after.phase().compareTo(before.phase()) >= 0,
                    () -> "progress fell: " + before + ", " + after);
            require(
                    after.embed().done() <= after.embed().total()
                            && after.rewrite().done() <= after.rewrite().total(),
                    () -> "more is done than there is: " + after);
        }
    }
}
