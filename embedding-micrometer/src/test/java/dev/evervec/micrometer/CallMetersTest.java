package dev.evervec.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.provider.Capability;
import dev.evervec.provider.TokenUsage;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CallMetersTest {
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final EvervecMetrics metrics = EvervecMetrics.on(registry);

    private static ProviderCall call(
            String provider, Capability capability, TokenUsage usage, @Nullable String usd, @Nullable String failure) {
        return new ProviderCall(
                Instant.EPOCH,
                Duration.ofMillis(300),
                provider,
                "a-model",
                capability,
                32,
                usage,
                usd == null ? null : new BigDecimal(usd),
                failure,
                List.of());
    }

    private static ProviderCall embedding(@Nullable String usd, @Nullable String failure) {
        return call("openai", Capability.EMBEDDING, TokenUsage.reported(1200, 0), usd, failure);
    }

    @Test
    void aCallIsTimedUnderItsOperationProviderAndModel() {
        metrics.onCall(embedding("0.1", null));

        Timer timer = registry.get("gen_ai.client.operation.duration").timer();
        assertThat(timer.count()).isEqualTo(1);
        assertThat(timer.totalTime(TimeUnit.SECONDS)).isEqualTo(0.3);
        assertThat(timer.getId().getTags())
                .containsExactlyInAnyOrder(
                        Tag.of("gen_ai.operation.name", "embeddings"),
                        Tag.of("gen_ai.provider.name", "openai"),
                        Tag.of("gen_ai.request.model", "a-model"));
    }

    @Test
    void aFailedCallSaysWhyAndIsCountedApart() {
        metrics.onCall(embedding("0.1", null));
        metrics.onCall(embedding("0.1", "quota"));

        Timer failed = registry.get("gen_ai.client.operation.duration")
                .tag("error.type", "quota")
                .timer();
        assertThat(failed.count()).isEqualTo(1);
        assertThat(registry.get("gen_ai.client.operation.duration").timers()).hasSize(2);
    }

    @Test
    void inputAndOutputTokensAreApartAndNoneAreNotCounted() {
        metrics.onCall(embedding("0.1", null));
        metrics.onCall(call("gemini", Capability.REWRITE, TokenUsage.reported(100, 40), "0.1", null));
        metrics.onCall(call("openai", Capability.EMBEDDING, TokenUsage.NONE, "0", "configuration"));

        assertThat(registry.get("gen_ai.client.token.usage").summaries()).hasSize(3);
        DistributionSummary output = registry.get("gen_ai.client.token.usage")
                .tag("gen_ai.token.type", "output")
                .summary();
        assertThat(output.totalAmount()).isEqualTo(40);
        assertThat(output.getId().getTag("gen_ai.provider.name")).isEqualTo("gcp.gemini");
        assertThat(output.getId().getTag("gen_ai.operation.name")).isEqualTo("generate_content");
        assertThat(registry.get("gen_ai.client.token.usage")
                        .tag("gen_ai.operation.name", "embeddings")
                        .summary()
                        .totalAmount())
                .isEqualTo(1200);
    }

    @Test
    void aRewriteOfAnotherProviderIsAChat() {
        metrics.onCall(call("openai", Capability.REWRITE, TokenUsage.reported(100, 40), "0.1", null));

        assertThat(registry.get("gen_ai.client.operation.duration")
                        .timer()
                        .getId()
                        .getTag("gen_ai.operation.name"))
                .isEqualTo("chat");
    }

    @Test
    void anUnknownPriceIsNotZeroButCountedInTokens() {
        metrics.onCall(embedding("0.125", null));
        metrics.onCall(embedding("0.25", null));
        metrics.onCall(embedding(null, null));

        assertThat(registry.get("evervec.cost").counter().count()).isEqualTo(0.375);
        assertThat(registry.get("evervec.unpriced.tokens").counter().count()).isEqualTo(1200);
    }

    @Test
    void everythingHasTheTagsOfTheHost() {
        EvervecMetrics.on(registry, Tags.of("store", "shop")).onCall(embedding("0.1", null));

        assertThat(registry.get("evervec.cost").tag("store", "shop").counter().count())
                .isEqualTo(0.1);
        assertThat(registry.get("gen_ai.client.operation.duration")
                        .tag("store", "shop")
                        .timer()
                        .count())
                .isEqualTo(1);
    }

    @Test
    void prometheusGetsTheBucketsOfTheConventions() {
        PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        EvervecMetrics onPrometheus = EvervecMetrics.on(prometheus);

        onPrometheus.onCall(embedding("0.1", null));
        onPrometheus.onCall(embedding("0.1", "quota"));

        String labels = "gen_ai_operation_name=\"embeddings\",gen_ai_provider_name=\"openai\","
                + "gen_ai_request_model=\"a-model\"";
        String duration = "gen_ai_client_operation_duration_seconds_bucket{" + labels + ",le=\"";
        String tokens = "gen_ai_client_token_usage_bucket{" + labels + ",gen_ai_token_type=\"input\",le=\"";
        assertThat(prometheus.scrape())
                .contains(
                        duration + "0.01\"} 0",
                        duration + "0.16\"} 0",
                        duration + "0.32\"} 1",
                        duration + "81.92\"} 1",
                        "_bucket{error_type=\"quota\"," + labels + ",le=\"0.32\"} 1",
                        tokens + "1.0\"} 0",
                        tokens + "1024.0\"} 0",
                        tokens + "4096.0\"} 2",
                        tokens + "6.7108864E7\"} 2",
                        "evervec_cost_usd_total{" + labels + "} 0.2");
    }
}
