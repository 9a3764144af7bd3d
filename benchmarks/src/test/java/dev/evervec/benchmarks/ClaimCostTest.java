package dev.evervec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ClaimCostTest {
    /** Says nothing about time: only that every record is claimed, and that the plans are told. */
    @Test
    @Timeout(120)
    void claimsOfSeveralWorkersAreMeasuredAndTheirPlansTold() throws Exception {
        assertThat(ClaimCost.measured(new ClaimCost.Effort(3_000, List.of(2))))
                .startsWith("3,000 records, claimed 256 at a time")
                .containsPattern("\\| 2 \\|( \\d+\\.\\d \\|){10} \\d+\\.\\d\\d \\|")
                .contains("Query Text: update evervec_ledger")
                .contains("using evervec_ledger_list on evervec_ledger");
    }
}
