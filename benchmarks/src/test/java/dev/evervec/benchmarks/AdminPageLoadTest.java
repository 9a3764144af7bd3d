package dev.evervec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class AdminPageLoadTest {
    /** Says nothing about time: only that what is measured runs, and that everybody who watches is served. */
    @Test
    @Timeout(120)
    void aBuildIsMeasuredAloneAndWatched() throws Exception {
        assertThat(AdminPageLoad.measured(new AdminPageLoad.Effort(1_000, 2, 5, 3)))
                .startsWith("1,000 records of 500 characters")
                .contains("5 pollers, 3 event streams")
                .containsPattern(
                        "\\| 2 \\| \\d+\\.\\d\\d s \\| \\d+\\.\\d\\d s \\| \\d+\\.\\d{3} \\| \\d+\\.\\d\\d s \\|")
                .contains("median of the ratios ");
    }
}
