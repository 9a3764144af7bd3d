package dev.evervec.examples.admin;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The two HTML pages. */
final class Pages {
    /** Files that the pages load from {@code assets/} beside them. Each is a resource of this package. */
    static final List<String> ASSETS = List.of("admin.css", "admin.js", "icon.svg");

    String embeddings(Language language, String csrfToken) {
        return "<!doctype html><html lang=\"" + language.tag() + "\"><meta name=\"csrf-token\" content=\"" + csrfToken
                + "\"><title>Evervec</title>";
    }

    String login(Language language, @Nullable String errorKey, long waitSeconds) {
        return "<!doctype html><html lang=\"" + language.tag() + "\"><title>Evervec</title><form method=\"post\">"
                + "<input name=\"secret\" type=\"password\">" + (errorKey == null ? "" : errorKey + waitSeconds)
                + "</form>";
    }
}
