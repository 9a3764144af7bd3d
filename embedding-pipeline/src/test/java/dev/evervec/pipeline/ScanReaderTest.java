package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** How a scan is divided into pages. */
class ScanReaderTest {
    @Test
    void pagesBeginSmallSoThatTheFirstRequestNeedNotWaitForThousandsOfRecords() {
        assertThat(pages(3_600, Integer.MAX_VALUE, 16)).containsExactly(112, 224, 448, 896, 1_000, 920);
    }

    @Test
    void theFirstPageFillsARequest() {
        assertThat(pages(350, Integer.MAX_VALUE, 100)).containsExactly(100, 200, 50);
        assertThat(pages(1_000, Integer.MAX_VALUE, 300)).containsExactly(300, 600, 100);
        assertThat(pages(2_500, Integer.MAX_VALUE, 2_048)).containsExactly(1_000, 1_000, 500);
        assertThat(pages(1_500, Integer.MAX_VALUE, Integer.MAX_VALUE)).containsExactly(1_000, 500);
    }

    @Test
    void noPageIsLargerThanAWriteToTheStore() {
        assertThat(pages(70, 30, 100)).containsExactly(30, 30, 10);
    }

    private static List<Integer> pages(int records, int rowsPerWrite, int recordsPerRequest) {
        InMemorySource source = InMemorySource.of(IntStream.range(0, records)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text"))
                .toList());
        List<Integer> sizes = new ArrayList<>();
        try (ScanReader reader =
                new ScanReader(source.scan(null), BuildRequest.all(), rowsPerWrite, recordsPerRequest)) {
            for (ScanPage page = reader.nextSelected(); page != null; page = reader.nextSelected()) {
                sizes.add(page.records().size());
            }
        }
        return sizes;
    }
}
