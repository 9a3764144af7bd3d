package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The README's program is compiled, run, and the same as in the README. */
class ReadmeTest {
    @Test
    void theProgramInTheReadmeIsTheOneThatIsCompiled() throws Exception {
        String source = Files.readString(module().resolve("src/main/java/dev/evervec/examples/HostProgram.java"));
        String readme = readme();

        assertThat(between(readme, "```java\n", "```"))
                .isEqualTo(between(source, "// README begins\n", "// README ends"));
    }

    @Test
    @Timeout(120)
    void theProgramInTheReadmeEmbedsEveryRowOfATable(@TempDir Path folder) throws Exception {
        Cli cli = new Cli(folder);
        Files.writeString(folder.resolve("config.toml"), Cli.config(64, "jsonl = \"unused.jsonl\""));
        StoreDump.execute(
                folder.resolve("problems.db"),
                "create table problems (id integer primary key, title text, content text)",
                "insert into problems values (1, 'One', '<p>first</p>'), (2, 'Two', 'second'), (3, null, 'third')");

        Process process = new ProcessBuilder(ChildJvm.command(HostProgramMain.class, "problems.db"))
                .directory(folder.toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String out;
        try {
            process.getOutputStream().close();
            ChildJvm.endAfter(process, 100);
            out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }

        assertThat(process.exitValue()).isZero();
        List<String> lines = out.lines().toList();
        JsonNode report = Cli.parse(lines.get(lines.size() - 1));
        assertThat(report.get("total_pending").asInt()).isEqualTo(3);
        assertThat(report.get("succeeded").asInt()).isEqualTo(3);
        assertThat(cli.run("stats", "--config", "config.toml", "--json")
                        .json()
                        .at("/sources/0/embedded")
                        .asInt())
                .isEqualTo(3);
    }

    static String readme() throws IOException {
        return Files.readString(module().resolve("../README.md"));
    }

    static String jsonDocs() throws IOException {
        return Files.readString(module().resolve("../docs/json.md"));
    }

    /** Maven runs tests in the folder of the module. */
    private static Path module() {
        return Path.of("").toAbsolutePath();
    }

    /** Without the indentation that the lines have in common. Line breaks say nothing: the two formats fold differently. */
    private static String between(String text, String begin, String end) {
        int from = text.indexOf(begin) + begin.length();
        return text.substring(from, text.indexOf(end, from))
                .strip()
                .replaceAll("\\s+", " ")
                .replace("( ", "(")
                .replace(" )", ")");
    }
}
