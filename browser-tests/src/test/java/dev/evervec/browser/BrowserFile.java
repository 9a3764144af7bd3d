package dev.evervec.browser;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Finds the browser to test with: the property {@code evervec.browser}, else {@code EVERVEC_BROWSER}, else on the PATH. */
final class BrowserFile {
    private static final String PROPERTY = "evervec.browser";
    private static final String VARIABLE = "EVERVEC_BROWSER";
    private static final List<String> NAMES =
            List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

    private BrowserFile() {}

    /**
     * Finds it.
     *
     * @throws IllegalStateException saying how to get one, if there is none
     */
    static Path find() {
        String named = System.getProperty(PROPERTY, "");
        if (named.isBlank()) {
            named = System.getenv().getOrDefault(VARIABLE, "");
        }
        return named.isBlank() ? onPath() : checked(Path.of(named));
    }

    private static Path checked(Path browser) {
        if (!Files.isExecutable(browser)) {
            throw new IllegalStateException(browser + ", named by -D" + PROPERTY + " or " + VARIABLE
                    + ", is not a program: name the browser's own file");
        }
        return browser;
    }

    private static Path onPath() {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty())
                .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(
                        () -> new IllegalStateException("The browser tests need Chromium or Chrome, and there is no "
                                + String.join(", ", NAMES)
                                + " on the PATH. Debian: apt-get install chromium. Fedora: dnf install"
                                + " chromium. macOS: brew install --cask google-chrome. If there is one elsewhere, name its file with -D"
                                + PROPERTY + "=FILE or " + VARIABLE + "=FILE."));
    }
}
