package dev.evervec.pipeline.progress;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.progress.BuildProgress.Stage;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads a progress file, which may have been written by any version, cut off, or be something else altogether. */
final class ProgressJson {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();
    /** Larger or finer numbers are none of ours, and costly to write out. */
    private static final int MAX_DIGITS = 40;

    private ProgressJson() {}

    /** What is written there is no progress. */
    private static final class NoProgress extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    static Optional<BuildProgress> read(String json) {
        try {
            return Optional.of(progress(MAPPER.readTree(json)));
        } catch (JsonProcessingException | DateTimeException | ArithmeticException | NoProgress e) {
            return Optional.empty();
        }
    }

    private static BuildProgress progress(JsonNode json) {
        JsonNode rewrite = json.path("rewrite_progress");
        JsonNode embed = json.path("embed_progress");
        BigDecimal eta = amount(json.path("eta_secs"));
        BigDecimal speed = amount(json.path("records_per_sec"));
        return new BuildProgress(
                text(json.path("job_id")),
                phase(text(json.path("phase"))),
                new Stage(count(rewrite.path("done")), count(rewrite.path("total")), count(rewrite.path("skipped"))),
                new Stage(count(embed.path("done")), count(embed.path("total")), 0),
                Instant.parse(text(json.path("started_at"))),
                Instant.parse(text(json.path("updated_at"))),
                eta == null ? null : Duration.ofMillis(milliseconds(eta)),
                speed == null ? null : speed.doubleValue(),
                json.has("requests") ? count(json.path("requests")) : 0,
                count(json.path("tokens")),
                amount(json.path("cost_usd")),
                isUnknown(json.path("held_up_by")) ? null : text(json.path("held_up_by")),
                0,
                Map.of());
    }

    private static String text(JsonNode node) {
        require(node.isTextual());
        return node.textValue();
    }

    private static Phase phase(String code) {
        for (Phase phase : Phase.values()) {
            if (phase.code().equals(code)) {
                return phase;
            }
        }
        throw new NoProgress();
    }

    private static long count(JsonNode node) {
        require(node.isIntegralNumber() && node.canConvertToLong() && node.longValue() >= 0);
        return node.longValue();
    }

    private static @Nullable BigDecimal amount(JsonNode node) {
        if (isUnknown(node)) {
            return null;
        }
        require(node.isNumber());
        BigDecimal amount = node.decimalValue();
        require(amount.signum() >= 0
                && amount.precision() <= MAX_DIGITS
                && Math.abs((long) amount.scale()) <= MAX_DIGITS);
        return amount;
    }

    private static long milliseconds(BigDecimal seconds) {
        return seconds.movePointRight(3).setScale(0, RoundingMode.HALF_UP).longValueExact();
    }

    private static boolean isUnknown(JsonNode node) {
        return node.isNull() || node.isMissingNode();
    }

    private static void require(boolean right) {
        if (!right) {
            throw new NoProgress();
        }
    }
}
