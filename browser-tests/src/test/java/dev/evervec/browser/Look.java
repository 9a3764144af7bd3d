package dev.evervec.browser;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.options.ColorScheme;

/** What a browser asks for and how large it is. {@code language}: as in the page's {@code lang}. */
record Look(String language, ColorScheme theme, int width, int height) {
    static final Look ENGLISH = of("en");
    static final Look TAIWAN = of("zh-TW");
    static final Look CHINA = of("zh-CN");
    private static final int PHONE_WIDTH = 360;

    static Look of(String language) {
        return new Look(language, ColorScheme.LIGHT, 1280, 900);
    }

    Look dark() {
        return new Look(language, ColorScheme.DARK, width, height);
    }

    Look phone() {
        return new Look(language, theme, PHONE_WIDTH, 740);
    }

    Browser.NewContextOptions options() {
        return new Browser.NewContextOptions()
                .setLocale(language.equals("en") ? "en-US" : language)
                .setTimezoneId("UTC")
                .setColorScheme(theme)
                .setViewportSize(width, height);
    }

    /** For file names: the language, and what is not usual. */
    @Override
    public String toString() {
        return language + (theme == ColorScheme.DARK ? "-dark" : "") + (width == PHONE_WIDTH ? "-phone" : "");
    }
}
