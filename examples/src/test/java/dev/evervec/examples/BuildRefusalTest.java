package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.examples.Cli.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a build refuses before a job begins: exit code 2, one message, nothing on standard output, no job. */
class BuildRefusalTest {
    private Cli cli;

    @BeforeEach
    void inAFolderOfItsOwn(@TempDir Path folder) {
        cli = new Cli(folder);
    }

    private Result refused(String... options) {
        String[] args = new String[options.length + 3];
        args[0] = "build";
        args[1] = "--config";
        args[2] = "config.toml";
        System.arraycopy(options, 0, args, 3, options.length);
        Result result = cli.refused(args);
        assertThat(cli.folder().resolve("logs")).doesNotExist();
        return result;
    }

    @Test
    void allMistakesOfAConfigurationAreListedAtOnce() {
        cli.file("config.toml", """
                [llm]
                provider = "locall"
                apikey = "x"

                [llm.models.embedding]
                dim = -3

                [build]
                on_too_long = "cut"
                max_attempts = "three"
                """);

        Result result = refused();

        assertThat(result.err())
                .contains("config.toml", "llm.apikey", "llm.models.embedding.dim", "llm.models.embedding.name")
                .contains("build.on_too_long", "build.max_attempts", "line 6", "line 10");
    }

    @Test
    void anUnknownProviderIsAnsweredWithThoseThereAre() {
        cli.records(1);
        cli.file("config.toml", Cli.config(8, "jsonl = \"records.jsonl\"").replace("\"local\"", "\"nearby\""));

        assertThat(refused().err()).contains("nearby", "gemini", "local", "openai");
    }

    @Test
    void aMissingConfigurationIsNamed() {
        assertThat(refused().err()).contains(cli.folder().resolve("config.toml").toString());
    }

    @Test
    void aConfigurationThatIsNoTomlIsRefusedWithTheLine() {
        cli.file("config.toml", "[llm]\nprovider = local\n");

        assertThat(refused().err()).contains("config.toml", "line 2");
    }

    @Test
    void aConfigurationWithoutRecordsSaysWhatToAdd() {
        cli.file("config.toml", Cli.config(8, "").replace("[records]\n", ""));

        assertThat(refused().err()).contains("[records]", "jsonl");
    }

    @Test
    void aMissingRecordsFileIsNamed() {
        cli.config(8);

        assertThat(refused().err())
                .contains(cli.folder().resolve("records.jsonl").toString());
    }

    @Test
    void aFolderInPlaceOfTheRecordsFileIsNamed() throws Exception {
        cli.config(8);
        Files.createDirectory(cli.folder().resolve("records.jsonl"));

        assertThat(refused().err())
                .contains(cli.folder().resolve("records.jsonl").toString());
    }

    @Test
    void aMissingTableIsNamed() throws Exception {
        StoreDump.execute(cli.folder().resolve("host.db"), "create table other (id integer)");
        sql("select id, content from problems");

        assertThat(refused().err()).contains("problems");
    }

    @Test
    void aQueryWithoutAnIdSaysWhichColumnsItMustHave() throws Exception {
        StoreDump.execute(cli.folder().resolve("host.db"), "create table problems (id integer, content text)");
        sql("select content from problems");

        assertThat(refused().err()).contains("id", "content");
    }

    private void sql(String query) {
        String url = "jdbc:sqlite:" + cli.folder().resolve("host.db");
        cli.file("config.toml", Cli.config(8, "jdbc_url = \"" + url + "\"\nquery = \"" + query + "\""));
    }

    @Test
    void aStoreThatIsNoDatabaseIsNamedAndLeftAsItIs() throws Exception {
        cli.records(1);
        cli.config(8);
        String text = "this is a letter and no database, and long enough to be looked at. ".repeat(20);
        Path letter = cli.file("embeddings.db", text);

        assertThat(refused().err()).contains(letter.toString());
        assertThat(Files.readString(letter)).isEqualTo(text);
    }

    @Test
    void aFolderInPlaceOfTheStoreIsNamed() throws Exception {
        cli.records(1);
        cli.config(8);
        Path folder = Files.createDirectory(cli.folder().resolve("embeddings.db"));

        assertThat(refused().err()).contains(folder.toString());
    }

    @Test
    void anUnknownSourceIsAnsweredWithThoseThereAre() {
        cli.file(
                "records.jsonl",
                "{\"id\":1,\"source\":\"books\",\"content\":\"a\"}\n{\"id\":2,\"source\":\"films\",\"content\":\"b\"}\n");
        cli.config(8);

        assertThat(refused("--source", "plays").err()).contains("plays", "books, films");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", ".hidden", "a/b", "../up"})
    void aJobIdThatCannotBeAFileNameIsRefused(String id) {
        cli.records(1);
        cli.config(8);

        assertThat(refused("--job-id", id).err()).contains("job id");
    }

    @Test
    void aJobIdIsUsedOnce() {
        cli.records(1);
        cli.config(8);
        assertThat(cli.run("build", "--config", "config.toml", "--job-id", "monday")
                        .code())
                .isZero();

        assertThat(cli.refused("build", "--config", "config.toml", "--job-id", "monday")
                        .err())
                .contains("monday", "used");
    }

    @Test
    void anEmptyFilterIsRefused() {
        cli.records(1);
        cli.config(8);

        assertThat(refused("--filter", "").err()).contains("filter");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "many"})
    void aBatchSizeThatIsNoPositiveNumberIsRefused(String size) {
        cli.records(1);
        cli.config(8);

        assertThat(refused("--batch-size", size).err()).contains("--batch-size");
    }

    @Test
    void aMissingIdsFileIsNamed() {
        cli.records(1);
        cli.config(8);

        assertThat(refused("--ids-file", "ids.txt").err())
                .contains(cli.folder().resolve("ids.txt") + ": it does not exist");
    }

    @Test
    void anIdsFileWithoutIdsIsRefused() {
        cli.records(1);
        cli.config(8);
        cli.file("ids.txt", "\n  \n");

        assertThat(refused("--ids-file", "ids.txt").err()).contains("has no id");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--rebild", "--budgetusd=1", "extra"})
    void whatIsNotUnderstoodIsRefused(String argument) {
        cli.records(1);
        cli.config(8);

        assertThat(refused(argument).err()).contains(argument.replaceAll("=.*", ""), "Try: evervec build --help");
    }
}
