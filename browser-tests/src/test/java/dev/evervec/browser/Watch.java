package dev.evervec.browser;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Request;
import java.util.ArrayList;
import java.util.List;

/** Notes what must not happen in any page of a context: errors, broken rules of the content security policy, dialogs, requests to others. */
final class Watch {
    /** Hostile records of the tests try to set {@code window.pwned}. */
    private static final String TELL_VIOLATIONS = """
            document.addEventListener('securitypolicyviolation', event =>
              window.tellViolation(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));
            Object.defineProperty(window, 'pwned', { set: () => window.tellViolation('a script of a record ran') });
            """;

    private final String origin;
    private final List<String> wrongs = new ArrayList<>();
    private final List<String> expected;

    private Watch(String origin, List<String> expected) {
        this.origin = origin;
        this.expected = expected;
    }

    static Watch over(BrowserContext context, String origin) {
        return over(context, new Watch(origin, new ArrayList<>()));
    }

    /** The same for another context of the same test, in which the same is expected. */
    Watch alsoOver(BrowserContext context) {
        return over(context, new Watch(origin, expected));
    }

    private static Watch over(BrowserContext context, Watch watch) {
        context.exposeFunction("tellViolation", what -> {
            watch.note("policy: " + what[0]);
            return true;
        });
        context.addInitScript(TELL_VIOLATIONS);
        context.onRequest(watch::look);
        context.onDialog(dialog -> {
            watch.note("dialog: " + dialog.message());
            dialog.dismiss();
        });
        context.onConsoleMessage(message -> {
            if (message.type().equals("error") || message.type().equals("warning")) {
                watch.note("console: " + message.text() + " at " + message.location());
            }
        });
        context.onWebError(error -> watch.note("script: " + error.error()));
        return watch;
    }

    /** What a test provokes on purpose: a part of the text that the console shows. */
    void expect(String part) {
        expected.add(part);
    }

    private void look(Request request) {
        if (!request.url().startsWith(origin + "/")) {
            note("foreign request: " + request.url());
        }
    }

    private void note(String wrong) {
        wrongs.add(wrong);
    }

    void assertNothingWrong() {
        assertThat(wrongs.stream().filter(wrong -> expected.stream().noneMatch(wrong::contains)))
                .isEmpty();
    }
}
