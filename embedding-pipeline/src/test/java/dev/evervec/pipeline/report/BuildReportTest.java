package dev.evervec.pipeline.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BuildReportTest {
    private static BuildReport report(long total, Map<Reason, Long> skipped, Map<Reason, Long> failed) {
        return new BuildReport(
                "j",
                BuildReport.State.FAILED,
                total,
                90,
                skipped,
                failed,
                Duration.ofMillis(245_300),
                12,
                TokenUsage.reported(1000, 5),
                new BigDecimal("0.000000201"),
                List.of(),
                null,
                Set.of(),
                Set.of(),
                (reason, consumer) -> {});
    }

    @Test
    void aReportThatDoesNotBalanceCannotBeMade() {
        assertThatThrownBy(() -> report(101, Map.of(Reason.EMPTY_CONTENT, 3L), Map.of(Reason.EMBED_PERMANENT, 7L)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("do not balance");
    }

    @Test
    void aReasonStandsOnItsOwnSideOfTheBooks() {
        assertThatThrownBy(() -> report(100, Map.of(Reason.EMBED_PERMANENT, 10L), Map.of()))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void theSummaryIsOneLineOfJsonWithPlainNumbers() {
        BuildReport report = report(100, Map.of(Reason.EMPTY_CONTENT, 3L), Map.of(Reason.EMBED_PERMANENT, 7L));

        assertThat(report.toJson())
                .isEqualTo(
                        "{\"job_id\":\"j\",\"state\":\"failed\",\"total_pending\":100,\"succeeded\":90,\"skipped\":{\"empty_content\":3},"
                                + "\"failed\":{\"embed_permanent\":7},\"duration_secs\":245.300,\"requests\":12,\"tokens\":1005,"
                                + "\"cost_usd\":0.000000201}");
    }

    @Test
    void everyReasonHasACodeThatLeadsBackToIt() {
        for (Reason reason : Reason.values()) {
            assertThat(Reason.ofCode(reason.code())).isEqualTo(reason);
        }
    }
}
