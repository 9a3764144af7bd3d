package dev.evervec.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Guesses which key was meant by one that does not exist. */
final class NearMiss {
    /** Names that people give to our keys, from other tools and from our other tables. */
    private static final Map<String, String> OTHER_NAMES = Map.ofEntries(
            Map.entry("model", "name"),
            Map.entry("model_name", "name"),
            Map.entry("dimension", "dim"),
            Map.entry("dimensions", "dim"),
            Map.entry("output_dimensionality", "dim"),
            Map.entry("key", "api_key"),
            Map.entry("token", "api_key"),
            Map.entry("url", "base_url"),
            Map.entry("endpoint", "base_url"),
            Map.entry("retries", "max_retries"),
            Map.entry("concurrency", "max_in_flight"),
            Map.entry("workers", "max_in_flight"),
            Map.entry("max_in_flight", "workers"),
            Map.entry("rpm", "requests_per_minute"),
            Map.entry("tpm", "tokens_per_minute"),
            Map.entry("prompt", "prompt_file"),
            Map.entry("normalization", "normalize"),
            Map.entry("budget", "budget_usd"),
            Map.entry("max_tokens", "max_output_tokens"),
            Map.entry("max_completion_tokens", "max_output_tokens"),
            Map.entry("usd_per_million_input_tokens", "usd_per_million_tokens"),
            Map.entry("failed", "max_failed"),
            Map.entry("pending", "max_pending"),
            Map.entry("stale", "max_stale"),
            Map.entry("max_age", "max_oldest_pending"),
            Map.entry("success_rate", "min_success_rate"),
            Map.entry("file", "jsonl"),
            Map.entry("path", "dir"),
            Map.entry("username", "user"));

    private NearMiss() {}

    static Optional<String> of(String unknown, Collection<String> known) {
        String other = OTHER_NAMES.get(unknown);
        if (other != null && known.contains(other)) {
            return Optional.of(other);
        }
        int close = Math.max(1, unknown.length() / 3);
        return known.stream()
                .filter(key -> distance(bare(unknown), bare(key)) <= close)
                .min(Comparator.comparingInt(key -> distance(bare(unknown), bare(key))));
    }

    private static String bare(String key) {
        return key.toLowerCase(Locale.ROOT).replaceAll("[_-]", "");
    }

    /** Levenshtein's distance: the fewest characters to insert, delete or replace. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
