package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which language a reader gets. */
class LanguagesTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "en | EN",
                "en-GB,zh;q=0.5 | EN",
                "zh-TW | ZH_TW",
                "zh-tw | ZH_TW",
                "zh-Hant | ZH_TW",
                "zh-Hant-HK | ZH_TW",
                "zh-Hant-CN | ZH_TW",
                "zh-HK | ZH_TW",
                "zh-MO | ZH_TW",
                "zh | ZH_CN",
                "zh-CN | ZH_CN",
                "zh-SG | ZH_CN",
                "zh-Hans | ZH_CN",
                "zh-Hans-TW | ZH_CN",
                "zh-* | ZH_CN",
                "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7 | ZH_TW",
                "zh-CN,zh;q=0.9,en;q=0.8,zh-TW;q=0.7 | ZH_CN",
                "en;q=0.1, zh-CN;q=0.3, zh-TW;q=0.2 | ZH_CN",
                "fr, de;q=0.9, zh-HK;q=0.1 | ZH_TW",
                "fr, ja | EN",
                "* | EN",
                "fr, *;q=0.5 | EN",
                "zh-TW;q=0.5, *;q=0.1 | ZH_TW",
                "en;q=0, * | ZH_TW",
                "en;q=0, zh-TW;q=0, *;q=0.5 | ZH_CN",
                "zh-TW;q=0, zh-CN | ZH_CN",
                "zh-TW;q=0 | EN"
            })
    void theBrowserAsksForALanguage(String header, Language expected) {
        assertThat(Languages.of(null, header)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                ",",
                ";;;",
                "q=1",
                "zh;q=2",
                "zh;q=x",
                "--",
                "<script>",
                "\u0000",
                "en_US",
                "*-",
                "zh;q=1.5"
            })
    void nonsenseIsPassedOver(String header) {
        assertThat(Languages.of(null, header)).isEqualTo(Language.EN);
        assertThat(Languages.of(null, header + ",zh-TW")).isEqualTo(Language.ZH_TW);
    }

    @Test
    void nothingAskedIsEnglish() {
        assertThat(Languages.of(null, null)).isEqualTo(Language.EN);
    }

    @Test
    void aHeaderWithoutEndIsCutOff() {
        assertThat(Languages.of(null, "fr,".repeat(100_000) + "zh-TW")).isEqualTo(Language.EN);
    }

    @Test
    void theReadersOwnChoiceComesFirst() {
        assertThat(Languages.of("zh-CN", "en")).isEqualTo(Language.ZH_CN);
        assertThat(Languages.of("en", "zh-TW")).isEqualTo(Language.EN);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "fr", "zh", "ZH-TW", "zh-TW ", "<script>"})
    void aChoiceThatIsNoneIsPassedOver(String cookie) {
        assertThat(Languages.of(cookie, "zh-TW")).isEqualTo(Language.ZH_TW);
    }
}
