package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings.TooLong;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.KeptRewrite;
import dev.evervec.pipeline.store.KeptVector;
import dev.evervec.pipeline.store.Sha256;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Turns claimed records into texts to be sent. Decides nothing about a job; thread-safe. */
final class Preparer {
    private static final int FIRST_CHUNK = 32;
    private static final long SMALL_CHUNK_BYTES = 1L << 20;

    private final RecordSource records;
    private final EmbeddingStore store;
    private final TextSizer sizer;
    private final TooLong onTooLong;
    private final Fingerprint fingerprint;
    private final @Nullable String rewriteFingerprint;

    /** {@code fingerprint}: under which vectors and, if it has a part for them, rewrites are found. */
    Preparer(RecordSource records, EmbeddingStore store, TextSizer sizer, TooLong onTooLong, Fingerprint fingerprint) {
        this.records = records;
        this.store = store;
        this.sizer = sizer;
        this.onTooLong = onTooLong;
        this.fingerprint = fingerprint;
        this.rewriteFingerprint = fingerprint.rewrite().isEmpty() ? null : fingerprint.rewrite();
    }

    /**
     * Reads the records as they are now, a few at a time, until their texts have so many bytes: how long a record is shows only
     * when it is read. Every claim comes out once, prepared or unread.
     *
     * @throws SourceException if the source cannot be read and nothing was prepared before
     */
    Event.Prepared read(List<Claim> claims, long maxBytes) {
        List<Preparation> prepared = new ArrayList<>(claims.size());
        int chunk = FIRST_CHUNK;
        int next = 0;
        for (long bytes = 0; next < claims.size() && (next == 0 || bytes < maxBytes); ) {
            List<Preparation> read;
            try {
                read = read(claims.subList(next, Math.min(claims.size(), next + chunk)));
            } catch (SourceException e) {
                if (prepared.isEmpty()) {
                    throw e;
                }
                break;
            }
            next += read.size();
            prepared.addAll(read);
            long bytesOfChunk = read.stream().mapToLong(Preparer::bytes).sum();
            bytes += bytesOfChunk;
            chunk = bytesOfChunk < SMALL_CHUNK_BYTES ? chunk * 2 : Math.max(1, chunk / 2);
        }
        return new Event.Prepared(prepared, List.copyOf(claims.subList(next, claims.size())));
    }

    /** Bytes of the text that is to be sent, if there is one. */
    static long bytes(Preparation preparation) {
        if (preparation instanceof Preparation.Ready ready) {
            return ready.work().text().bytes();
        }
        return preparation instanceof Preparation.ToRewrite next
                ? next.work().text().bytes()
                : 0;
    }

    private List<Preparation> read(List<Claim> claims) {
        FetchedRecords fetched = records.fetch(claims.stream().map(Claim::ref).toList());
        List<Preparation> prepared = new ArrayList<>(claims.size());
        for (Claim claim : claims) {
            prepared.add(prepare(claim, fetched));
        }
        return withKeptVectors(rewriteFingerprint == null ? prepared : withKeptRewrites(prepared, rewriteFingerprint));
    }

    private List<Preparation> withKeptVectors(List<Preparation> prepared) {
        Set<Sha256> wanted = new HashSet<>();
        for (Preparation preparation : prepared) {
            if (preparation instanceof Preparation.Ready ready) {
                wanted.add(ready.work().text().hash());
            }
        }
        if (wanted.isEmpty()) {
            return prepared;
        }
        Map<Sha256, KeptVector> kept = store.vectors(fingerprint, wanted);
        return prepared.stream()
                .map(preparation -> withVector(preparation, kept))
                .toList();
    }

    private static Preparation withVector(Preparation preparation, Map<Sha256, KeptVector> kept) {
        if (!(preparation instanceof Preparation.Ready ready)) {
            return preparation;
        }
        KeptVector vector = kept.get(ready.work().text().hash());
        return vector == null || vector.job() < ready.claim().freshSince()
                ? preparation
                : new Preparation.Known(ready.work(), vector);
    }

    private Preparation prepare(Claim claim, FetchedRecords fetched) {
        RecordKey key = claim.key();
        SourceRecord record = fetched.records().get(key);
        if (record == null) {
            String problem = fetched.unreadable().get(key);
            return problem == null
                    ? new Preparation.Unusable(claim, null, Reason.VANISHED, "no longer in its source")
                    : new Preparation.Unusable(claim, null, Reason.SOURCE_ERROR, problem);
        }
        Sha256 contentHash = Sha256.ofContent(record.title(), record.content());
        String text = TextPreparer.prepare(record.title(), record.content());
        if (text.isBlank()) {
            return new Preparation.Unusable(
                    claim, contentHash, Reason.EMPTY_CONTENT, "nothing is left of the content without its markup");
        }
        Work work = new Work(claim, contentHash, record.title(), sizer.size(text));
        return rewriteFingerprint == null ? fitted(work) : new Preparation.ToRewrite(work);
    }

    private Preparation fitted(Work work) {
        SizedText fits = sizer.fit(work.text(), onTooLong);
        if (fits == null) {
            return new Preparation.Unusable(
                    work.claim(),
                    work.contentHash(),
                    Reason.INPUT_TOO_LONG,
                    String.valueOf(sizer.tooLong(work.text())));
        }
        return new Preparation.Ready(work.withText(fits));
    }

    private List<Preparation> withKeptRewrites(List<Preparation> prepared, String fingerprint) {
        Set<Sha256> wanted = new HashSet<>();
        for (Preparation preparation : prepared) {
            if (preparation instanceof Preparation.ToRewrite next) {
                wanted.add(next.work().text().hash());
            }
        }
        if (wanted.isEmpty()) {
            return prepared;
        }
        Map<Sha256, KeptRewrite> kept = store.rewrites(fingerprint, wanted);
        List<Preparation> result = new ArrayList<>(prepared.size());
        for (Preparation preparation : prepared) {
            KeptRewrite rewrite = preparation instanceof Preparation.ToRewrite next
                    ? kept.get(next.work().text().hash())
                    : null;
            result.add(
                    rewrite == null || rewrite.job() < preparation.claim().freshSince()
                            ? preparation
                            : rewritten(((Preparation.ToRewrite) preparation).work(), rewrite.text()));
        }
        return result;
    }

    /** Whether a rewrite of the text was bought since the text was read, for an equal text or by another worker. */
    boolean boughtMeanwhile(Work original) {
        Sha256 hash = original.text().hash();
        KeptRewrite kept = store.rewrites(Objects.requireNonNull(rewriteFingerprint), Set.of(hash))
                .get(hash);
        return kept != null && kept.job() >= original.claim().freshSince();
    }

    /** What a rewrite came to. */
    Preparation rewritten(Work original, Rewrite rewrite) {
        return rewrite.defect() == null
                ? rewritten(original, rewrite.text())
                : new Preparation.Unusable(
                        original.claim(), original.contentHash(), rewrite.defect(), rewrite.detail());
    }

    private Preparation rewritten(Work original, String rewrite) {
        return fitted(original.withText(sizer.size(rewrite)));
    }
}
