package dev.evervec.browser;

import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.ColorScheme;

/** How large a window is and which colours its person likes. */
enum Look {
    DESK("", ColorScheme.LIGHT, 1280, 900),
    PHONE("-phone", ColorScheme.LIGHT, 360, 740),
    DARK("-dark", ColorScheme.DARK, 1280, 900),
    DARK_PHONE("-dark-phone", ColorScheme.DARK, 360, 740);

    private final String suffix;
    private final ColorScheme colours;
    private final int width;
    private final int height;

    Look(String suffix, ColorScheme colours, int width, int height) {
        this.suffix = suffix;
        this.colours = colours;
        this.width = width;
        this.height = height;
    }

    /** Of a file name; empty for what is usual. */
    String suffix() {
        return suffix;
    }

    void applyTo(Page page) {
        page.emulateMedia(new Page.EmulateMediaOptions().setColorScheme(colours));
        page.setViewportSize(width, height);
    }
}
