package dev.evervec.pipeline.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.progress.BuildProgress.Stage;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobScope.Task;
import dev.evervec.pipeline.store.JobState;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A job as JSON, in each of its states. */
class JobStatusTest {
    private static final Instant BEGUN = Instant.parse("2026-01-02T03:04:05.678901Z");
    private static final BuildProgress PROGRESS = new BuildProgress(
            "one",
            Phase.REWRITING,
            new Stage(45, 100, 2),
            new Stage(20, 98, 0),
            BEGUN,
            BEGUN.plusSeconds(60),
            Duration.ofMillis(12_500),
            3.5,
            12,
            480,
            new BigDecimal("2E-8"),
            "an outage",
            0,
            Map.of());

    private static JobInfo info(JobState state, @Nullable Instant ended, @Nullable String heldUp, boolean cancel) {
        return new JobInfo(
                "one",
                new JobScope(Task.REBUILD, "books", "<b>", 7, new BigDecimal("1E+2")),
                "6adc6097",
                state,
                BEGUN,
                ended,
                state == JobState.RUNNING ? 10 : 90,
                Map.of(Reason.EMBED_PERMANENT, 7L, Reason.EMPTY_CONTENT, 3L),
                5,
                300,
                20,
                new BigDecimal("0.50"),
                state == JobState.RUNNING ? 1 : 0,
                heldUp,
                cancel,
                "zero");
    }

    private static JsonNode json(JobInfo info, boolean resumable, @Nullable BuildProgress progress) throws Exception {
        String json = new JobStatus(info, false, true, resumable, progress, null, null, "why", List.of("a \"note\""))
                .toJson();
        assertThat(json).doesNotContain("\n").doesNotContainPattern("\\d[eE][+-]?\\d+[,}]");
        return new ObjectMapper().readTree(json);
    }

    @Test
    void aRunningJobTellsWhatItsProgressTells() throws Exception {
        JsonNode json = json(info(JobState.RUNNING, null, null, true), false, PROGRESS);

        assertThat(json.get("kind").asText()).isEqualTo("rebuild");
        assertThat(json.get("phase").asText()).isEqualTo("rewriting");
        assertThat(json.get("filter").asText()).isEqualTo("<b>");
        assertThat(json.get("budget_usd").asInt()).isEqualTo(100);
        assertThat(json.get("cancelling").asBoolean()).isTrue();
        assertThat(json.get("resumes").asText()).isEqualTo("zero");
        assertThat(json.get("started_at").asText()).isEqualTo("2026-01-02T03:04:05.678Z");
        assertThat(json.get("updated_at").asText()).isEqualTo("2026-01-02T03:05:05.678Z");
        assertThat(json.get("rewrite_progress").toString()).isEqualTo("{\"done\":45,\"total\":100,\"skipped\":2}");
        assertThat(json.get("embed_progress").toString()).isEqualTo("{\"done\":20,\"total\":98}");
        assertThat(json.get("records_per_sec").asDouble()).isEqualTo(3.5);
        assertThat(json.get("eta_secs").asDouble()).isEqualTo(12.5);
        assertThat(json.get("requests").asInt()).isEqualTo(12);
        assertThat(json.get("tokens").asInt()).isEqualTo(480);
        assertThat(json.get("cost_usd").decimalValue()).isEqualByComparingTo("0.00000002");
        assertThat(json.get("held_up_by").asText()).isEqualTo("an outage");
        assertThat(json.get("summary").isNull()).isTrue();
    }

    @Test
    void aJobElsewhereWithoutItsProgressFileTellsWhatTheStoreKnows() throws Exception {
        JsonNode json = json(info(JobState.RUNNING, null, "a quota", false), false, null);

        assertThat(json.get("phase").asText()).isEqualTo("unknown");
        assertThat(json.get("rewrite_progress").isNull()).isTrue();
        assertThat(json.get("updated_at").isNull()).isTrue();
        assertThat(json.get("requests").asInt()).isEqualTo(5);
        assertThat(json.get("tokens").asInt()).isEqualTo(320);
        assertThat(json.get("held_up_by").asText()).isEqualTo("a quota");
    }

    @Test
    void anEndedJobHasItsBreakdownAndNoSpeed() throws Exception {
        JsonNode json = json(info(JobState.FAILED, BEGUN.plusMillis(61_234), null, false), false, PROGRESS);

        assertThat(json.get("phase").asText()).isEqualTo("failed");
        assertThat(json.get("records_per_sec").isNull()).isTrue();
        assertThat(json.get("eta_secs").isNull()).isTrue();
        assertThat(json.get("held_up_by").isNull()).isTrue();
        assertThat(json.get("requests").asInt()).isEqualTo(5);
        assertThat(json.get("stopped_by").asText()).isEqualTo("why");
        assertThat(json.at("/notes/0").asText()).isEqualTo("a \"note\"");
        assertThat(json.get("summary").toString())
                .isEqualTo("{\"total_pending\":100,\"succeeded\":90,\"skipped\":{\"empty_content\":3},"
                        + "\"failed\":{\"embed_permanent\":7},\"duration_secs\":61.234,\"requests\":5,\"tokens\":320,"
                        + "\"cost_usd\":0.5}");
    }

    @Test
    void anInterruptedJobKeepsThePhaseAndTheTimeThatAreKnown() throws Exception {
        JsonNode known = json(info(JobState.INTERRUPTED, null, null, true), true, PROGRESS);
        JsonNode unknown = json(info(JobState.INTERRUPTED, null, null, true), true, null);

        assertThat(known.get("phase").asText()).isEqualTo("rewriting");
        assertThat(unknown.get("phase").asText()).isEqualTo("unknown");
        assertThat(known.get("resumable").asBoolean()).isTrue();
        assertThat(known.get("cancelling").asBoolean()).isFalse();
        assertThat(known.get("eta_secs").isNull()).isTrue();
        assertThat(known.at("/summary/succeeded").asInt()).isEqualTo(90);
        assertThat(known.get("ended_at")).isEqualTo(known.get("updated_at"));
        assertThat(known.at("/summary/duration_secs").isNumber()).isTrue();
        assertThat(unknown.get("ended_at").isNull()).isTrue();
        assertThat(unknown.at("/summary/duration_secs").isNull()).isTrue();
    }
}
