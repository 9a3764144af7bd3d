package dev.evervec.provider.gemini;

import java.util.Locale;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/** The address of the service, checked before the SDK sees it: the SDK would take some bad ones and fail obscurely later. */
final class BaseUrl {
    // Given explicitly even when nothing is configured: the SDK otherwise reads GOOGLE_GEMINI_BASE_URL.
    static final String DEFAULT = "https://generativelanguage.googleapis.com";

    // The SDK appends it by itself.
    private static final String API_VERSION = "/v1beta";

    private BaseUrl() {}

    /**
     * The URL without trailing slashes and without {@code /v1beta} at its end; the vendor's own for null.
     *
     * @throws IllegalArgumentException if it is no http or https URL; the message names the setting
     */
    static String of(@Nullable String configured) {
        if (configured == null) {
            return DEFAULT;
        }
        String url = configured.strip();
        if (url.isEmpty()) {
            throw new IllegalArgumentException("base_url is empty: leave it out, or give something like " + DEFAULT);
        }
        String lower = url.toLowerCase(Locale.ROOT);
        if (!lower.startsWith("http://") && !lower.startsWith("https://")) {
            throw new IllegalArgumentException(
                    "base_url must start with http:// or https://" + shown(url) + "; example: " + DEFAULT);
        }
        HttpUrl parsed = HttpUrl.parse(url);
        if (parsed == null) {
            throw new IllegalArgumentException("base_url is not a valid URL" + shown(url) + "; example: " + DEFAULT);
        }
        if (!parsed.username().isEmpty() || !parsed.password().isEmpty()) {
            throw new IllegalArgumentException("base_url must not have a user name or password in it");
        }
        if (parsed.query() != null || parsed.fragment() != null) {
            throw new IllegalArgumentException("base_url must not have a query (?) or fragment (#)");
        }
        return withoutTail(parsed.toString());
    }

    private static String withoutTail(String url) {
        String trimmed = withoutSlashes(url);
        return trimmed.endsWith(API_VERSION)
                ? withoutSlashes(trimmed.substring(0, trimmed.length() - API_VERSION.length()))
                : trimmed;
    }

    private static String withoutSlashes(String url) {
        int end = url.length();
        while (end > 0 && url.charAt(end - 1) == '/') {
            end--;
        }
        return url.substring(0, end);
    }

    // What stands before an @ or after a ? may be a credential.
    private static String shown(String url) {
        return url.contains("@") || url.contains("?") ? "" : ": '" + url + "'";
    }
}
