package dev.evervec.examples.admin;

import static dev.evervec.examples.admin.AdminHost.API;
import static dev.evervec.examples.admin.AdminHost.LIMIT;
import static dev.evervec.examples.admin.AdminHost.SECRET;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.admin.AdminHost.Answer;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.StoreException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the endpoints answer to whoever has the secret. */
@Timeout(120)
class AdminApiTest {
    private static final Set<String> JOB = Set.of(
            "job_id",
            "kind",
            "state",
            "phase",
            "source",
            "filter",
            "batch_size",
            "budget_usd",
            "rebuild",
            "resumes",
            "resumable",
            "here",
            "workers",
            "cancelling",
            "generation",
            "started_at",
            "updated_at",
            "ended_at",
            "rewrite_progress",
            "embed_progress",
            "records_per_sec",
            "eta_secs",
            "requests",
            "tokens",
            "cost_usd",
            "held_up_by",
            "records_read",
            "stopped_by",
            "notes",
            "summary",
            "estimate");
    private static final Set<String> SUMMARY = Set.of(
            "total_pending", "succeeded", "skipped", "failed", "duration_secs", "requests", "tokens", "cost_usd");

    private AdminHost host;

    @BeforeEach
    void start(@TempDir Path folder) {
        host = new AdminHost(folder);
    }

    @AfterEach
    void close() {
        host.close();
    }

    private static Set<String> keys(JsonNode json) {
        Set<String> keys = new TreeSet<>();
        json.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    private JsonNode ok(String path) {
        Answer answer = host.get(path);
        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        assertThat(answer.header("content-type")).isEqualTo("application/json");
        return answer.json();
    }

    // ---- jobs ----

    @Test
    void aTriggeredJobRunsToItsEndAndEverythingTellsOfIt() {
        assertThat(ok("status").toString()).isEqualTo("{\"job\":null}");
        assertThat(ok("history").toString()).isEqualTo("{\"jobs\":[]}");

        String id = host.begin("{\"source\":\"all\",\"rebuild\":false,\"dry_run\":false,\"batch_size\":3}");
        host.gate.awaitWaiting(1, LIMIT);
        JsonNode running = ok("status").get("job");
        assertThat(keys(running)).isEqualTo(JOB);
        assertThat(running.get("job_id").asText()).isEqualTo(id);
        assertThat(running.get("state").asText()).isEqualTo("running");
        assertThat(running.get("kind").asText()).isEqualTo("build");
        assertThat(running.get("batch_size").asInt()).isEqualTo(3);
        assertThat(running.get("here").asBoolean()).isTrue();
        assertThat(keys(running.get("embed_progress"))).isEqualTo(Set.of("done", "total"));
        assertThat(keys(running.get("rewrite_progress"))).isEqualTo(Set.of("done", "total", "skipped"));
        assertThat(running.get("summary").isNull()).isTrue();

        host.gate.open();
        JsonNode ended = host.awaitEnd();

        assertThat(keys(ended)).isEqualTo(JOB);
        assertThat(ended.get("state").asText()).isEqualTo("completed");
        assertThat(keys(ended.get("summary"))).isEqualTo(SUMMARY);
        assertThat(ended.at("/summary/succeeded").asInt()).isEqualTo(11);
        assertThat(ended.at("/summary/skipped").toString()).isEqualTo("{\"empty_content\":1}");
        assertThat(ok("history").at("/jobs/0")).isEqualTo(ok("status").get("job"));
        JsonNode output = ok(id + "/output");
        assertThat(keys(output)).isEqualTo(Set.of("job_id", "log", "truncated", "found"));
        assertThat(output.get("log").asText()).contains("f1");
        assertThat(output.get("found").asBoolean()).isTrue();
    }

    @Test
    void aSecondJobIsRefusedWhileOneRuns() {
        host.begin("{}");

        JsonNode problem = host.post("trigger", "{\"source\":\"films\"}").problem(409, "already_running");
        host.post("trigger", "{\"dry_run\":true}").problem(409, "already_running");
        host.post("retry-failed", null).problem(409, "already_running");

        assertThat(problem.get("title").asText()).isEqualTo("an embedding job is already running");
        assertThat(problem.has("field")).isFalse();
    }

    @Test
    void aCancelledJobIsShownAsCancelledAndCannotBeCancelledAgain() {
        String id = host.begin("{}");
        host.gate.awaitWaiting(1, LIMIT);

        Answer cancel = host.post(id + "/cancel", null);
        JsonNode ended = host.awaitEnd();

        assertThat(cancel.status()).isEqualTo(202);
        assertThat(cancel.json().toString()).isEqualTo("{\"job_id\":\"" + id + "\"}");
        assertThat(ended.get("state").asText()).isEqualTo("cancelled");
        int succeeded = ended.at("/summary/succeeded").asInt();
        int cancelled = ended.at("/summary/failed/cancelled").asInt();
        int skipped = ended.at("/summary/skipped/empty_content").asInt();
        assertThat(succeeded + cancelled + skipped)
                .isEqualTo(ended.at("/summary/total_pending").asInt());
        host.post(id + "/cancel", "{}").problem(409, "not_running");
    }

    @Test
    void aDryRunTellsItsEstimateAndIsOnlyInTheHistory() {
        String id = host.begin("{\"dry_run\":true,\"budget_usd\":0.5}");
        JsonNode ended = host.awaitEnd();

        assertThat(keys(ended)).isEqualTo(JOB);
        assertThat(ended.get("kind").asText()).isEqualTo("dry_run");
        assertThat(ended.get("records_read").asInt()).isEqualTo(12);
        assertThat(ended.at("/estimate/to_embed").asInt()).isEqualTo(11);
        assertThat(ended.at("/estimate/cost_usd").isNumber()).isTrue();
        assertThat(ended.get("summary").isNull()).isTrue();
        assertThat(ok("history").at("/jobs/0/job_id").asText()).isEqualTo(id);
        assertThat(ok("stats").get("sources")).isEmpty();
    }

    @Test
    void failedRecordsAreTriedAgain() {
        host.build();

        String id = host.post("retry-failed", "{\"source\":\"books\",\"all\":true}")
                .json()
                .get("job_id")
                .asText();
        JsonNode ended = host.awaitEnd();

        assertThat(ended.get("job_id").asText()).isEqualTo(id);
        assertThat(ended.get("kind").asText()).isEqualTo("retry_failed");
        assertThat(host.post("retry-failed", null).status()).isEqualTo(202);
    }

    @Test
    void onlyAnInterruptedJobIsResumed() {
        String id = host.build().get("job_id").asText();

        host.post(id + "/resume", null).problem(409, "not_resumable");
        host.post("no-such-job/resume", null).problem(404, "unknown_job");
    }

    @Test
    void theTypeOfABodyIsReadAsHttpSays() {
        Answer answer = host.send(
                "POST",
                API + "trigger",
                "{\"dry_run\":true}",
                "x-admin-secret",
                SECRET,
                "content-type",
                "Application/JSON ; charset=utf-8");

        assertThat(answer.status()).isEqualTo(202);
    }

    // ---- figures ----

    @Test
    void statsCountEachSource() {
        JsonNode before = ok("stats");
        assertThat(keys(before)).isEqualTo(Set.of("as_of", "generation", "sources"));
        assertThat(before.get("as_of").isNull()).isTrue();
        host.build();

        JsonNode stats = awaitStats();

        assertThat(stats.get("as_of").asText())
                .isEqualTo(stats.at("/sources/1/as_of").asText());
        JsonNode films = stats.at("/sources/1");
        assertThat(keys(films))
                .isEqualTo(
                        Set.of("source", "total", "with_content", "embedded", "pending", "skipped", "failed", "as_of"));
        assertThat(films.get("source").asText()).isEqualTo("films");
        assertThat(films.get("total").asInt()).isEqualTo(2);
        assertThat(films.get("with_content").asInt()).isEqualTo(2);
        assertThat(films.get("embedded").asInt()).isEqualTo(1);
        assertThat(films.get("skipped").asInt()).isEqualTo(1);
        assertThat(films.get("pending").asInt() + films.get("failed").asInt()).isZero();
    }

    /** What is read is up to a second old. */
    private JsonNode awaitStats() {
        try (EventReader events = EventReader.open(host, "x-admin-secret", SECRET)) {
            return events.await("stats", stats -> stats.get("sources").size() == 2);
        }
    }

    @Test
    void healthAndCostsAreThoseOfTheCommandLine() {
        host.build();

        JsonNode health = ok("health");
        assertThat(keys(health))
                .contains("generation", "healthy", "breaches", "total", "sources", "last_run", "circuit_open");
        JsonNode costs = ok("costs");
        assertThat(keys(costs))
                .isEqualTo(Set.of("from", "to", "zone", "total", "by_day", "by_source", "by_model", "by_job"));
        assertThat(costs.get("zone").asText()).isEqualTo("UTC");
        assertThat(costs.get("from").asText()).isEqualTo("2026-10-23T00:00:00Z");
        assertThat(ok("costs?days=1").get("from").asText()).isEqualTo("2026-11-21T00:00:00Z");
        assertThat(costs.at("/total/requests").isNumber()).isTrue();
    }

    @Test
    void theHistoryIsAsLongAsAsked() {
        host.build();
        host.begin("{}");
        String last = host.awaitEnd().get("job_id").asText();

        assertThat(ok("history").get("jobs")).hasSize(2);
        JsonNode one = ok("history?limit=1").get("jobs");
        assertThat(one).hasSize(1);
        assertThat(one.at("/0/job_id").asText()).isEqualTo(last);
    }

    // ---- what breaks ----

    @Test
    void aFolderForLogsThatCannotBeUsedIsSaidSo(@TempDir Path other) throws Exception {
        Path logs = Files.writeString(other.resolve("logs"), "a file is in its place");

        try (AdminHost without = new AdminHost(other)) {
            JsonNode problem = without.post("trigger", "{}").problem(503, "logs_unavailable");
            assertThat(problem.get("detail").asText()).contains(logs.toString(), "logs.dir");
            without.post("retry-failed", null).problem(503, "logs_unavailable");
            without.post("no-such-job/resume", null).problem(404, "unknown_job");
        }
    }

    @Test
    void aStoreOrSourceThatCannotBeUsedIsSaidSo() {
        host.storeTrouble = new StoreException(StoreException.Kind.PERMANENT, "the store is on holiday", null);
        host.get("stats").problem(503, "store_unavailable");
        host.get("history").problem(503, "store_unavailable");
        host.get("health").problem(503, "store_unavailable");
        host.get("costs").problem(503, "store_unavailable");
        host.get("events").problem(503, "store_unavailable");
        host.post("trigger", "{}").problem(503, "store_unavailable");
        host.storeTrouble = null;
        assertThat(host.get("history").status()).isEqualTo(200);

        host.sourceTrouble = new SourceException("the records are on holiday", null);
        JsonNode problem = host.post("trigger", "{}").problem(503, "source_unavailable");
        assertThat(problem.get("detail").asText()).isEqualTo("the records are on holiday");
        assertThat(ok("status").toString()).isEqualTo("{\"job\":null}");
    }

    @Test
    void whatBreaksUnexpectedlyIsForTheLogAlone() {
        host.storeTrouble = new IllegalStateException("text of a record");

        Answer answer = host.get("history");

        JsonNode problem = answer.problem(500, "internal");
        assertThat(answer.body()).doesNotContain("text of a record", "IllegalState");
        assertThat(problem.get("detail").asText()).matches(".* [0-9a-f]{8}");
    }

    @Test
    void aJobThatIsGoneWithItsServerLeavesItsRequestsRefused() {
        host.jobs.close();

        JsonNode problem = host.post("trigger", "{}").problem(503, "closed");

        assertThat(problem.get("title").asText()).isEqualTo("not available");
    }
}
