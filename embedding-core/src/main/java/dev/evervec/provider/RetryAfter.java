package dev.evervec.provider;

import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How long a service asks to wait, in all the forms that services say it, for providers.
 *
 * <p>What comes out is what was asked, to the nanosecond; whether anybody waits that long is decided by who retries. More
 * than 31 days is a mistake of the service (a point in time instead of a duration, say) and counts as not said.
 */
public final class RetryAfter {
    private static final Duration LONGEST = Duration.ofDays(31);
    private static final String RESET = "x-ratelimit-reset-";
    private static final String REMAINING = "x-ratelimit-remaining-";

    private static final String DURATION = "(?:\\d{1,12}(?:\\.\\d{1,9})?(?:ns|us|\u00b5s|ms|s|m|h))+";
    private static final Pattern NUMBER = Pattern.compile("\\d{1,12}(?:\\.\\d{1,9})?");
    private static final Pattern GO_DURATION = Pattern.compile(DURATION);
    private static final Pattern GO_PART = Pattern.compile("(\\d+(?:\\.\\d+)?)(ns|us|\u00b5s|ms|s|m|h)");

    /**
     * "Please try again in 7m12s" (OpenAI), "Please retry in 26.3s" and {@code "retryDelay": "34s"} with any escapes
     * (Gemini), "Please retry after 26 seconds" (Azure); seen in 2026-11.
     */
    private static final Pattern IN_WORDS =
            Pattern.compile("(?:try again|retry)(?: your request)? (?:in|after) (?<told>" + DURATION
                    + "|\\d{1,9} seconds?)\\b|retrydelay[\\\\\"' ]{1,8}:[\\\\\"' ]{1,8}(?<delay>" + DURATION + ")\\b");

    private RetryAfter() {}

    /**
     * The wait that the headers of an answer ask for, or null if they do not: {@code retry-after-ms}, {@code Retry-After}
     * in seconds or as a date, then {@code x-ratelimit-reset-requests}, {@code -tokens} and the like. Of those, the
     * used-up quota ({@code x-ratelimit-remaining-…: 0}) that is full again last counts; if none is said to be used up, the
     * one that is full again first.
     *
     * @param headers values by name, in any case, as {@code java.net.http.HttpHeaders.map()} gives them; of several values
     *     the first counts
     * @param clock tells how far away a date is; one that has passed asks for a wait of no time
     */
    public static @Nullable Duration inHeaders(Map<String, List<String>> headers, Clock clock) {
        Map<String, String> first = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.forEach(
                (name, values) -> values.stream().findFirst().ifPresent(value -> first.put(name, value.strip())));
        Duration wait = number(first.get("retry-after-ms"), 1e6);
        if (wait == null) {
            wait = number(first.get("retry-after"), 1e9);
        }
        if (wait == null) {
            wait = date(first.get("retry-after"), clock);
        }
        if (wait == null) {
            wait = rateLimitReset(first);
        }
        return credible(wait);
    }

    /**
     * The wait that an error message asks for, or null if it does not: "try again in 7m12s", "retry after 26 seconds", and
     * the vendor's {@code "retryDelay": "34s"} where a proxy has put the details of an error into its message.
     */
    public static @Nullable Duration inWords(String message) {
        Matcher found = IN_WORDS.matcher(message.toLowerCase(Locale.ROOT));
        if (!found.find()) {
            return null;
        }
        String told = found.group("told") == null ? found.group("delay") : found.group("told");
        return credible(ofWords(told.replaceFirst(" seconds?$", "s")));
    }

    private static @Nullable Duration credible(@Nullable Duration wait) {
        return wait == null || wait.compareTo(LONGEST) > 0 ? null : wait;
    }

    private static @Nullable Duration rateLimitReset(Map<String, String> headers) {
        List<Duration> usedUp = new ArrayList<>();
        List<Duration> all = new ArrayList<>();
        headers.forEach((name, value) -> {
            String lower = name.toLowerCase(Locale.ROOT);
            Duration reset = lower.startsWith(RESET) ? ofWords(value) : null;
            if (reset != null && !reset.isZero()) {
                all.add(reset);
                if ("0".equals(headers.get(REMAINING + lower.substring(RESET.length())))) {
                    usedUp.add(reset);
                }
            }
        });
        if (!usedUp.isEmpty()) {
            return Collections.max(usedUp);
        }
        return all.isEmpty() ? null : Collections.min(all);
    }

    private static @Nullable Duration number(@Nullable String value, double nanosPerUnit) {
        return value == null || !NUMBER.matcher(value).matches()
                ? null
                : ofNanos(Double.parseDouble(value) * nanosPerUnit);
    }

    private static @Nullable Duration date(@Nullable String value, Clock clock) {
        if (value == null) {
            return null;
        }
        try {
            Duration wait =
                    Duration.between(clock.instant(), ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME));
            return wait.isNegative() ? Duration.ZERO : wait;
        } catch (DateTimeException e) {
            return null;
        }
    }

    /** A duration in a header, or null if it is none that can be believed. */
    static @Nullable Duration duration(String value) {
        return credible(ofWords(value));
    }

    /** Go's notation: {@code 1s}, {@code 6m0s}, {@code 20ms}; Azure sends bare seconds. */
    private static @Nullable Duration ofWords(String value) {
        if (!GO_DURATION.matcher(value).matches()) {
            return number(value, 1e9);
        }
        double nanos = 0;
        Matcher part = GO_PART.matcher(value);
        while (part.find()) {
            nanos += Double.parseDouble(part.group(1)) * nanosPer(part.group(2));
        }
        return ofNanos(nanos);
    }

    private static double nanosPer(String unit) {
        return switch (unit) {
            case "ns" -> 1;
            case "ms" -> 1e6;
            case "s" -> 1e9;
            case "m" -> 60e9;
            case "h" -> 3600e9;
            default -> 1e3;
        };
    }

    private static Duration ofNanos(double nanos) {
        return Duration.ofNanos(Math.round(Math.min(nanos, LONGEST.toNanos() + 1.0e9)));
    }
}
