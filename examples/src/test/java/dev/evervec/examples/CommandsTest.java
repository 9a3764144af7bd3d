package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands that look at what builds left, over two sources with one record that has no text. */
class CommandsTest {
    private static final Fingerprint EIGHT =
            new Fingerprint(ModelIdentity.embedding("local", "hashing-v1", 8, "", "l2"), "");

    private Cli cli;

    @BeforeEach
    void inAFolderOfItsOwn(@TempDir Path folder) {
        cli = new Cli(folder);
        cli.config(8);
        cli.file("records.jsonl", """
                {"id":"a","source":"books","content":"first"}
                {"id":"b","source":"books","content":"<br>"}
                {"id":"a","source":"films","content":"second"}
                """);
    }

    private Result run(String command, String... rest) {
        return cli.run(Cli.withConfig(command, rest));
    }

    private Result refused(String command, String... rest) {
        Result result = run(command, rest);
        assertThat(result.code()).as(result.out()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).startsWith("evervec: ");
        return result;
    }

    private void build() {
        assertThat(run("build").code()).isZero();
    }

    @Test
    void theSchemaOfAStoreIsToldAndNothingIsMade() {
        assertThat(run("schema").out()).startsWith("There are no tables of Evervec yet in ");
        assertThat(cli.folder().resolve("embeddings.db")).doesNotExist();
        build();

        assertThat(run("schema").out()).matches("The tables have version \\d+ in .*embeddings\\.db\\R");
    }

    @Test
    void theStatementsOfEitherDatabaseArePrinted() {
        assertThat(run("schema", "--print").out()).contains("create table evervec_ledger", "autoincrement");
        assertThat(run("schema", "--print", "--dialect", "postgresql").out())
                .contains("create schema evervec;", "create table evervec_ledger", "bytea");
        assertThat(cli.run("schema", "--print", "--dialect", "postgresql", "--schema", "vectors")
                        .out())
                .contains("create schema \"vectors\";");
        assertThat(refused("schema", "--print", "--dialect", "oracle").err()).contains("sqlite or postgresql");
        assertThat(refused("schema", "--print", "--dialect", "postgresql", "--schema", "a b")
                        .err())
                .contains("the schema's name must be small letters");
        assertThat(refused("schema", "--dialect", "sqlite").err()).contains("add --print");
    }

    @Test
    void sqliteHasNoIndexOfVectors() {
        build();

        assertThat(refused("index").err()).contains("SQLite has none: searches compare every vector");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "stats",
                "explain a",
                "query rope",
                "index",
                "export --out v.jsonl",
                "generations",
                "prune 12345678",
                "health",
                "costs",
                "retry-failed"
            })
    void beforeTheFirstBuildTheyAskForOneAndLeaveNoDatabaseBehind(String command) {
        String[] words = command.split(" ");
        Result result =
                refused(words[0], List.of(words).subList(1, words.length).toArray(String[]::new));

        assertThat(result.err()).contains("run a build first");
        assertThat(cli.folder().resolve("embeddings.db")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "build",
                "retry-failed",
                "stats",
                "health",
                "costs",
                "serve",
                "embed-text",
                "explain",
                "export",
                "generations",
                "prune"
            })
    void everyCommandHasHelp(String command) {
        Result help = cli.run(command, "--help");

        assertThat(help.code()).isZero();
        assertThat(help.err()).isEmpty();
        assertThat(help.out()).startsWith("Usage: evervec " + command).contains("--config", "Exit codes:");
        assertThat(help.out().lines()).allMatch(line -> line.length() <= 100);
    }

    @Test
    void theProgramTellsItsCommandsAndItsVersion() {
        assertThat(cli.run("--help").out())
                .contains(
                        "build",
                        "retry-failed",
                        "stats",
                        "health",
                        "costs",
                        "serve",
                        "embed-text",
                        "explain",
                        "export",
                        "generations",
                        "prune");
        assertThat(cli.run("--version").out()).startsWith("evervec ");
        assertThat(cli.refused().err()).contains("a command is missing");
        assertThat(cli.refused("bild").err()).contains("evervec build");
    }

    @Test
    void statsCountsEachSourceInEachState() {
        build();

        Result people = run("stats");
        JsonNode books = run("stats", "--source", "books", "--json").json().get("sources");

        assertThat(people.code()).isZero();
        assertThat(people.outLines().stream().map(line -> line.replaceAll(" +", " ")))
                .contains("books 2 2 1 0 1 0", "films 1 1 1 0 0 0", "(all) 3 3 2 0 1 0")
                .anyMatch(line -> line.startsWith("Last complete scan: 20"));
        assertThat(books).hasSize(1);
        assertThat(books.at("/0/skipped").asInt()).isEqualTo(1);
        assertThat(refused("stats", "--source", "plays").err()).contains("plays", "books, films");
    }

    @Test
    void explainTellsTheStateOfARecordInEverySourceThatHasIt() {
        build();

        Result both = run("explain", "a");
        JsonNode one = run("explain", "b", "--source", "books", "--json").json();

        assertThat(both.code()).isZero();
        assertThat(both.out()).contains("Record     books/a", "Record     films/a", "Vector     8 dimensions");
        assertThat(one.at("/records/0/state").asText()).isEqualTo("skipped");
        assertThat(one.at("/records/0/reason").asText()).isEqualTo("empty_content");
        assertThat(one.at("/records/0/vector").isNull()).isTrue();
    }

    @Test
    void explainOfAnUnknownIdQuotesItAndEndsWithOne() {
        build();

        Result people = run("explain", "zebra");
        Result json = run("explain", "zebra", "--json");

        assertThat(people.code()).isEqualTo(1);
        assertThat(people.out()).isEmpty();
        assertThat(people.err()).contains("\"zebra\"");
        assertThat(json.code()).isEqualTo(1);
        assertThat(json.json().get("records")).isEmpty();
        assertThat(refused("explain", "a", "--source", "plays").err()).contains("books, films");
    }

    @Test
    void exportedVectorsAreExactlyTheStoredOnes() throws Exception {
        build();

        Result export = run("export", "--out", "vectors.jsonl");

        assertThat(export.code()).isZero();
        assertThat(export.out()).startsWith("Exported 2 vectors of generation " + EIGHT.generation());
        List<String> lines = Files.readAllLines(cli.folder().resolve("vectors.jsonl"));
        List<StoredVector> stored = stored();
        assertThat(lines).hasSameSizeAs(stored).hasSize(2);
        for (int i = 0; i < lines.size(); i++) {
            JsonNode line = Cli.parse(lines.get(i));
            StoredVector vector = stored.get(i);
            assertThat(line.get("source").asText() + "/" + line.get("id").asText())
                    .isEqualTo(vector.key().toString());
            assertThat(line.get("text_hash").asText())
                    .isEqualTo(vector.textHash().hex());
            assertThat(line.get("embedding")).hasSize(8);
            for (int j = 0; j < 8; j++) {
                assertThat(Float.parseFloat(line.get("embedding").get(j).asText()))
                        .isEqualTo(vector.embedding().get(j));
            }
        }
    }

    private List<StoredVector> stored() {
        List<StoredVector> vectors = new ArrayList<>();
        try (EmbeddingStore store = JdbcStore.openSqlite(cli.folder().resolve("embeddings.db"))) {
            store.forEachVector(EIGHT, null, vectors::add);
        }
        return vectors;
    }

    @Test
    void exportOfOneSourceReplacesTheFileThatIsThere() throws Exception {
        build();
        Path file = cli.file("vectors.jsonl", "old");

        Result export = run("export", "--source", "films", "--out", "vectors.jsonl");

        assertThat(export.out()).startsWith("Exported 1 vector of generation ");
        assertThat(Files.readAllLines(file)).singleElement().asString().contains("\"films\"");
        assertThat(refused("export", "--source", "plays", "--out", "vectors.jsonl")
                        .err())
                .contains("books, films");
    }

    @Test
    void exportSaysWhyItCannotWriteAndLeavesNothingBehind() throws Exception {
        build();
        Files.createDirectory(cli.folder().resolve("out"));

        assertThat(refused("export", "--out", "nowhere/vectors.jsonl").err())
                .contains(cli.folder().resolve("nowhere/vectors.jsonl") + ": ");
        assertThat(refused("export", "--out", "out").err()).contains("it is a folder");
        assertThat(refused("export").err()).contains("--out");
        try (var files = Files.list(cli.folder())) {
            assertThat(files.map(file -> file.getFileName().toString())).noneMatch(name -> name.contains("tmp"));
        }
    }

    @Test
    void anotherDimensionOpensAGenerationBesideTheOldOneWhichCanThenBePruned() {
        build();
        cli.config(16);

        Result second = run("build");

        assertThat(second.summary().get("succeeded").asInt()).isEqualTo(2);
        JsonNode generations = run("generations", "--json").json().get("generations");
        assertThat(generations).hasSize(2);
        assertThat(generations.at("/0/dim").asInt()).isEqualTo(16);
        assertThat(generations.at("/0/current").asBoolean()).isTrue();
        assertThat(generations.at("/1/dim").asInt()).isEqualTo(8);
        assertThat(generations.at("/1/current").asBoolean()).isFalse();
        assertThat(run("generations").outLines()).hasSize(3);
        String current = generations.at("/0/name").asText();

        assertThat(refused("prune", current).err()).contains(current, "not pruned");
        assertThat(refused("prune", "00000000").err()).contains("00000000", EIGHT.generation(), current);
        assertThat(run("prune", EIGHT.generation()).out())
                .isEqualTo("Deleted generation " + EIGHT.generation() + " with 2 vectors\n");
        assertThat(run("generations", "--json").json().get("generations")).hasSize(1);
        assertThat(run("stats", "--json").json().at("/sources/0/embedded").asInt())
                .isEqualTo(1);
    }

    @Test
    void embedTextGivesTheVectorOfAText() {
        Result embed = run("embed-text", "two ropes");

        assertThat(embed.code()).isZero();
        JsonNode json = embed.json();
        assertThat(json.get("dim").asInt()).isEqualTo(8);
        assertThat(json.get("model").asText()).isEqualTo("hashing-v1");
        assertThat(json.get("rewritten").isNull()).isTrue();
        double squares = 0;
        for (JsonNode component : json.get("embedding")) {
            squares += component.asDouble() * component.asDouble();
        }
        assertThat(squares).isCloseTo(1.0, within(1e-5));
        assertThat(cli.folder().resolve("embeddings.db")).doesNotExist();
    }

    @Test
    void aBlankTextIsRefused() {
        assertThat(refused("embed-text", " \n").err()).contains("blank");
        assertThat(refused("embed-text").err()).contains("TEXT");
    }
}
