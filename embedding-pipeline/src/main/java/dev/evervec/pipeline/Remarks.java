package dev.evervec.pipeline;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.ScanSummary;
import java.util.ArrayList;
import java.util.List;

/** What an operator should know of a job beyond its counts. Part of the state machine. */
final class Remarks {
    private static final int NAMED_KEYS = 20;

    private final int maxAttempts;
    private final List<String> remarks = new ArrayList<>();
    private final List<String> duplicateKeys = new ArrayList<>();
    private final List<String> exhaustedKeys = new ArrayList<>();
    private long duplicates;
    private long exhausted;
    private long truncated;

    Remarks(int maxAttempts) {
        this.maxAttempts = maxAttempts;
    }

    void add(String remark) {
        remarks.add(remark);
    }

    void add(JobTicket.Resumed resumed) {
        add("carries on job " + resumed.jobId() + ", which was interrupted after "
                + resumed.spentUsd().toPlainString() + " USD; they count against a budget");
    }

    void add(List<String> several) {
        remarks.addAll(several);
    }

    void add(MarkedPage page) {
        duplicates += page.duplicates().size();
        exhausted += page.exhausted().size();
        nameSome(duplicateKeys, page.duplicates());
        nameSome(exhaustedKeys, page.exhausted());
    }

    void addDuplicate(RecordKey key) {
        duplicates++;
        nameSome(duplicateKeys, List.of(key));
    }

    void add(Embedded result) {
        truncated += result.detail() == null ? 0 : 1;
    }

    private static void nameSome(List<String> names, List<RecordKey> keys) {
        for (int i = 0; i < keys.size() && names.size() < NAMED_KEYS; i++) {
            names.add(keys.get(i).toString());
        }
    }

    void add(ScanSummary summary) {
        summary.removed()
                .forEach((source, count) ->
                        add(records(count) + " vanished from source " + source + " and left the ledger"));
        summary.kept()
                .forEach((source, count) -> add(records(count) + " vanished from source " + source
                        + "; that is too large a share to remove in one pass, so nothing was removed: build with"
                        + " --remove-vanished if they are really gone"));
    }

    List<String> all() {
        List<String> all = new ArrayList<>(remarks);
        if (duplicates > 0) {
            all.add(records(duplicates) + " an id that came before; the first one wins: " + named(duplicateKeys));
        }
        if (exhausted > 0) {
            all.add(records(exhausted) + " failed " + (maxAttempts == 1 ? "once" : maxAttempts + " times")
                    + "; left alone until the text changes or retry-failed --all takes them: " + named(exhaustedKeys));
        }
        if (truncated > 0) {
            all.add(records(truncated) + " a text longer than the model accepts; only its beginning was embedded");
        }
        return all;
    }

    private static String records(long count) {
        return count == 1 ? "1 record has" : count + " records have";
    }

    private static String named(List<String> keys) {
        return String.join(", ", keys) + (keys.size() == NAMED_KEYS ? ", …" : "");
    }
}
