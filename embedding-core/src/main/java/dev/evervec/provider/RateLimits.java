package dev.evervec.provider;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How the quota of a minute stands, as a service tells it with an answer or a refusal. All of it is optional: what a service
 * does not tell is empty. Immutable.
 *
 * @param requests in the service's own unit
 * @param tokens the same for tokens
 */
public record RateLimits(Limit requests, Limit tokens) {
    /** Nothing was told. */
    public static final RateLimits NONE = new RateLimits(Limit.NONE, Limit.NONE);

    /** What takes longer to be full again is the quota of an hour or a day; the rest is for rounding. */
    private static final Duration MINUTE = Duration.ofSeconds(65);

    private static final String PREFIX = "x-ratelimit-";
    private static final Pattern COUNT = Pattern.compile("\\d{1,18}");

    public RateLimits {
        Objects.requireNonNull(requests, "requests");
        Objects.requireNonNull(tokens, "tokens");
    }

    /**
     * How it stands with one kind of quota.
     *
     * @param perMinute what a minute allows; positive if told
     * @param remaining what is left of it; zero or more if told
     * @param reset how long until all of it is there again, or null if not told
     */
    public record Limit(
            OptionalLong perMinute,
            OptionalLong remaining,
            @Nullable Duration reset) {
        /** Nothing was told. */
        public static final Limit NONE = new Limit(OptionalLong.empty(), OptionalLong.empty(), null);

        /**
         * Checks the values.
         *
         * @throws IllegalArgumentException if a limit is not positive, or if something else is negative
         */
        public Limit {
            Objects.requireNonNull(perMinute, "perMinute");
            Objects.requireNonNull(remaining, "remaining");
            if (perMinute.orElse(1) < 1 || remaining.orElse(0) < 0 || (reset != null && reset.isNegative())) {
                throw new IllegalArgumentException("a limit must be positive, what remains of it and its reset not"
                        + " negative: " + perMinute + ", " + remaining + ", " + reset);
            }
        }

        /** A limit of which nothing else is told. */
        public static Limit of(long perMinute) {
            return new Limit(OptionalLong.of(perMinute), OptionalLong.empty(), null);
        }
    }

    /**
     * What the headers {@code x-ratelimit-limit-requests}, {@code -remaining-requests}, {@code -reset-requests} and those for
     * {@code tokens} tell, with or without {@code -minute} behind. Those of another window ({@code -day}, or full again only after more
     * than a minute) tell nothing that a minute's pace could be made of and are left out, as is what cannot be understood.
     *
     * @param headers values by name, in any case; of several values the first counts
     */
    public static RateLimits inHeaders(Map<String, List<String>> headers) {
        Map<String, String> first = new TreeMap<>();
        headers.forEach((name, values) -> {
            String lower = name.toLowerCase(Locale.ROOT);
            if (lower.startsWith(PREFIX)) {
                values.stream().findFirst().ifPresent(value -> first.put(lower, value.strip()));
            }
        });
        return first.isEmpty() ? NONE : new RateLimits(limit(first, "requests"), limit(first, "tokens"));
    }

    private static Limit limit(Map<String, String> headers, String kind) {
        String minute = kind + "-minute";
        String told = headers.keySet().stream().anyMatch(name -> name.endsWith(minute)) ? minute : kind;
        String resetTold = headers.get(PREFIX + "reset-" + told);
        Duration reset = resetTold == null ? null : RetryAfter.duration(resetTold);
        if (reset != null && reset.compareTo(MINUTE) > 0) {
            return Limit.NONE;
        }
        OptionalLong perMinute = count(headers.get(PREFIX + "limit-" + told));
        OptionalLong remaining = count(headers.get(PREFIX + "remaining-" + told));
        return new Limit(perMinute.orElse(0) > 0 ? perMinute : OptionalLong.empty(), remaining, reset);
    }

    private static OptionalLong count(@Nullable String value) {
        return value != null && COUNT.matcher(value).matches()
                ? OptionalLong.of(Long.parseLong(value))
                : OptionalLong.empty();
    }
}
