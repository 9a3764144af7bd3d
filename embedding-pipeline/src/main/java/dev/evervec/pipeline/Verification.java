package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings.TooLong;
import dev.evervec.pipeline.EmbeddingGenerator.Generated;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.VerifyReport;
import dev.evervec.pipeline.report.VerifyReport.Failure;
import dev.evervec.pipeline.report.VerifyReport.Mismatch;
import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.KeptRewrite;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TokenUsage;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Compares stored vectors, taken at random, with vectors computed anew. Made by {@link BuildPipeline#verification}, which has
 * read the records already; {@link #estimate} tells the price, {@link #run} pays it. Not thread-safe.
 */
public final class Verification {
    private static final int FETCHED_AT_ONCE = 1000;

    private final EmbeddingStore store;
    private final Fingerprint fingerprint;
    private final LLMProvider embedder;
    private final TextSizer sizer;
    private final TooLong onTooLong;
    private final List<Checked> checked = new ArrayList<>();
    private int sampled;
    private int changed;
    private int unavailable;

    /** A stored vector, and the text that it is still that of. */
    private record Checked(StoredVector stored, String text) {}

    Verification(EmbeddingStore store, Fingerprint fingerprint, LLMProvider embedder, TooLong onTooLong) {
        this.store = store;
        this.fingerprint = fingerprint;
        this.embedder = embedder;
        this.sizer = new TextSizer(embedder);
        this.onTooLong = onTooLong;
    }

    /** Reads the records of these vectors. */
    Verification read(RecordSource records, List<StoredVector> sample) {
        for (int from = 0; from < sample.size(); from += FETCHED_AT_ONCE) {
            List<StoredVector> some = sample.subList(from, Math.min(sample.size(), from + FETCHED_AT_ONCE));
            FetchedRecords fetched = fetch(records, some);
            for (StoredVector stored : some) {
                sort(stored, fetched.records().get(stored.key()));
            }
        }
        return this;
    }

    private static FetchedRecords fetch(RecordSource records, List<StoredVector> some) {
        try {
            return records.fetch(some.stream()
                    .map(stored -> new RecordRef(stored.key(), Locator.NONE))
                    .toList());
        } catch (SourceException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new SourceException(Faults.unexpected("reading the record source", e), e);
        }
    }

    private void sort(StoredVector stored, @Nullable SourceRecord record) {
        sampled++;
        String prepared = record == null ? null : TextPreparer.prepare(record.title(), record.content());
        String whole = prepared == null || prepared.isBlank() ? prepared : rewritten(prepared);
        if (whole == null) {
            unavailable++;
            return;
        }
        SizedText text = whole.isBlank() ? null : sizer.fitUncounted(whole, onTooLong);
        if (text != null && text.hash().equals(stored.textHash())) {
            checked.add(new Checked(stored, text.text()));
        } else {
            changed++;
        }
    }

    /** What was embedded in place of the text; null if it is not kept. None is bought. */
    private @Nullable String rewritten(String prepared) {
        if (fingerprint.rewrite().isEmpty()) {
            return prepared;
        }
        Sha256 hash = Sha256.ofText(prepared);
        KeptRewrite kept = store.rewrites(fingerprint.rewrite(), Set.of(hash)).get(hash);
        return kept == null ? null : kept.text();
    }

    /** What {@link #run} will send, and what that costs; makes no call. */
    public BuildEstimate.Calls estimate() {
        RequestCounter requests = new RequestCounter(embedder.limits());
        long tokens = 0;
        Set<String> texts = new HashSet<>();
        for (Checked one : checked) {
            if (texts.add(one.text())) {
                SizedText sized = sizer.size(one.text());
                requests.add(sized.tokens(), sized.bytes());
                tokens += embedder.countTokens(one.text());
            }
        }
        return new BuildEstimate.Calls(
                texts.size(),
                requests.requestsOf(texts.size()),
                tokens,
                0,
                !embedder.countsTokensExactly(),
                0,
                PricedModel.of(embedder).costOf(tokens, 0));
    }

    /**
     * Computes the vectors anew and compares them. The calls go into the bill, under no job.
     *
     * @throws ProviderException if not a single vector could be computed; says why
     */
    public VerifyReport run() {
        if (checked.isEmpty()) {
            return report(0, List.of(), List.of(), TokenUsage.NONE);
        }
        Generated anew = EmbeddingGenerator.of(embedder)
                .withStore(store)
                .generate(checked.stream().map(Checked::text).toList());
        int matched = 0;
        List<Mismatch> mismatched = new ArrayList<>();
        List<Failure> failed = new ArrayList<>();
        for (int i = 0; i < checked.size(); i++) {
            StoredVector stored = checked.get(i).stored();
            Embedding vector = anew.embeddings().get(i);
            if (vector == null) {
                failed.add(
                        new Failure(stored.key(), String.valueOf(anew.failed().get(i))));
                continue;
            }
            double cosine = stored.embedding().cosine(vector);
            if (cosine >= VerifyReport.MATCH) {
                matched++;
            } else {
                mismatched.add(new Mismatch(stored.key(), cosine));
            }
        }
        return report(matched, mismatched, failed, anew.usage());
    }

    private VerifyReport report(int matched, List<Mismatch> mismatched, List<Failure> failed, TokenUsage usage) {
        return new VerifyReport(
                fingerprint.generation(),
                sampled,
                matched,
                mismatched,
                changed,
                unavailable,
                failed,
                usage,
                PricedModel.of(embedder).costOf(usage));
    }
}
