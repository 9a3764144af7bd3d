package dev.evervec.examples.admin;

import io.javalin.http.Context;
import java.net.URI;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Where a request comes from, as far as browsers tell. */
final class Origins {
    private static final String NONE = "null";

    private Origins() {}

    /** Whether it came over TLS, to us or to a proxy before us. */
    static boolean isTls(Context request) {
        String forwarded = request.header("x-forwarded-proto");
        return request.req().isSecure()
                || (forwarded != null && forwarded.split(",", 2)[0].strip().equalsIgnoreCase("https"));
    }

    /** Whether a browser says that another site sent the request. */
    static boolean isForeign(Context request) {
        String site = request.header("sec-fetch-site");
        if (site != null) {
            return !site.equals("same-origin") && !site.equals("none");
        }
        String origin = request.header("origin");
        return origin != null && !isOurs(origin, request.header("host"));
    }

    /**
     * The same of a form. Older browsers, and all of them over plain HTTP, leave the origin of forms out because our pages have
     * the referrer policy no-referrer; no form does anything for whoever cannot read our pages.
     */
    static boolean isForeignForm(Context request) {
        boolean untold = request.header("sec-fetch-site") == null && NONE.equals(request.header("origin"));
        return !untold && isForeign(request);
    }

    static Problem problem() {
        return Problem.of(
                403,
                "forbidden",
                "the request comes from another site; a proxy before this server must pass the Host header on");
    }

    private static boolean isOurs(String origin, @Nullable String host) {
        try {
            URI uri = URI.create(origin);
            String authority = uri.getRawAuthority();
            return authority != null && host != null && withPort(authority, uri).equals(withPort(host, uri));
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** Browsers leave the usual port out, proxies may put it in. */
    private static String withPort(String authority, URI origin) {
        String port = "https".equalsIgnoreCase(origin.getScheme()) ? ":443" : ":80";
        String lower = authority.toLowerCase(Locale.ROOT);
        return lower.matches(".*:[0-9]+") ? lower : lower + port;
    }
}
