package dev.evervec.benchmarks.stub;

/** Allows requests or refuses them, by their number and by their tokens, in one step. Thread-safe. */
final class StubQuota {
    private final Allowance requests;
    private final Allowance tokens;

    /** What came of a request: how long to wait if it was refused, or 0, and which limit refused it. */
    record Verdict(long waitNanos, boolean byTokens) {
        boolean refused() {
            return waitNanos > 0;
        }
    }

    StubQuota(StubSettings settings, long now) {
        requests = new Allowance(settings.window(), settings.number("rpm"), now);
        tokens = new Allowance(settings.window(), settings.number("tpm"), now);
    }

    synchronized void change(StubSettings settings) {
        requests.change(settings.number("rpm"));
        tokens.change(settings.number("tpm"));
    }

    /** Takes both if both are allowed; a refused request takes nothing. */
    synchronized Verdict ask(long requestUnits, long tokenUnits, long now) {
        long forRequests = requests.untilAllowed(requestUnits, now);
        long forTokens = tokens.untilAllowed(tokenUnits, now);
        if (forRequests == 0 && forTokens == 0) {
            requests.take(requestUnits, now);
            tokens.take(tokenUnits, now);
        }
        return new Verdict(Math.max(forRequests, forTokens), forTokens > forRequests);
    }

    /** The headers in which OpenAI tells how the quota stands. */
    synchronized String headers(long now) {
        return headers("requests", requests, now) + headers("tokens", tokens, now);
    }

    private static String headers(String name, Allowance allowance, long now) {
        if (!allowance.limited()) {
            return "";
        }
        return "x-ratelimit-limit-" + name + ": " + allowance.perMinute() + "\r\nx-ratelimit-remaining-" + name + ": "
                + allowance.remaining(now) + "\r\nx-ratelimit-reset-" + name + ": "
                + (allowance.untilFull(now) + 999_999) / 1_000_000 + "ms\r\n";
    }
}
