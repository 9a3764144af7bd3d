package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import java.util.EnumMap;
import java.util.Map;

/** Counts what became of the records of a job: each of them once. Owned by the thread of the state machine. */
final class Books {
    private final Map<Reason, Long> notEmbedded = new EnumMap<>(Reason.class);
    private long succeeded;

    void succeeded() {
        succeeded++;
    }

    void notEmbedded(Reason reason, long count) {
        if (count > 0) {
            notEmbedded.merge(reason, count, Long::sum);
        }
    }

    long succeededCount() {
        return succeeded;
    }

    long total() {
        return succeeded + sum(Reason.Kind.SKIPPED) + sum(Reason.Kind.FAILED);
    }

    long sum(Reason.Kind kind) {
        return of(kind).values().stream().mapToLong(Long::longValue).sum();
    }

    Map<Reason, Long> of(Reason.Kind kind) {
        Map<Reason, Long> counts = new EnumMap<>(Reason.class);
        notEmbedded.forEach((reason, count) -> {
            if (reason.kind() == kind) {
                counts.put(reason, count);
            }
        });
        return counts;
    }
}
