package dev.evervec.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.progress.BuildProgress.Stage;
import dev.evervec.pipeline.progress.Wait;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.provider.TokenUsage;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class JobMetersTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final EvervecMetrics metrics = EvervecMetrics.on(registry);

    private static BuildProgress progress(String job, long splits, Map<Wait, Duration> waited) {
        return new BuildProgress(
                job,
                Phase.EMBEDDING,
                Stage.NONE,
                Stage.NONE,
                Instant.EPOCH,
                Instant.EPOCH,
                null,
                null,
                0,
                0,
                null,
                null,
                splits,
                waited);
    }

    private static BuildReport report(String job) {
        return new BuildReport(
                job,
                BuildReport.State.COMPLETED,
                0,
                0,
                Map.of(),
                Map.of(),
                Duration.ZERO,
                0,
                TokenUsage.NONE,
                null,
                List.of(),
                null,
                Set.of(),
                Set.of(),
                (reason, consumer) -> {});
    }

    private double splits() {
        return registry.get("evervec.splits").counter().count();
    }

    private double waits(String cause) {
        return registry.get("evervec.waits").tag("cause", cause).counter().count();
    }

    @Test
    void sumsOfProgressAreCountedOnce() {
        metrics.onStart("one");
        metrics.onProgress(progress("one", 2, Map.of(Wait.QUOTA, Duration.ofMillis(1500))));
        metrics.onProgress(progress("one", 2, Map.of(Wait.QUOTA, Duration.ofMillis(1500))));
        metrics.onProgress(
                progress("one", 5, Map.of(Wait.QUOTA, Duration.ofMillis(2500), Wait.OUTAGE, Duration.ofSeconds(9))));

        assertThat(splits()).isEqualTo(5);
        assertThat(waits("quota")).isEqualTo(2.5);
        assertThat(waits("outage")).isEqualTo(9);
        assertThat(waits("retry")).isZero();
    }

    @Test
    void jobsOneAfterTheOtherGoOnAddingUp() {
        metrics.onStart("one");
        metrics.onProgress(progress("one", 2, Map.of()));
        metrics.onEnd(report("one"));
        metrics.onStart("two");
        metrics.onProgress(progress("two", 3, Map.of()));

        assertThat(splits()).isEqualTo(5);
    }

    @Test
    void jobsBesideEachOtherDoNotDisturbEachOther() {
        metrics.onStart("build");
        metrics.onStart("live");
        metrics.onProgress(progress("build", 10, Map.of()));
        metrics.onProgress(progress("live", 1, Map.of()));
        metrics.onProgress(progress("build", 11, Map.of()));

        assertThat(splits()).isEqualTo(12);
    }

    @Test
    void anIdThatIsUsedAgainBeginsAnewAsLiveRunsDo() {
        metrics.onStart("live");
        metrics.onProgress(progress("live", 4, Map.of(Wait.RETRY, Duration.ofSeconds(4))));
        metrics.onStart("live");
        metrics.onProgress(progress("live", 1, Map.of(Wait.RETRY, Duration.ofSeconds(1))));

        assertThat(splits()).isEqualTo(5);
        assertThat(waits("retry")).isEqualTo(5);
    }

    @Test
    void prometheusSeesCountersBeforeAnythingHasHappened() {
        PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

        EvervecMetrics.on(prometheus);

        assertThat(prometheus.scrape())
                .contains(
                        "evervec_splits_total 0.0",
                        "evervec_waits_seconds_total{cause=\"quota\"} 0.0",
                        "evervec_waits_seconds_total{cause=\"retry\"} 0.0",
                        "evervec_waits_seconds_total{cause=\"outage\"} 0.0");
    }
}
