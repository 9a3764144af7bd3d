package dev.evervec.benchmarks.stub;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * How the stub behaves. Each setting has a name, which is that of the argument on the command line and of the parameter of
 * {@code POST /control}.
 *
 * <ul>
 *   <li>{@code port}: 0, the default, takes any that is free
 *   <li>{@code life}: seconds after which the process ends by itself; 3,600
 *   <li>{@code dimension}: components of a vector; 1,536
 *   <li>{@code latency}: milliseconds that each answer is on its way, however many are; 0
 *   <li>{@code slots}: requests that are worked on at once, while others queue; 0, the default, for no limit
 *   <li>{@code request-micros}, {@code text-micros}: how long a slot works for a request and for each of its texts; 0
 *   <li>{@code rewrite-latency}: milliseconds of a chat answer; 1,000
 *   <li>{@code rpm}, {@code tpm}: requests and tokens a minute; 0, the default, for no limit
 *   <li>{@code rpm-counts}: {@code requests}, or {@code texts} as Gemini does
 *   <li>{@code window}: {@code bucket} of one second's worth, the default, or {@code sliding} or {@code fixed} minute
 *   <li>{@code headers}: whether answers tell the quota in {@code x-ratelimit-*}; {@code false}
 *   <li>{@code retry-after}: whether a refusal says when to come back; {@code false}
 *   <li>{@code bytes-per-token}: how many bytes of a text, as it was sent, are a token; 4
 * </ul>
 */
final class StubSettings {
    private static final Map<String, String> DEFAULTS = Map.ofEntries(
            Map.entry("port", "0"),
            Map.entry("life", "3600"),
            Map.entry("dimension", "1536"),
            Map.entry("latency", "0"),
            Map.entry("slots", "0"),
            Map.entry("request-micros", "0"),
            Map.entry("text-micros", "0"),
            Map.entry("rewrite-latency", "1000"),
            Map.entry("rpm", "0"),
            Map.entry("tpm", "0"),
            Map.entry("rpm-counts", "requests"),
            Map.entry("window", "bucket"),
            Map.entry("headers", "false"),
            Map.entry("retry-after", "false"),
            Map.entry("bytes-per-token", "4"));

    private final Map<String, String> values;

    private StubSettings(Map<String, String> values) {
        this.values = values;
    }

    static StubSettings of(Map<String, String> given) {
        return new StubSettings(DEFAULTS).with(given);
    }

    /** From arguments of the form {@code --name=value}. */
    static StubSettings ofArguments(String... arguments) {
        Map<String, String> given = new HashMap<>();
        for (String argument : arguments) {
            String[] parts = argument.split("=", 2);
            if (parts.length != 2 || !parts[0].startsWith("--")) {
                throw new IllegalArgumentException("not of the form --name=value: " + argument);
            }
            given.put(parts[0].substring(2), parts[1]);
        }
        return of(given);
    }

    /**
     * These settings but for those given.
     *
     * @throws IllegalArgumentException if there is no setting of a given name
     */
    StubSettings with(Map<String, String> given) {
        if (!DEFAULTS.keySet().containsAll(given.keySet())) {
            throw new IllegalArgumentException("unknown among " + given.keySet() + ": there are " + names());
        }
        Map<String, String> all = new HashMap<>(values);
        all.putAll(given);
        return new StubSettings(Map.copyOf(all));
    }

    static Set<String> names() {
        return DEFAULTS.keySet();
    }

    int number(String name) {
        return Integer.parseInt(value(name));
    }

    long millisInNanos(String name) {
        return number(name) * 1_000_000L;
    }

    boolean isSet(String name) {
        return Boolean.parseBoolean(value(name));
    }

    boolean countsTexts() {
        return value("rpm-counts").equals("texts");
    }

    Allowance.Window window() {
        return Allowance.Window.valueOf(value("window").toUpperCase(Locale.ROOT));
    }

    /** How long a slot works for so many texts. */
    long workNanos(int texts) {
        return 1_000L * number("request-micros") + 1_000L * number("text-micros") * texts;
    }

    private String value(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no setting " + name);
        }
        return value;
    }
}
