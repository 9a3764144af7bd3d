package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.BudgetAsk;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Something that the state machine wants done. Every command but {@link Cut} and {@link Tell} is answered by one event. */
sealed interface Command {
    /** Read the next page of the source. */
    record ScanPage() implements Command {}

    /** Read and prepare claimed records, as long as their texts stay within about so many bytes. */
    record Read(List<Claim> claims, long maxBytes) implements Command {}

    /** Send a text to be rewritten. */
    record Rewrite(RewriteCall<Work> call) implements Command {}

    /** Send texts to be embedded. */
    record Embed(RequestBatch<Work> batch) implements Command {}

    /** Ask with a constant short text whether the endpoint works. */
    record Probe(Capability capability, CancelSignal signal) implements Command {}

    /** Cut the call or probe under way that has this signal. */
    record Cut(CancelSignal signal) implements Command {}

    /** Tell the outside how far the job is, which records were not embedded, and which calls were made. */
    record Tell(BuildProgress progress, List<RecordOutcome> outcomes, List<ProviderCall> calls) implements Command {}

    /** For the one writer. */
    sealed interface StoreCommand extends Command {}

    /** Compare a page with the ledger. */
    record Mark(List<ScannedRecord> page) implements StoreCommand {}

    /** Put failed records on the list, so many at most. */
    record MarkFailed(FailedSelection selection, int limit) implements StoreCommand {}

    /** Take records out of the ledger that their source has no more. */
    record Forget(Set<RecordKey> gone) implements StoreCommand {}

    /** Note why nothing gets through to a provider, or with null that something does again. */
    record NoteHeldUp(@Nullable String cause) implements StoreCommand {}

    /** End the scan. */
    record CloseScan(ScanScope scope) implements StoreCommand {}

    /** Claim records. */
    record ClaimRecords(int limit) implements StoreCommand {}

    /** Store results. */
    record Commit(List<RecordResult> results, List<ProviderCall> calls) implements StoreCommand {}

    /** Keep rewrites. */
    record KeepRewrites(Map<Sha256, String> rewrites, List<ProviderCall> calls) implements StoreCommand {}

    /** Keep outcomes of records that never entered the ledger. */
    record KeepOutcomes(List<RecordOutcome> outcomes) implements StoreCommand {}

    /** Ask for a part of the budget that is shared with other workers, or give some back. */
    record AskBudget(BudgetAsk ask) implements StoreCommand {}

    /** Close the job's row. */
    record CloseJob(JobState state, Reason untaken) implements StoreCommand {}
}
