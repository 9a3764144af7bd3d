package dev.evervec.examples.admin;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Locale.LanguageRange;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Chooses the language of a page: the one that its reader chose, else the one that the browser asks for. */
final class Languages {
    private static final String WILDCARD = "*";
    /** RFC 9110, 12.5.4: {@code zh-TW;q=0.8}. Java's own parser fails on some of what is sent. */
    private static final Pattern RANGE = Pattern.compile(
            "((?:[a-z]{1,8}|\\*)(?:-(?:[a-z0-9]{1,8}|\\*))*)(?:\\s*;\\s*q\\s*=\\s*(0(?:\\.\\d{0,3})?|1(?:\\.0{0,3})?))?",
            Pattern.CASE_INSENSITIVE);

    private static final Set<String> TRADITIONAL_REGIONS = Set.of("TW", "HK", "MO");
    /** Browsers send a handful of languages; nobody needs us to sort thousands of them. */
    private static final int LONGEST_HEADER = 1_000;

    private Languages() {}

    /**
     * The language for this request.
     *
     * @param cookie value of the language cookie, or null
     * @param acceptLanguage the header of this name as it came, or null; parts of it that make no sense are passed over
     */
    static Language of(@Nullable String cookie, @Nullable String acceptLanguage) {
        return Optional.ofNullable(cookie)
                .flatMap(Language::ofTag)
                .or(() -> wanted(acceptLanguage == null ? "" : acceptLanguage))
                .orElse(Language.EN);
    }

    private static Optional<Language> wanted(String header) {
        List<LanguageRange> ranges = ranges(header);
        Set<Language> refused = refused(ranges);
        return ranges.stream()
                .filter(range -> range.getWeight() > 0)
                .flatMap(range -> matching(range).stream()
                        .filter(language -> !refused.contains(language))
                        .limit(1))
                .findFirst();
    }

    /** The most wanted first. Part by part, so that one that cannot be read does not take the others with it. */
    private static List<LanguageRange> ranges(String header) {
        return Arrays.stream(header.substring(0, Math.min(header.length(), LONGEST_HEADER))
                        .split(","))
                .map(part -> RANGE.matcher(part.strip()))
                .filter(Matcher::matches)
                .map(range -> new LanguageRange(range.group(1), weight(range.group(2))))
                .sorted(Comparator.comparingDouble(LanguageRange::getWeight).reversed())
                .toList();
    }

    private static double weight(@Nullable String q) {
        return q == null ? LanguageRange.MAX_WEIGHT : Double.parseDouble(q);
    }

    private static Set<Language> refused(List<LanguageRange> ranges) {
        return Set.copyOf(ranges.stream()
                .filter(range -> range.getWeight() == 0 && !range.getRange().startsWith(WILDCARD))
                .flatMap(range -> matching(range).stream())
                .toList());
    }

    private static List<Language> matching(LanguageRange range) {
        String tag = range.getRange();
        if (tag.startsWith(WILDCARD)) {
            return Language.ALL;
        }
        Locale locale = Locale.forLanguageTag(tag.replace("-*", ""));
        return switch (locale.getLanguage()) {
            case "en" -> List.of(Language.EN);
            case "zh" -> List.of(traditional(locale) ? Language.ZH_TW : Language.ZH_CN);
            default -> List.of();
        };
    }

    /** The script decides where it is named, else what is read in the region. */
    private static boolean traditional(Locale locale) {
        return locale.getScript().isEmpty()
                ? TRADITIONAL_REGIONS.contains(locale.getCountry())
                : locale.getScript().equals("Hant");
    }
}
