package dev.evervec.pipeline;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.UnreadableRecord;
import dev.evervec.pipeline.store.BudgetGrant;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.JobEnd;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.Remaining;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TokenUsage;
import java.util.List;
import java.util.Set;

/** Something that happened, told to the state machine. */
sealed interface Event {
    /** Comes from code of the host or of a vendor: the source and the providers. */
    sealed interface FromOutside extends Event {}

    /** Comes from the writer: the command that it was busy with is over. */
    sealed interface FromStore extends Event {}

    /** The run begins. */
    record Begin() implements Event {}

    /**
     * A page of the source was read; its records have about so many bytes of text. Missing are given records that the source
     * does not have.
     */
    record PageScanned(
            List<ScannedRecord> records, List<UnreadableRecord> unreadable, long textBytes, Set<RecordKey> missing)
            implements FromOutside {}

    /** The source has no more pages. */
    record SourceExhausted(List<String> notes) implements FromOutside {}

    /** The source could not be read on. */
    record ScanBroke(String problem) implements FromOutside {}

    /** The ledger was compared with a page. */
    record PageMarked(MarkedPage marked) implements FromStore {}

    /** So many failed records were put on the list; 0 if there are no more. */
    record FailedMarked(int count) implements FromStore {}

    /** Records left the ledger, but for those that another worker has claimed. */
    record Forgotten(Set<RecordKey> busy) implements FromStore {}

    /** The ledger knows that the scan is over. */
    record ScanClosed(ScanSummary summary) implements FromStore {}

    /** Records were claimed; if none was, what is to be expected of the list. */
    record Claimed(List<Claim> claims, Remaining remaining) implements FromStore {}

    /** Claimed records were read and prepared, in one way or the other; the rest is still to be read. */
    record Prepared(List<Preparation> records, List<Claim> unread) implements FromOutside {}

    /** What the store knows of claimed records could not be looked up; none of the claims was prepared. */
    record LookUpFailed(List<Claim> claims, StoreException failure) implements FromOutside {}

    /** The source could not be read; none of the claims was. */
    record ReadFailed(List<Claim> claims, String problem) implements FromOutside {}

    /** A rewrite arrived. */
    record RewriteAnswered(RewriteCall<Work> call, String rewritten, Preparation outcome, TokenUsage usage)
            implements FromOutside {}

    /** A rewrite need not be asked for: it was bought meanwhile, and whoever reads the record again finds it. */
    record RewriteNotAsked(RewriteCall<Work> call) implements FromOutside {}

    /** Nobody can say whether a rewrite was bought meanwhile. */
    record RewriteNotFound(RewriteCall<Work> call, StoreException failure) implements FromOutside {}

    /** A rewrite failed; usage is what may have to be paid for it all the same. */
    record RewriteFailed(RewriteCall<Work> call, ProviderException failure, TokenUsage usage) implements FromOutside {}

    /** Vectors arrived. */
    record EmbedAnswered(RequestBatch<Work> batch, EmbedResponse response) implements FromOutside {}

    /** An embedding call failed; usage is what may have to be paid for it all the same. */
    record EmbedFailed(RequestBatch<Work> batch, ProviderException failure, TokenUsage usage) implements FromOutside {}

    /** A probe was answered. */
    record ProbeAnswered(Capability capability, TokenUsage usage) implements FromOutside {}

    /** A probe failed. */
    record ProbeFailed(Capability capability, ProviderException failure) implements FromOutside {}

    /** Results were stored, but for those whose claim was lost. */
    record Committed(List<RecordResult> results, Set<RecordKey> refused) implements FromStore {}

    /** A part of the budget was granted, or not. */
    record BudgetGranted(BudgetGrant grant) implements FromStore {}

    /** What needs no answer was stored. */
    record Noted(Command.StoreCommand command) implements FromStore {}

    /** The store failed at a command. */
    record StoreFailed(Command.StoreCommand command, StoreException failure) implements FromStore {}

    /** The job's row was closed. */
    record JobClosed(JobEnd end) implements FromStore {}

    /** A host's thread wants the job to stop. */
    record CancelRequested() implements Event {}

    /** A command could not even be turned into an event of its own: nothing is certain any more. */
    record HandBroke(String problem) implements Event {}

    /** The time has come that the machine asked to be woken at. */
    record Tick() implements Event {}
}
