package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.Remaining;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.RetryBudget;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out the commands of the state machine, each on whatever thread calls it, and says as an event what came of it.
 * Decides nothing: whatever goes wrong becomes an event too.
 */
final class Hands implements AutoCloseable {
    /** How long a claim holds without being renewed, unless a test is in more of a hurry. */
    static final Duration LEASE = Duration.ofSeconds(60);

    private static final String PROBE_TEXT = "hello";

    private static final Logger log = LoggerFactory.getLogger(Hands.class);

    private final EmbeddingStore store;
    private final JobTicket job;
    private final RecordReader scan;
    private final Preparer preparer;
    private final LLMProvider embedder;
    private final @Nullable Rewriting rewriting;
    private final BuildRequest request;
    private final Duration lease;
    private final CancelSignal recall = new CancelSignal();
    /** Why an endpoint takes no more calls; set by the thread that hears it, before the state machine can. */
    private final Map<Capability, String> refusals = new ConcurrentHashMap<>();

    /**
     * How texts are rewritten.
     *
     * @param provider who rewrites
     * @param prompt what it is asked
     * @param fingerprint where its rewrites are kept
     */
    record Rewriting(LLMProvider provider, PromptTemplate prompt, String fingerprint) {}

    Hands(
            EmbeddingStore store,
            JobTicket job,
            RecordReader scan,
            BuildRequest request,
            Preparer preparer,
            LLMProvider embedder,
            @Nullable Rewriting rewriting) {
        this(store, job, scan, request, preparer, embedder, rewriting, LEASE);
    }

    Hands(
            EmbeddingStore store,
            JobTicket job,
            RecordReader scan,
            BuildRequest request,
            Preparer preparer,
            LLMProvider embedder,
            @Nullable Rewriting rewriting,
            Duration lease) {
        this.store = store;
        this.job = job;
        this.scan = scan;
        this.request = request;
        this.preparer = preparer;
        this.embedder = embedder;
        this.rewriting = rewriting;
        this.lease = lease;
    }

    /** How often the leases are to be renewed: three renewals may fail before they end. */
    Duration renewal() {
        return lease.dividedBy(4);
    }

    // ---- source ----

    /** Only one thread at a time. */
    Event scanPage() {
        try {
            return scan.next();
        } catch (SourceException e) {
            return new Event.ScanBroke(e.getMessage());
        } catch (RuntimeException | Error e) {
            return new Event.ScanBroke(Faults.unexpected("reading the record source", e));
        }
    }

    Event read(List<Claim> claims, long maxBytes) {
        try {
            return preparer.read(claims, maxBytes);
        } catch (SourceException e) {
            return new Event.ReadFailed(claims, e.getMessage());
        } catch (StoreException e) {
            return new Event.LookUpFailed(claims, e);
        } catch (RuntimeException | Error e) {
            return claims.size() == 1
                    ? unusable(claims, Reason.SOURCE_ERROR, Faults.unexpected("reading the record", e))
                    : readOneByOne(claims, maxBytes);
        }
    }

    /** One record that cannot be prepared must not take the others with it. */
    private Event readOneByOne(List<Claim> claims, long maxBytes) {
        List<Preparation> all = new ArrayList<>(claims.size());
        List<Claim> unread = new ArrayList<>();
        Event failure = null;
        long bytes = 0;
        for (Claim claim : claims) {
            if (bytes >= maxBytes && !all.isEmpty()) {
                unread.add(claim);
                continue;
            }
            Event read = read(List.of(claim), maxBytes);
            if (read instanceof Event.Prepared prepared) {
                all.addAll(prepared.records());
                bytes += prepared.records().stream().mapToLong(Preparer::bytes).sum();
            } else {
                unread.add(claim);
                failure = read;
            }
        }
        if (all.isEmpty() && failure instanceof Event.ReadFailed failed) {
            return new Event.ReadFailed(claims, failed.problem());
        } else if (all.isEmpty() && failure instanceof Event.LookUpFailed failed) {
            return new Event.LookUpFailed(claims, failed.failure());
        }
        return new Event.Prepared(all, unread);
    }

    private static Event unusable(List<Claim> claims, Reason reason, String problem) {
        return new Event.Prepared(
                claims.stream()
                        .<Preparation>map(claim -> new Preparation.Unusable(claim, null, reason, problem))
                        .toList(),
                List.of());
    }

    // ---- providers ----

    Event embed(RequestBatch<Work> batch) {
        try {
            checkNotRefused(Capability.EMBEDDING);
            CallContext context = contextOf(batch.cancelSignal());
            batch.begin();
            EmbedResponse response = embedder.embed(new EmbedRequest(batch.texts(), InputKind.DOCUMENT, context));
            return new Event.EmbedAnswered(batch, response);
        } catch (ProviderException e) {
            noteRefusal(Capability.EMBEDDING, e);
            return failed(batch, e);
        } catch (RuntimeException | Error e) {
            return failed(batch, Faults.ofProvider(embedder, e));
        }
    }

    private Event failed(RequestBatch<Work> batch, ProviderException failure) {
        return new Event.EmbedFailed(batch, failure, usageOf(embedder, batch.texts(), failure));
    }

    /** What has to be paid for a failed call, if the service told; else its input, if the service may have worked on it. */
    static TokenUsage usageOf(LLMProvider provider, List<String> texts, ProviderException failure) {
        TokenUsage told = failure.usage();
        if (told != null) {
            return told;
        }
        if (!(failure instanceof TransientProviderException passing) || !passing.mayBeBilled()) {
            return TokenUsage.NONE;
        }
        try {
            return TokenUsage.estimated(
                    texts.stream().mapToLong(provider::countTokens).sum(), 0);
        } catch (RuntimeException | Error e) {
            log.warn("{}", Faults.unexpected("counting the tokens of a failed call", e));
            return TokenUsage.NONE;
        }
    }

    Event rewrite(RewriteCall<Work> call) {
        Rewriting with = rewriting();
        Work work = call.item;
        String prompt = with.prompt().fill(work.title(), work.text().text());
        try {
            if (preparer.boughtMeanwhile(work)) {
                return new Event.RewriteNotAsked(call);
            }
            checkNotRefused(Capability.REWRITE);
            call.begin();
            RewriteResponse response =
                    with.provider().rewrite(new RewriteRequest(prompt, contextOf(call.cancelSignal())));
            Rewrite rewrite = Rewrite.of(with.prompt(), prompt, response.text());
            return new Event.RewriteAnswered(call, rewrite.text(), outcomeOf(work, rewrite), response.usage());
        } catch (StoreException e) {
            // Asking without having looked might pay for it twice.
            return new Event.RewriteNotFound(call, e);
        } catch (ProviderException e) {
            noteRefusal(Capability.REWRITE, e);
            return failed(call, prompt, e);
        } catch (RuntimeException | Error e) {
            return failed(call, prompt, Faults.ofProvider(with.provider(), e));
        }
    }

    private Event failed(RewriteCall<Work> call, String prompt, ProviderException failure) {
        return new Event.RewriteFailed(call, failure, usageOf(rewriting().provider(), List.of(prompt), failure));
    }

    private CallContext contextOf(CancelSignal signal) {
        CallContext.Priority priority = request.isLive() ? CallContext.Priority.LIVE : CallContext.Priority.BUILD;
        return new CallContext(null, priority, RetryBudget.none(), signal, recall);
    }

    /** The job stops: calls that still stand in line for quota are not sent. */
    void recallCalls() {
        recall.cancel();
    }

    /** The rewrite is paid for and kept, even if it cannot be measured. */
    private Preparation outcomeOf(Work work, Rewrite rewrite) {
        try {
            return preparer.rewritten(work, rewrite);
        } catch (RuntimeException | Error e) {
            return new Preparation.Unusable(
                    work.claim(),
                    work.contentHash(),
                    Reason.EMBED_TRANSIENT,
                    Faults.unexpected("measuring the rewrite", e));
        }
    }

    /** A call that was handed out before a refusal of the key was heard of does not leave after it. */
    private void checkNotRefused(Capability capability) {
        String refusal = refusals.get(capability);
        if (refusal != null) {
            throw PermanentProviderException.configuration(refusal, 0, null);
        }
    }

    /** A wrong dimension comes with a 200 and may be that of some texts only. */
    private void noteRefusal(Capability capability, ProviderException failure) {
        if (failure.owner() == FaultOwner.CONFIGURATION && failure.httpStatus() != 200) {
            refusals.putIfAbsent(capability, failure.getMessage());
        }
    }

    Event probe(Capability capability, CancelSignal signal) {
        LLMProvider provider = capability == Capability.REWRITE ? rewriting().provider() : embedder;
        CallContext context = contextOf(signal);
        try {
            return new Event.ProbeAnswered(
                    capability,
                    capability == Capability.REWRITE
                            ? provider.rewrite(new RewriteRequest(PROBE_TEXT, context))
                                    .usage()
                            : provider.embed(new EmbedRequest(List.of(PROBE_TEXT), InputKind.DOCUMENT, context))
                                    .usage());
        } catch (ProviderException e) {
            return new Event.ProbeFailed(capability, e);
        } catch (RuntimeException | Error e) {
            return new Event.ProbeFailed(capability, Faults.ofProvider(provider, e));
        }
    }

    private Rewriting rewriting() {
        if (rewriting == null) {
            throw new IllegalStateException("this job does not rewrite");
        }
        return rewriting;
    }

    // ---- store ----

    /** Only one thread at a time: the writer. */
    Event write(Command.StoreCommand command) {
        try {
            return written(command);
        } catch (StoreException e) {
            return new Event.StoreFailed(command, e);
        } catch (RuntimeException | Error e) {
            return new Event.StoreFailed(
                    command,
                    new StoreException(
                            StoreException.Kind.PERMANENT,
                            Faults.unexpected("writing to " + store.location(), e),
                            ProviderException.withoutMessage(e)));
        }
    }

    private Event written(Command.StoreCommand command) {
        if (command instanceof Command.Mark mark) {
            return new Event.PageMarked(store.mark(job, mark.page(), request.mode()));
        } else if (command instanceof Command.MarkFailed mark) {
            return new Event.FailedMarked(store.markFailed(job, mark.selection(), mark.limit()));
        } else if (command instanceof Command.Forget forget) {
            return new Event.Forgotten(store.forget(job, forget.gone()));
        } else if (command instanceof Command.NoteHeldUp note) {
            store.noteHeldUp(job, note.cause());
            return new Event.Noted(note);
        } else if (command instanceof Command.CloseScan close) {
            return new Event.ScanClosed(store.endScan(job, close.scope(), request.maxVanishedShare()));
        } else if (command instanceof Command.ClaimRecords claim) {
            List<Claim> claims = store.claim(job, claim.limit(), lease);
            return new Event.Claimed(claims, claims.isEmpty() ? store.remaining(job) : Remaining.LATER);
        } else if (command instanceof Command.Commit commit) {
            Set<RecordKey> refused = store.commit(job, commit.results(), commit.calls());
            return new Event.Committed(commit.results(), refused);
        } else if (command instanceof Command.KeepRewrites keep) {
            store.keepRewrites(job, rewriting().fingerprint(), keep.rewrites(), keep.calls());
            return new Event.Noted(keep);
        } else if (command instanceof Command.KeepOutcomes keep) {
            store.keepOutcomes(job, keep.outcomes());
            return new Event.Noted(keep);
        } else if (command instanceof Command.AskBudget ask) {
            return new Event.BudgetGranted(store.grantBudget(job, ask.ask()));
        } else if (command instanceof Command.CloseJob close) {
            return new Event.JobClosed(store.endJob(job, close.state(), close.untaken()));
        }
        throw new IllegalStateException("no such command: " + command.getClass());
    }

    boolean cancelRequested() {
        return store.cancelRequested(job);
    }

    void renewLeases() {
        store.renewLeases(job, lease);
    }

    /** Ends the scan of the source; on the thread that reads it. */
    @Override
    public void close() {
        try {
            scan.close();
        } catch (RuntimeException | Error e) {
            log.warn("job {}: {}", job.start().jobId(), Faults.unexpected("closing the record source", e));
        }
    }
}
