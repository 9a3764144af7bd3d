package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a newcomer sees who starts the program without any configuration. */
class BundledExampleTest {
    private Cli cli;

    @BeforeEach
    void inAFolderOfItsOwn(@TempDir Path folder) {
        cli = new Cli(folder);
    }

    @Test
    void embedsAllSamplesWithTextAndNamesTheOthers() {
        Result build = cli.run("build");

        assertThat(build.code()).isZero();
        JsonNode summary = build.summary();
        assertThat(summary.get("total_pending").asInt()).isEqualTo(70);
        assertThat(summary.get("succeeded").asInt()).isEqualTo(67);
        assertThat(summary.get("skipped")).isEqualTo(Cli.parse("{\"empty_content\":3}"));
        assertThat(summary.get("failed")).isEqualTo(Cli.parse("{}"));
        assertThat(summary.get("requests").asInt()).isPositive();
        assertThat(build.out())
                .contains("3 skipped: empty_content", "only-empty-tags", "only-an-image", "only-nbsp")
                .containsPattern("Done in \\d+\\.\\d s: 70 pending, 67 embedded, 3 skipped, 0 failed; \\d+ request");
    }

    @Test
    void aConfigurationInTheFolderThatWasNotGivenIsPointedOut(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("config.toml"), "this is no TOML");

        Result build = new Cli(folder).run("build");

        assertThat(build.code()).isZero();
        assertThat(build.err()).contains("config.toml in this folder is not used: give it with --config config.toml");
        assertThat(cli.run("build").err()).doesNotContain("config.toml");
    }

    @Test
    void showsATableBySourceBeforeTheSummary() {
        Result build = cli.run("build");

        assertThat(build.outLines().stream().map(line -> line.replaceAll(" +", " ")))
                .containsSubsequence(
                        "source records with content embedded pending skipped failed",
                        "algorithms 24 24 23 0 1 0",
                        "databases 23 23 23 0 0 0",
                        "mathematics 23 23 21 0 2 0",
                        "(all) 70 70 67 0 3 0");
    }

    @Test
    void keepsResultsOnStandardOutputAndProgressOnStandardError() {
        Result build = cli.run("build");

        assertThat(build.out()).doesNotContain("after 0:0");
        assertThat(build.err())
                .startsWith("job ")
                .contains("completed after 0:0")
                .doesNotContain("EMBEDDING_SUMMARY");
    }

    @Test
    void aSecondBuildDoesNothingAndTouchesNoRow() throws Exception {
        cli.run("build");
        Path store = cli.folder().resolve("evervec-example.db");
        List<String> before = StoreDump.of(store);
        assertThat(before).hasSize(70 + 67);

        Result again = cli.run("build");

        assertThat(again.code()).isZero();
        assertThat(again.outLines()).contains("No pending embeddings to process");
        assertThat(again.summary().get("total_pending").asInt()).isZero();
        assertThat(again.summary().get("requests").asInt()).isZero();
        assertThat(StoreDump.of(store)).isEqualTo(before);
    }

    @Test
    void aChangedSampleIsEmbeddedAgainAndOnlyIt() throws Exception {
        cli.run("build");
        Path samples = cli.folder().resolve("evervec-samples.jsonl");
        Files.writeString(samples, Files.readString(samples).replace("Two Crates for the Crane", "Three Crates"));

        Result again = cli.run("build");

        assertThat(again.summary().get("total_pending").asInt()).isEqualTo(1);
        assertThat(again.summary().get("succeeded").asInt()).isEqualTo(1);
    }

    @Test
    void rebuildEmbedsEverythingAgain() {
        cli.run("build");

        assertThat(cli.run("build", "--rebuild").summary().get("succeeded").asInt())
                .isEqualTo(67);
    }

    @Test
    void writesTheProgressFileAndTheLogThatTheHelpPromises() throws Exception {
        cli.run("build", "--job-id", "first");

        Path logs = cli.folder().resolve("logs");
        JsonNode progress = Cli.parse(Files.readString(logs.resolve("first.progress.json")));
        assertThat(progress.get("phase").asText()).isEqualTo("completed");
        assertThat(progress.at("/embed_progress/done").asInt()).isEqualTo(70);
        assertThat(Files.readString(logs.resolve("first.log")))
                .contains("skipped algorithms/only-empty-tags empty_content");
    }

    @Test
    void theRecordThatTheReadmeAsksAboutIsThere() throws Exception {
        Matcher command = Pattern.compile("evervec\\.jar explain ([\\w-]+)").matcher(ReadmeTest.readme());
        assertThat(command.find()).isTrue();
        cli.run("build");

        Result explain = cli.run("explain", command.group(1));

        assertThat(explain.code()).isZero();
        assertThat(explain.out()).contains("Record     algorithms/" + command.group(1), "State      embedded");
        assertThat(explain.err()).isEmpty();
    }

    @Test
    void theCountsThatTheReadmeShowsAreThoseOfABuild() throws Exception {
        Matcher shown = Pattern.compile("EMBEDDING_SUMMARY:(\\{.*})").matcher(ReadmeTest.readme());
        assertThat(shown.find()).isTrue();
        JsonNode expected = Cli.parse(shown.group(1));

        JsonNode summary = cli.run("build").summary();

        assertThat(Shapes.keys(summary)).isEqualTo(Shapes.keys(expected));
        for (String key : List.of("total_pending", "succeeded", "skipped", "failed", "requests", "tokens")) {
            assertThat(summary.get(key)).as(key).isEqualTo(expected.get(key));
        }
    }
}
