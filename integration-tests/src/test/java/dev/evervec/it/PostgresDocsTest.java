package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the documents tell a host on PostgreSQL to write is compiled here. */
final class PostgresDocsTest {
    @ParameterizedTest
    @ValueSource(strings = {"docs/postgresql.md", "docs/live.md"})
    void aProgramInTheDocumentIsTheOneThatIsCompiled(String document) throws Exception {
        String source = Files.readString(Path.of("src/test/java/dev/evervec/it/PostgresHost.java"));
        String program = Pattern.compile("// " + document + " begins\n(.*?)// " + document + " ends", Pattern.DOTALL)
                .matcher(source)
                .results()
                .map(marked -> folded(marked.group(1)))
                .findFirst()
                .orElseThrow();

        assertThat(Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
                        .matcher(Files.readString(Path.of("..", document)))
                        .results()
                        .map(shown -> folded(shown.group(1))))
                .contains(program);
    }

    /** Line breaks and indentation say nothing. */
    private static String folded(String text) {
        return text.strip().replaceAll("\\s+", " ");
    }
}
