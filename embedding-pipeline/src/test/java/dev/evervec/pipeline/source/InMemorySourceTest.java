package dev.evervec.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class InMemorySourceTest extends RecordSourceContract {
    @Override
    protected RecordSource sourceOf(List<SourceRecord> records) {
        return InMemorySource.of(records);
    }

    @Test
    void ofTwoRecordsWithOneKeyBothAreScannedAndTheFirstIsFetched() {
        InMemorySource source =
                InMemorySource.of(List.of(SourceRecord.of("1", "first"), SourceRecord.of("1", "second")));

        List<SourceRecord> scanned = recordsOf(pages(source, null, 10, 1000));

        assertThat(scanned).extracting(SourceRecord::content).containsExactly("first", "second");
        assertThat(source.fetch(refs(scanned)).records().values())
                .extracting(SourceRecord::content)
                .containsExactly("first");
    }
}
