package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.config.LlmConfig;
import dev.evervec.pipeline.BuildRequest.Retry;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.JobStatus;
import dev.evervec.pipeline.jobs.RetryRequest;
import dev.evervec.pipeline.report.VerifyReport;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenUsage;
import dev.evervec.store.jdbc.VectorIndex;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code docs/json.md} has exactly the keys that the program writes: in its examples and in its tables. */
class JsonDocsTest {
    private static final Pattern EXAMPLE = Pattern.compile("```json\n(.*)\n```");
    private static final Pattern ROW = Pattern.compile("^\\| `([^`]+)` \\|", Pattern.MULTILINE);

    private Cli cli;

    @BeforeEach
    void inAFolderOfItsOwn(@TempDir Path folder) {
        cli = new Cli(folder);
        cli.config(8);
        cli.file(
                "records.jsonl",
                "{\"id\":\"a\",\"content\":\"first\"}\n{\"id\":\"b\",\"content\":\"<br>\"}\n{\"id\":\"broken\n");
    }

    private Cli.Result run(String command, String... rest) {
        return cli.run(Cli.withConfig(command, rest));
    }

    private static void assertDocumented(String heading, JsonNode real) throws Exception {
        String section = section(heading);
        Set<String> rows = new TreeSet<>();
        ROW.matcher(section).results().forEach(row -> rows.add(row.group(1)));

        Set<String> keys = Shapes.keys(real);
        assertThat(Shapes.keys(Cli.parse(example(heading))))
                .as("the example of " + heading)
                .isEqualTo(keys);
        assertThat(rows).as("the table of " + heading).isEqualTo(keys);
    }

    private static String section(String heading) throws Exception {
        String docs = ReadmeTest.jsonDocs();
        int from = docs.indexOf("\n## " + heading + "\n");
        assertThat(from).as("a section " + heading).isNotNegative();
        int to = docs.indexOf("\n## ", from + 1);
        return docs.substring(from, to < 0 ? docs.length() : to);
    }

    private static String example(String heading) throws Exception {
        Matcher example = EXAMPLE.matcher(section(heading));
        assertThat(example.find()).as("an example in " + heading).isTrue();
        return example.group(1);
    }

    @Test
    void theSummaryAndTheProgressFileAreDocumented() throws Exception {
        assertDocumented("Summary of a build", run("build", "--job-id", "one").summary());
        assertDocumented(
                "Progress file", Cli.parse(Files.readString(cli.folder().resolve("logs/one.progress.json"))));
    }

    @Test
    void estimatesAreDocumented() throws Exception {
        assertDocumented("build --dry-run", run("build", "--dry-run", "--json").json());
    }

    @Test
    void verificationsAreDocumented() throws Exception {
        RecordKey key = new RecordKey("default", "a");
        VerifyReport report = new VerifyReport(
                "6adc6097",
                2,
                0,
                List.of(new VerifyReport.Mismatch(key, 0.5)),
                0,
                0,
                List.of(new VerifyReport.Failure(key, "embed_permanent: refused")),
                TokenUsage.NONE,
                null);

        assertDocumented("verify --json", Cli.parse(report.toJson()));
    }

    @Test
    void requestsForJobsAreDocumented() throws Exception {
        assertDocumented(
                "Job request",
                Cli.parse("{\"source\":0,\"rebuild\":0,\"dry_run\":0,\"batch_size\":0,\"filter\":0,\"budget_usd\":0}"));
        assertDocumented("Retry request", Cli.parse("{\"source\":0,\"now\":0,\"all\":0,\"budget_usd\":0}"));
        assertThat(JobRequest.ofJson(example("Job request")))
                .isEqualTo(new JobRequest("questions", false, true, 64, "2024-", new BigDecimal("2.50")));
        assertThat(RetryRequest.ofJson(example("Retry request")).which()).isEqualTo(Retry.NOW);
    }

    @Test
    void jobsAndTheirOutputAreDocumented() throws Exception {
        cli.file("records.jsonl", "{\"id\":\"a\",\"content\":\"first\"}\n");
        run("build", "--job-id", "one");
        LlmConfig config = LlmConfig.load(cli.folder().resolve("config.toml"));
        try (Wiring wiring = Wiring.of(config);
                EmbeddingJobs jobs = EmbeddingJobs.builder(
                                wiring.pipeline(wiring.records()).build())
                        .build()) {
            JobStatus build = jobs.status("one").orElseThrow();

            assertDocumented("Job", Cli.parse(build.toJson()));
            assertDocumented(
                    "Job output", Cli.parse(jobs.output("one").orElseThrow().toJson()));
            jobs.trigger(new JobRequest(null, false, true, null, null, null));
            assertThat(topLevelKeys(jobs.status().orElseThrow())).isEqualTo(topLevelKeys(build));
        }
    }

    private static Set<String> topLevelKeys(JobStatus status) throws Exception {
        Set<String> keys = new TreeSet<>();
        Cli.parse(status.toJson()).fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    @Test
    void statsAreDocumented() throws Exception {
        run("build");

        assertDocumented("stats --json", run("stats", "--json").json());
    }

    @Test
    void theNearestAreDocumented() throws Exception {
        run("build");

        assertDocumented("query --json", run("query", "first", "--json").json());
    }

    @Test
    void indexesAreDocumented() throws Exception {
        Fingerprint fingerprint = new Fingerprint(ModelIdentity.embedding("local", "hashing-v1", 8, "", "l2"), "");
        VectorIndex index = new VectorIndex("evervec_vector_7d33b963_nearest", "vector", VectorIndex.Outcome.CREATED);

        assertDocumented("index --json", IndexCommand.json(fingerprint, index));
    }

    @Test
    void explanationsAreDocumented() throws Exception {
        run("build");
        cli.file("records.jsonl", "{\"id\":\"b\",\"content\":\"now there is a text\"}\n");
        run("build");

        JsonNode explained = run("explain", "b", "--json").json();

        assertThat(explained.at("/records/0/vector").isObject()).isTrue();
        assertThat(explained.at("/records/0/history")).isNotEmpty();
        assertDocumented("explain --json", explained);
    }

    @Test
    void healthIsDocumented() throws Exception {
        run("build");

        JsonNode health = run("health", "--json").json();

        assertThat(health.get("last_run").isObject()).isTrue();
        assertDocumented("health --json", health);
    }

    @Test
    void costsAreDocumented() throws Exception {
        run("build");

        assertDocumented("costs --json", run("costs", "--json").json());
    }

    @Test
    void aRetryIsSummedUpLikeABuild() throws Exception {
        run("build");

        assertDocumented("Summary of a build", run("retry-failed", "--json").json());
    }

    @Test
    void generationsAndPruningAreDocumented() throws Exception {
        run("build");
        JsonNode generations = run("generations", "--json").json();
        cli.config(16);
        run("build");

        assertDocumented("generations --json", generations);
        String old = generations.at("/generations/0/name").asText();
        assertDocumented("prune --json", run("prune", old, "--json").json());
    }

    @Test
    void anEmbeddedTextIsDocumented() throws Exception {
        assertDocumented("embed-text", run("embed-text", "a rope").json());
    }

    @Test
    void anExportedLineIsDocumented() throws Exception {
        run("build");
        run("export", "--out", "vectors.jsonl");

        assertDocumented(
                "export",
                Cli.parse(Files.readAllLines(cli.folder().resolve("vectors.jsonl"))
                        .get(0)));
    }
}
