package dev.evervec.it.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The programs in {@code docs/admin-page.md} are the ones that are compiled here. */
final class AdminPageDocsTest {
    private static final Pattern PROGRAM = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    /** Maven runs tests in the folder of the module. */
    private static List<String> programs() throws Exception {
        String docs = Files.readString(Path.of("../docs/admin-page.md"));
        return PROGRAM.matcher(docs)
                .results()
                .map(program -> folded(program.group(1)))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(classes = {Host.class, JavalinEmbeddings.class, SpringEmbeddings.class, JaxRsEmbeddings.class})
    void aProgramInTheDocumentIsTheOneThatIsCompiled(Class<?> program) throws Exception {
        String source =
                Files.readString(Path.of("src/test/java/" + program.getName().replace('.', '/') + ".java"));
        MatchResult marked = Pattern.compile(
                        "// docs/admin-page.md begins\n(.*?)// docs/admin-page.md ends", Pattern.DOTALL)
                .matcher(source)
                .results()
                .findFirst()
                .orElseThrow();

        assertThat(programs()).contains(folded(marked.group(1)));
    }

    @Test
    void theDocumentHasNoOtherPrograms() throws Exception {
        assertThat(programs()).hasSize(4);
    }

    /** Line breaks and indentation say nothing. */
    private static String folded(String text) {
        return text.strip().replaceAll("\\s+", " ").replace("( ", "(").replace(" )", ")");
    }
}
