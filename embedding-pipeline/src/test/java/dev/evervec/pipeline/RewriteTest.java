package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.Reason;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RewriteTest {
    private static final PromptTemplate TEMPLATE = new PromptTemplate("Say it plainly:\n{text}\n");
    private static final String PROMPT = TEMPLATE.fill(null, "a long story");

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "short                                          | short",
                "'<think>hm</think>\n\nshort'                   | short",
                "'Say it plainly:\na long story\nshort'         | short",
                "'Say it plainly:\na long story<think>hm</think> short' | short",
                "a long story                                   | a long story",
                "'It says: Say it plainly:\na long story'       | 'It says: Say it plainly:\na long story'"
            })
    void anAnswerIsItsTextWithoutThoughtsAndWithoutThePrompt(String answer, String expected) {
        assertThat(Rewrite.of(TEMPLATE, PROMPT, answer)).isEqualTo(new Rewrite(expected, null, ""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                                | REWRITE_EMPTY | blank",
                "' \n '                            | REWRITE_EMPTY | blank",
                "<think>never ends                 | REWRITE_EMPTY | blank",
                "<think>hm</think>                 | REWRITE_EMPTY | blank",
                "'Say it plainly:\na long story\n' | REWRITE_ERROR | repeated the prompt",
                "'<think>a</think>Say it plainly:\na long story' | REWRITE_ERROR | repeated the prompt"
            })
    void anAnswerThatIsNoRewriteSaysWhy(String answer, Reason reason, String says) {
        Rewrite rewrite = Rewrite.of(TEMPLATE, PROMPT, answer);

        assertThat(rewrite.defect()).isEqualTo(reason);
        assertThat(rewrite.detail()).contains(says);
        assertThat(rewrite.text()).isEmpty();
    }

    @Test
    void aTextLeftAsItIsIsNoEchoOfATemplateWithoutWords() {
        PromptTemplate bare = new PromptTemplate("{title}\n\n{text}\n==");

        assertThat(Rewrite.of(bare, bare.fill("a", "b"), "a\n\nb\n== c").text()).isEqualTo("a\n\nb\n== c");
    }

    @Test
    void itShowsNoText() {
        assertThat(Rewrite.of(TEMPLATE, PROMPT, "secret")).asString().doesNotContain("secret");
    }
}
