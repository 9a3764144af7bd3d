package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QueryCommandTest {
    private Cli cli;

    @BeforeEach
    void aStoreOfSomeVectors(@TempDir Path folder) {
        cli = new Cli(folder);
        cli.config(256);
        cli.file("records.jsonl", """
                {"id":"1","source":"animals","title":"A cat","content":"the cat sleeps in the sun"}
                {"id":"2","source":"animals","title":"Two\\n\\u001b[31mlines %s","content":"the dog barks at the moon"}
                {"id":"3","source":"tools","content":"a hammer drives the nail"}
                {"id":"4","source":"tools","content":"  "}
                """.formatted("x".repeat(100)));
        cli.run(Cli.withConfig("build"));
    }

    private Result query(String text, String... options) {
        String[] all = new String[options.length + 1];
        all[0] = text;
        System.arraycopy(options, 0, all, 1, options.length);
        return cli.run(Cli.withConfig("query", all));
    }

    @Test
    void theNearestComesFirstWithItsTitle() {
        Result result = query("the cat sleeps");

        assertThat(result.code()).isZero();
        assertThat(result.outLines()).hasSize(4);
        assertThat(result.outLines().get(0)).startsWith("similarity  source   id  title");
        assertThat(result.outLines().get(1)).matches(" +0\\.\\d{4}  animals  1   A cat");
    }

    @Test
    void aTitleIsShownOnOneLineAndNotForever() {
        assertThat(query("the dog barks", "--top-k", "1").outLines().get(1))
                .contains("Two [31mlines xxx")
                .endsWith("x…")
                .hasSizeLessThan(100)
                .doesNotContain("\u001b");
    }

    @Test
    void sourceNumberAndSimilarityNarrowItDown() {
        assertThat(query("the cat", "--source", "tools").outLines()).hasSize(2);
        assertThat(query("the cat", "--source", "all").outLines()).hasSize(4);
        assertThat(query("the cat", "--top-k", "2").outLines()).hasSize(3);
        Result exactly = query("the cat sleeps in the sun", "--min-similarity", "0.99", "--source", "tools");
        assertThat(exactly.code()).isEqualTo(1);
        assertThat(exactly.out()).contains("No record is as near as 0.99");
    }

    @Test
    void jsonHasTheSame() {
        JsonNode json = query("the cat sleeps", "--json", "--top-k", "1").json();

        assertThat(json.get("nearest")).hasSize(1);
        assertThat(json.at("/nearest/0/id").asText()).isEqualTo("1");
        assertThat(json.at("/nearest/0/title").asText()).isEqualTo("A cat");
        assertThat(json.at("/nearest/0/similarity").asDouble()).isBetween(0.5, 1.0);
        Result none = query("the cat", "--json", "--min-similarity", "1");
        assertThat(none.code()).isEqualTo(1);
        assertThat(none.json().get("nearest")).isEmpty();
    }

    @Test
    void itsCallIsInTheBill() {
        int before = requests();

        query("the cat");

        assertThat(requests()).isEqualTo(before + 1);
    }

    private int requests() {
        return cli.run(Cli.withConfig("costs", "--json"))
                .json()
                .at("/total/requests")
                .asInt();
    }

    @Test
    void withoutTheRecordsThereAreNoTitles() throws Exception {
        Files.delete(cli.folder().resolve("records.jsonl"));

        Result result = query("the cat sleeps", "--top-k", "1");

        assertThat(result.code()).isZero();
        assertThat(result.outLines().get(1)).endsWith("animals  1");
        assertThat(result.err()).contains("without titles, because ");
    }

    @Test
    void aGenerationWithoutVectorsNeedsABuildFirstAndIsNotPaidFor() {
        int before = requests();
        cli.config(128);

        assertThat(cli.refused(Cli.withConfig("query", "the cat")).err())
                .contains("the store has no vectors of Generation ", "128 dimensions", "run a build first");
        assertThat(requests()).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource({
        "--top-k, 0, --top-k must be from 1 to 1000",
        "--top-k, 1001, --top-k must be from 1 to 1000",
        "--min-similarity, 1.5, --min-similarity must be from -1 to 1",
        "--min-similarity, NaN, --min-similarity must be from -1 to 1",
        "--source, birds, there is no source birds: known are animals and tools"
    })
    void mistakesAreSaidBeforeAnything(String option, String value, String words) {
        String known = words.replace(" and ", ", ");

        assertThat(cli.refused(Cli.withConfig("query", "the cat", option, value))
                        .err())
                .contains(known);
    }

    @Test
    void aBlankTextIsRefused() {
        assertThat(cli.refused(Cli.withConfig("query", " ")).err()).contains("the text is blank");
    }
}
