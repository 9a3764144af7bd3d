package dev.evervec.provider.openai;

import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.Headers;
import org.jspecify.annotations.Nullable;

/** How long a service asks to wait, from its headers. */
final class RetryAfter {
    /** Headers beyond this are a mistake of the service. */
    private static final Duration LONGEST = Duration.ofDays(31);

    private static final Pattern NUMBER = Pattern.compile("\\d{1,12}(?:\\.\\d{1,9})?");
    private static final Pattern GO_DURATION =
            Pattern.compile("(?:\\d{1,12}(?:\\.\\d{1,9})?(?:ns|us|\u00b5s|ms|s|m|h))+");
    private static final Pattern GO_PART = Pattern.compile("(\\d+(?:\\.\\d+)?)(ns|us|\u00b5s|ms|s|m|h)");
    private static final List<String> QUOTAS = List.of("requests", "tokens");

    private RetryAfter() {}

    /**
     * The wait that the headers ask for, or null if they do not: {@code retry-after-ms}, {@code Retry-After} in seconds or
     * as a date, then OpenAI's {@code x-ratelimit-reset-requests} and {@code -tokens}.
     */
    static @Nullable Duration of(Headers headers, Clock clock) {
        Duration wait = number(headers.get("retry-after-ms"), 1e6);
        if (wait == null) {
            wait = number(headers.get("retry-after"), 1e9);
        }
        if (wait == null) {
            wait = date(headers.get("retry-after"), clock);
        }
        if (wait == null) {
            wait = rateLimitReset(headers);
        }
        return wait == null || wait.compareTo(LONGEST) > 0 ? null : wait;
    }

    /** The used-up quota that is full again last; if none is said to be used up, the one that is full again first. */
    private static @Nullable Duration rateLimitReset(Headers headers) {
        List<Duration> usedUp = new ArrayList<>();
        List<Duration> all = new ArrayList<>();
        for (String quota : QUOTAS) {
            Duration reset = goDuration(headers.get("x-ratelimit-reset-" + quota));
            if (reset != null && !reset.isZero()) {
                all.add(reset);
                if ("0".equals(headers.get("x-ratelimit-remaining-" + quota))) {
                    usedUp.add(reset);
                }
            }
        }
        if (!usedUp.isEmpty()) {
            return Collections.max(usedUp);
        }
        return all.isEmpty() ? null : Collections.min(all);
    }

    private static @Nullable Duration number(@Nullable String value, double nanosPerUnit) {
        if (value == null || !NUMBER.matcher(value.strip()).matches()) {
            return null;
        }
        return ofNanos(Double.parseDouble(value.strip()) * nanosPerUnit);
    }

    private static @Nullable Duration date(@Nullable String value, Clock clock) {
        if (value == null) {
            return null;
        }
        try {
            Duration wait = Duration.between(
                    clock.instant(), ZonedDateTime.parse(value.strip(), DateTimeFormatter.RFC_1123_DATE_TIME));
            return wait.isNegative() ? Duration.ZERO : wait;
        } catch (DateTimeException e) {
            return null;
        }
    }

    /** Go's notation: {@code 1s}, {@code 6m0s}, {@code 20ms}; Azure sends bare seconds. */
    private static @Nullable Duration goDuration(@Nullable String value) {
        if (value == null) {
            return null;
        }
        String text = value.strip();
        if (!GO_DURATION.matcher(text).matches()) {
            return number(text, 1e9);
        }
        double nanos = 0;
        Matcher part = GO_PART.matcher(text);
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
