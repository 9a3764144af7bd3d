package dev.evervec.examples.admin;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.github.mustachejava.DefaultMustacheFactory;
import com.github.mustachejava.Mustache;
import java.io.StringWriter;
import java.text.NumberFormat;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The two HTML pages. Every value is escaped on its way in. What a page shows of records and jobs comes from the API, by its
 * script. Links are relative to the page, so that it can be mounted anywhere. Immutable and thread-safe.
 */
final class Pages {
    /** Files that the pages load from {@code assets/} beside them. Each is a resource of this package. */
    static final List<String> ASSETS = List.of(
            "admin.css",
            "admin.js",
            "api.js",
            "costs.js",
            "dom.js",
            "estimate.js",
            "format.js",
            "health.js",
            "history.js",
            "icon.svg",
            "job.js",
            "live.js",
            "log.js",
            "records.js",
            "start.js",
            "texts.js");

    private static final JsonMapper JSON = new JsonMapper();

    private final Map<Language, Messages> messages = new EnumMap<>(Language.class);
    private final Mustache embeddings;
    private final Mustache login;

    Pages() {
        var templates = new DefaultMustacheFactory("dev/evervec/examples/admin");
        embeddings = templates.compile("embeddings.mustache");
        login = templates.compile("login.mustache");
        Language.ALL.forEach(language -> messages.put(language, Messages.of(language)));
    }

    /**
     * The admin page itself.
     *
     * @param csrfToken what its script sends with every request that changes something
     */
    String embeddings(Language language, String csrfToken) {
        Map<String, Object> values = values(language);
        values.put("csrf", csrfToken);
        values.put("messages", json(words(language).byKey()));
        return render(embeddings, values);
    }

    /**
     * The login page.
     *
     * @param errorKey key of the message that says why the last attempt failed, or null before the first
     * @param waitSeconds how long to wait before the next one; fills {@code {seconds}} of that message
     */
    String login(Language language, @Nullable String errorKey, long waitSeconds) {
        Map<String, Object> values = values(language);
        if (errorKey != null) {
            String seconds = NumberFormat.getIntegerInstance(language.locale()).format(waitSeconds);
            values.put("error", words(language).text(errorKey).replace("{seconds}", seconds));
        }
        return render(login, values);
    }

    private Map<String, Object> values(Language language) {
        Map<String, Object> values = new HashMap<>();
        values.put("lang", language.tag());
        values.put("t", words(language).byKey());
        values.put(
                "languages",
                Language.ALL.stream().map(one -> choice(one, language)).toList());
        return values;
    }

    private static Map<String, Object> choice(Language language, Language current) {
        return Map.of("tag", language.tag(), "name", language.ownName(), "current", language == current);
    }

    private Messages words(Language language) {
        return Objects.requireNonNull(messages.get(language), "language");
    }

    private static String render(Mustache page, Map<String, Object> values) {
        StringWriter html = new StringWriter();
        page.execute(html, values);
        return html.toString();
    }

    /** In a fixed order, so that equal pages are equal bytes. */
    private static String json(Map<String, String> texts) {
        try {
            return JSON.writeValueAsString(new TreeMap<>(texts));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("texts cannot be written as JSON", e);
        }
    }
}
