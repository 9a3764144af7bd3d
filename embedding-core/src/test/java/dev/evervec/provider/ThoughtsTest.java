package dev.evervec.provider;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ThoughtsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'  short  '                           | short",
                "''                                    | ''",
                "<think>hm</think> short               | short",
                "'<think>a\n\nb</think>\n\nshort'      | short",
                "<think></think>short                  | short",
                "<think>a</think><think>b</think>short | short",
                "a<think>x</think>b<think>y</think>c   | abc",
                "hm, so</think>short                   | short",
                "hm</think><think>more</think>short    | short",
                "<think>never ends                     | ''",
                "<think>a</think><think>never ends     | ''",
                "<think>a</think>                      | ''",
                "hm</think>                            | ''",
                "the mark <think> opens a block        | the mark <think> opens a block",
                "short, see <thinking> and </thinking> | short, see <thinking> and </thinking>"
            })
    void onlyTheAnswerIsLeft(String answer, String expected) {
        assertThat(Thoughts.removedFrom(answer)).isEqualTo(expected);
    }
}
