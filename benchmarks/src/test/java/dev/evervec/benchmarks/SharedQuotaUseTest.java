package dev.evervec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class SharedQuotaUseTest {
    @Test
    @Timeout(300)
    void measuresWhatSeveralWorkersUseOfAQuota() throws Exception {
        String table = SharedQuotaUse.measured(new SharedQuotaUse.Effort(2, 1, 1));

        assertThat(table)
                .containsPattern(
                        "\\| 1,200 requests \\| 1 \\| [0-9.]+ \\| [0-9.]+ \\| [0-9.]+ \\| [0-9.]+ \\| [0-9.]+ \\|")
                .contains("600,000 tokens")
                .contains("median of the ratios");
    }
}
