package dev.evervec.benchmarks.contest;

import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceRecord;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Records that are all different and written nowhere; with {@link Long#MAX_VALUE} of them a build lasts until it is cancelled. */
public final class GeneratedSource implements RecordSource {
    private static final String SOURCE = "articles";
    private static final String SENTENCE =
            " The quick brown fox jumps over the lazy dog, and nobody counts how often. ";

    private final long count;
    private final int characters;

    /** That many records of that length. */
    public GeneratedSource(long count, int characters) {
        this.count = count;
        this.characters = characters;
    }

    @Override
    public RecordScan scan(@Nullable String source) {
        return new Scan();
    }

    @Override
    public FetchedRecords fetch(List<RecordRef> refs) {
        Map<RecordKey, SourceRecord> records = refs.stream()
                .map(ref -> record(Long.parseLong(ref.key().id())))
                .collect(Collectors.toMap(SourceRecord::key, Function.identity()));
        return new FetchedRecords(records, Map.of());
    }

    @Override
    public Set<String> sources() {
        return Set.of(SOURCE);
    }

    private SourceRecord record(long number) {
        String text =
                (number + SENTENCE).repeat(characters / SENTENCE.length() + 1).substring(0, characters);
        return SourceRecord.of(SOURCE, Long.toString(number), null, text);
    }

    private final class Scan implements RecordScan {
        private long next = 1;

        @Override
        public @Nullable ScanPage next(int maxRecords, long maxBytes) {
            long size = Math.min(Math.max(1, Math.min(maxRecords, maxBytes / characters)), count - next + 1);
            if (size <= 0) {
                return null;
            }
            List<SourceRecord> page = LongStream.range(next, next + size)
                    .mapToObj(GeneratedSource.this::record)
                    .toList();
            next += size;
            return new ScanPage(page, List.of());
        }

        @Override
        public void close() {}
    }
}
