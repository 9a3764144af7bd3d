package dev.evervec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class StoreThroughputTest {
    /** Says nothing about time: only that what is measured runs, on connections of both kinds. */
    @Test
    @Timeout(120)
    void theStoreIsMeasuredAgainstABareUpsert() throws Exception {
        assertThat(StoreThroughput.measured(new StoreThroughput.Effort(150, 1, List.of(100))))
                .startsWith("150 rows of 1,536 dimensions")
                .containsPattern("\\| 100 \\| from a URL \\| [\\d,]+ \\| [\\d,]+ \\| \\d+\\.\\d\\d \\|")
                .containsPattern("\\| 100 \\| a host's \\| [\\d,]+ \\| [\\d,]+ \\| \\d+\\.\\d\\d \\|");
    }
}
