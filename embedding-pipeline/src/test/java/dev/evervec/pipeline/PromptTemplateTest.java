package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PromptTemplateTest {
    @Test
    void fillsTitleAndTextWhereTheyStand() {
        assertThat(new PromptTemplate("T: {title}\nB: {text}!").fill("Two Sum", "Find it."))
                .isEqualTo("T: Two Sum\nB: Find it.!");
        assertThat(new PromptTemplate("{text} ({title})").fill("a", "b")).isEqualTo("b (a)");
    }

    @Test
    void leavesTheTitlesPlaceEmptyWithoutATitle() {
        assertThat(new PromptTemplate("[{title}] {text}").fill(null, "b")).isEqualTo("[] b");
    }

    @Test
    void ignoresATitleTheTemplateDoesNotAskFor() {
        assertThat(new PromptTemplate("Say: {text}").fill("a", "b")).isEqualTo("Say: b");
    }

    @Test
    void keepsAllOtherBraces() {
        assertThat(new PromptTemplate("{\"a\": {}} {{text}} {texts} {Title}").fill(null, "x"))
                .isEqualTo("{\"a\": {}} {x} {texts} {Title}");
    }

    @Test
    void neverExpandsWhatWasFilledIn() {
        PromptTemplate template = new PromptTemplate("{title}: {text}");

        assertThat(template.fill("{text}", "{title} $1 \\")).isEqualTo("{text}: {title} $1 \\");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "no place", "{title} only", "{ text }", "{TEXT}"})
    void refusesATemplateWithoutText(String template) {
        assertThatThrownBy(() -> new PromptTemplate(template))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no {text}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{text}{text}", "{text} {title} {title}", "{text} {title} {text}"})
    void refusesAPlaceholderThatOccursTwice(String template) {
        assertThatThrownBy(() -> new PromptTemplate(template))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("more than once");
    }
}
