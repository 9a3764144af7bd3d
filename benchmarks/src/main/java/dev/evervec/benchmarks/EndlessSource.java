package dev.evervec.benchmarks;

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

/** Records of 500 different characters, without end: a build that lasts until it is cancelled. */
final class EndlessSource implements RecordSource {
    private static final String SOURCE = "articles";
    private static final String SENTENCE =
            " The quick brown fox jumps over the lazy dog, and nobody counts how often. ";
    private static final int CHARS = 500;

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

    private static SourceRecord record(long number) {
        String text = (number + SENTENCE).repeat(CHARS / SENTENCE.length() + 1).substring(0, CHARS);
        return SourceRecord.of(SOURCE, Long.toString(number), null, text);
    }

    private static final class Scan implements RecordScan {
        private long next = 1;

        @Override
        public ScanPage next(int maxRecords, long maxBytes) {
            long count = Math.max(1, Math.min(maxRecords, maxBytes / CHARS));
            List<SourceRecord> page = LongStream.range(next, next + count)
                    .mapToObj(EndlessSource::record)
                    .toList();
            next += count;
            return new ScanPage(page, List.of());
        }

        @Override
        public void close() {}
    }
}
