package dev.evervec.examples.admin;

import io.javalin.http.Context;
import java.util.Map;

/** What every answer tells the browser, so that a page can do nothing but what it is meant to. */
final class SecurityHeaders {
    static final Map<String, String> ALWAYS = Map.of(
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
                    + " base-uri 'none'; frame-ancestors 'none'",
            "x-content-type-options",
            "nosniff",
            "referrer-policy",
            "no-referrer",
            "cache-control",
            "no-store",
            "cross-origin-opener-policy",
            "same-origin",
            "cross-origin-resource-policy",
            "same-origin",
            "permissions-policy",
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()");

    private SecurityHeaders() {}

    static void set(Context request) {
        ALWAYS.forEach(request::header);
        if (Origins.isTls(request)) {
            request.header("strict-transport-security", "max-age=31536000");
        }
    }
}
