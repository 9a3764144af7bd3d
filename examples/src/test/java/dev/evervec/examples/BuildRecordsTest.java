package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Builds over records of the user's own: which are taken, and what becomes of broken ones. */
class BuildRecordsTest {
    private Cli cli;

    @BeforeEach
    void inAFolderOfItsOwn(@TempDir Path folder) {
        cli = new Cli(folder);
        cli.config(8);
    }

    private Result build(String... options) {
        return cli.run(Cli.withConfig("build", options));
    }

    private static void assertCounts(Result build, int pending, int succeeded, int skipped, int failed) {
        JsonNode summary = build.summary();
        assertThat(summary.get("total_pending").asInt()).isEqualTo(pending);
        assertThat(summary.get("succeeded").asInt()).isEqualTo(succeeded);
        assertThat(sum(summary.get("skipped"))).isEqualTo(skipped);
        assertThat(sum(summary.get("failed"))).isEqualTo(failed);
    }

    private static int sum(JsonNode counts) {
        int sum = 0;
        for (JsonNode count : counts) {
            sum += count.asInt();
        }
        return sum;
    }

    @Test
    void theGoodPartOfAHalfBrokenFileIsEmbeddedAndEachBrokenLineIsNamed() throws Exception {
        cli.file("records.jsonl", """
                {"id":"a","content":"first"}
                {"id":"b","content":"sec
                not json at all
                {"id":"c","content":"third"}
                ["an","array"]
                {"content":"no id"}
                {"id":"d","content":"fourth"}
                """);

        Result build = build("--job-id", "half");

        assertThat(build.code()).isEqualTo(1);
        assertCounts(build, 7, 3, 0, 4);
        assertThat(build.summary().at("/failed/source_error").asInt()).isEqualTo(4);
        assertThat(build.out()).contains("4 failed: source_error", "line 2", "line 3", "line 5", "line 6");
        assertThat(build.out()).contains("Done with failures in ");
        assertThat(Files.readString(cli.folder().resolve("logs/half.log"))).contains("source_error", "line 6");
    }

    @Test
    void aLineThatIsNotUtf8IsNamedAndItsNeighboursAreEmbedded() throws Exception {
        byte[] lines =
                "{\"id\":\"a\",\"content\":\"x\"}\n{\"id\":\"b\",\"content\":\"~\"}\n{\"id\":\"c\",\"content\":\"z\"}\n"
                        .getBytes(StandardCharsets.ISO_8859_1);
        for (int i = 0; i < lines.length; i++) {
            if (lines[i] == '~') {
                lines[i] = (byte) 0xFC;
            }
        }
        Files.write(cli.folder().resolve("records.jsonl"), lines);

        Result build = build();

        assertThat(build.code()).isEqualTo(1);
        assertCounts(build, 3, 2, 0, 1);
        assertThat(build.out()).contains("line 2");
    }

    @Test
    void aRepairedFileIsFinishedByTheNextBuild() {
        cli.file("records.jsonl", "{\"id\":\"a\",\"content\":\"first\"}\n{\"id\":\"b\",\"content\":\n");
        assertThat(build().code()).isEqualTo(1);
        cli.file("records.jsonl", "{\"id\":\"a\",\"content\":\"first\"}\n{\"id\":\"b\",\"content\":\"second\"}\n");

        Result again = build();

        assertThat(again.code()).isZero();
        assertCounts(again, 1, 1, 0, 0);
    }

    @Test
    void duplicateIdsAreReportedAndAreNoFailure() {
        cli.file(
                "records.jsonl",
                "{\"id\":\"a\",\"content\":\"first\"}\n{\"id\":\"a\",\"content\":\"again\"}\n{\"id\":\"b\",\"content\":\"x\"}\n");

        Result build = build();

        assertThat(build.code()).isZero();
        assertCounts(build, 2, 2, 0, 0);
        assertThat(build.outLines()).anyMatch(line -> line.startsWith("Note: ") && line.contains("default/a"));
    }

    @Test
    void anEmptyFileIsNothingToDo() {
        cli.file("records.jsonl", "");

        Result build = build();

        assertThat(build.code()).isZero();
        assertThat(build.outLines()).contains("No pending embeddings to process");
        assertCounts(build, 0, 0, 0, 0);
    }

    @Test
    void moreThanTwentySkippedRecordsAreCountedAndTheLogHasTheRest() throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 25; i++) {
            lines.append("{\"id\":").append(i).append(",\"content\":\"<p></p>\"}\n");
        }
        cli.file("records.jsonl", lines.toString());

        Result build = build("--job-id", "many");

        assertThat(build.code()).isZero();
        assertThat(build.out()).contains("25 skipped: empty_content: nothing is left", "and 5 more: see ", "many.log");
        assertThat(build.outLines().stream().filter(line -> line.startsWith("  default/")))
                .hasSize(20);
        assertThat(Files.readAllLines(cli.folder().resolve("logs/many.log")).stream()
                        .filter(line -> line.contains("empty_content")))
                .hasSizeGreaterThanOrEqualTo(25);
    }

    @Test
    void onlyTheRecordsOfASourceAreTaken() {
        cli.file(
                "records.jsonl",
                "{\"id\":1,\"source\":\"books\",\"content\":\"a\"}\n{\"id\":2,\"source\":\"films\",\"content\":\"b\"}\n");

        assertCounts(build("--source", "films"), 1, 1, 0, 0);
        assertCounts(build("--source", "all"), 1, 1, 0, 0);
    }

    @Test
    void theFilterIsAPartOfTheIdTakenLiterally() {
        cli.file(
                "records.jsonl",
                "{\"id\":\"a%b\",\"content\":\"1\"}\n{\"id\":\"aXb\",\"content\":\"2\"}\n{\"id\":\"A%B\",\"content\":\"3\"}\n");

        assertCounts(build("--filter", "%"), 2, 2, 0, 0);
        assertCounts(build("--filter", "a"), 1, 1, 0, 0);
    }

    @Test
    void anIdsFileTakesItsIdsAndNamesThoseThatAreNotThere() {
        cli.records(30);
        cli.file("ids.txt", "r3\n\nr17\nr99\n");

        Result build = build("--ids-file", "ids.txt");

        assertThat(build.code()).isZero();
        assertCounts(build, 2, 2, 0, 0);
        assertThat(build.outLines()).anyMatch(line -> line.startsWith("Note: ") && line.contains("r99"));
    }

    @Test
    void theIdsMayComeFromStandardInput() {
        cli.records(30);

        Result build = cli.withInput("r3\r\nr17\n", Cli.withConfig("build", "--ids-file", "-"));

        assertThat(build.code()).isZero();
        assertCounts(build, 2, 2, 0, 0);
        assertThat(cli.withInput("\n", Cli.withConfig("build", "--ids-file", "-"))
                        .err())
                .contains("(standard input) has no id");
    }

    @Test
    void theBatchSizeDecidesHowManyRequestsThereAre() {
        cli.records(30);

        assertThat(build("--batch-size", "10").summary().get("requests").asInt())
                .isEqualTo(3);
    }

    @Test
    void recordsOfAQueryAreEmbeddedLikeThoseOfAFile() throws Exception {
        StoreDump.execute(
                cli.folder().resolve("host.db"),
                "create table problems (id integer primary key, title text, content text)",
                "insert into problems values (1, 'One', '<p>first</p>'), (2, 'Two', ''), (3, null, 'third')");
        String url = "jdbc:sqlite:" + cli.folder().resolve("host.db");
        cli.file(
                "config.toml",
                Cli.config(8, "jdbc_url = \"" + url + "\"\nquery = \"select id, title, content from problems\""));

        Result build = build();

        assertThat(build.code()).isZero();
        assertCounts(build, 2, 2, 0, 0);
        JsonNode stats = cli.run("stats", "--config", "config.toml", "--json").json();
        assertThat(stats.at("/sources/0/total").asInt()).isEqualTo(3);
        assertThat(stats.at("/sources/0/with_content").asInt()).isEqualTo(2);
    }

    @Test
    void aRecordThatIsGoneIsForgotten() {
        cli.records(12);
        build();
        cli.records(11);

        assertThat(build().code()).isZero();

        assertThat(embedded()).isEqualTo(11);
    }

    @Test
    void aSourceThatHasLostMuchIsNotBelievedAndTheBuildSaysSo() {
        cli.records(12);
        build();
        cli.records(6);

        Result build = build();

        assertThat(build.code()).isZero();
        assertThat(build.outLines())
                .anyMatch(line -> line.startsWith("Note: 6 records have vanished from source default")
                        && line.contains("--remove-vanished"));
        assertThat(embedded()).isEqualTo(12);

        assertThat(build("--remove-vanished").code()).isZero();
        assertThat(embedded()).isEqualTo(6);
    }

    private int embedded() {
        return cli.run("stats", "--config", "config.toml", "--json")
                .json()
                .at("/sources/0/embedded")
                .asInt();
    }
}
