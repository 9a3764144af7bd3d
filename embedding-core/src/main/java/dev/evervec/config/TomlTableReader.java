package dev.evervec.config;

import dev.evervec.provider.Secret;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tomlj.TomlArray;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/**
 * Reads the keys of one TOML table with their types and ranges. What is wrong goes to {@link Problems} and reads as absent;
 * {@link #finish} reports the keys that nobody asked for. Blank strings read as absent. Confined to one thread.
 */
final class TomlTableReader {
    private final TomlTable table;
    private final String path;
    private final int line;
    private final Problems problems;
    private final Set<String> known = new TreeSet<>();

    private TomlTableReader(TomlTable table, String path, int line, Problems problems) {
        this.table = table;
        this.path = path;
        this.line = line;
        this.problems = problems;
    }

    static TomlTableReader root(TomlTable table, Problems problems) {
        return new TomlTableReader(table, "", 0, problems);
    }

    /** The line of the table's header. */
    int line() {
        return line;
    }

    /** The line of this key, or of the header if the key is absent. */
    int line(String key) {
        TomlPosition position = table.contains(List.of(key)) ? table.inputPositionOf(List.of(key)) : null;
        return position == null ? line : position.line();
    }

    /** The dotted path of the table. */
    String path() {
        return path;
    }

    /** The dotted path of this key. */
    String path(String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    /** Whether the key is there, whatever its value. */
    boolean has(String key) {
        return table.contains(List.of(key));
    }

    /** Whether the key is there and not a blank string. */
    boolean present(String key) {
        Object value = table.get(List.of(key));
        return value != null && !isBlank(value);
    }

    boolean isEmpty() {
        return table.isEmpty();
    }

    /** Reports something wrong with this key. */
    void problem(String key, String message) {
        problems.add(line(key), path(key), message);
    }

    /** Reports that this key is needed. */
    void missing(String key, String message) {
        if (!problems.concern(path(key))) {
            problems.addMissing(line(key), path(key), message);
        }
    }

    /** The table of this name; null if absent. */
    @Nullable
    TomlTableReader table(String key) {
        Object value = value(key);
        if (value == null) {
            return null;
        }
        if (value instanceof TomlTable found) {
            return new TomlTableReader(found, path(key), line(key), problems);
        }
        problem(key, "expected a table [" + path(key) + "], found " + describe(value));
        return null;
    }

    @Nullable
    String string(String key) {
        return string(key, "a string");
    }

    private @Nullable String string(String key, String expected) {
        Object value = value(key);
        if (value == null) {
            return null;
        }
        if (value instanceof String text) {
            return text.isBlank() ? null : text;
        }
        problem(key, "expected " + expected + ", found " + describe(value));
        return null;
    }

    /** A string that must not be shown. */
    @Nullable
    Secret secret(String key, Function<String, Secret> wrap) {
        Object value = value(key);
        if (value == null || isBlank(value)) {
            return null;
        }
        if (!(value instanceof String text)) {
            problem(key, "expected a string in quotes, found " + typeOf(value));
            return null;
        }
        try {
            return wrap.apply(text);
        } catch (IllegalArgumentException e) {
            problem(key, "cannot be used: " + e.getMessage());
            return null;
        }
    }

    /** One of an enum's constants, written in lower case; any case is understood. */
    <E extends Enum<E>> E choice(String key, Class<E> type, E otherwise) {
        String allowed = Arrays.stream(type.getEnumConstants())
                .map(constant -> '"' + constant.name().toLowerCase(Locale.ROOT) + '"')
                .collect(Collectors.joining(", "));
        String text = string(key, "one of the strings " + allowed);
        if (text == null) {
            return otherwise;
        }
        for (E constant : type.getEnumConstants()) {
            if (constant.name().equalsIgnoreCase(text.strip())) {
                return constant;
            }
        }
        problem(key, "must be one of " + allowed + ", found \"" + text + "\"");
        return otherwise;
    }

    boolean flag(String key, boolean otherwise) {
        Object value = value(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Boolean flag) {
            return flag;
        }
        problem(key, "expected true or false without quotes, found " + describe(value));
        return otherwise;
    }

    OptionalInt integer(String key, int min, int max) {
        Object value = value(key);
        if (value == null) {
            return OptionalInt.empty();
        }
        if (!(value instanceof Long number)) {
            problem(key, "expected an integer, found " + describe(value));
            return OptionalInt.empty();
        }
        if (number < min || number > max) {
            problem(key, "must be from " + min + " to " + max + ", found " + number);
            return OptionalInt.empty();
        }
        return OptionalInt.of(Math.toIntExact(number));
    }

    /** An integer, or this word, which reads as absent. */
    OptionalInt integerOr(String word, String key, int min, int max) {
        Object value = value(key);
        if (value instanceof String text) {
            if (!text.isBlank() && !text.strip().equalsIgnoreCase(word)) {
                problem(key, "expected an integer without quotes or \"" + word + "\", found another string");
            }
            return OptionalInt.empty();
        }
        return integer(key, min, max);
    }

    /** A number of either kind. */
    @Nullable
    BigDecimal number(String key, double min, double max) {
        return number(key, min, max, "a number");
    }

    private @Nullable BigDecimal number(String key, double min, double max, String expected) {
        Object value = value(key);
        if (value == null) {
            return null;
        }
        BigDecimal number = decimal(value);
        if (number == null) {
            problem(key, "expected " + expected + ", found " + describe(value));
            return null;
        }
        if (number.compareTo(BigDecimal.valueOf(min)) < 0 || number.compareTo(BigDecimal.valueOf(max)) > 0) {
            problem(key, "must be from " + plain(min) + " to " + plain(max) + ", found " + number.toPlainString());
            return null;
        }
        return number;
    }

    /** An amount of money with at most so many decimals. */
    @Nullable
    BigDecimal usd(String key, double max, int decimals) {
        BigDecimal usd = number(key, 0, max, "a number of US dollars");
        if (usd == null) {
            return null;
        }
        BigDecimal shortest = usd.stripTrailingZeros();
        if (shortest.scale() > decimals) {
            problem(key, "has at most " + decimals + " decimals, found " + shortest.toPlainString());
            return null;
        }
        return usd;
    }

    private static @Nullable BigDecimal decimal(Object value) {
        if (value instanceof Long number) {
            return BigDecimal.valueOf(number);
        }
        return value instanceof Double number && Double.isFinite(number) ? BigDecimal.valueOf(number) : null;
    }

    private static String plain(double bound) {
        return BigDecimal.valueOf(bound).stripTrailingZeros().toPlainString();
    }

    /** A number of seconds; fractions are allowed. */
    @Nullable
    Duration seconds(String key, double min, double max) {
        BigDecimal seconds = number(key, min, max, "a number of seconds");
        return seconds == null
                ? null
                : Duration.ofNanos(seconds.movePointRight(9).longValue());
    }

    /** Reports the keys that no method of this reader was asked for. */
    void finish() {
        for (String key : table.keySet()) {
            if (!known.contains(key)) {
                String advice = NearMiss.of(key, known)
                        .map(meant -> "did you mean " + meant + "?")
                        .orElse("known here: " + String.join(", ", known));
                problem(key, "unknown key; " + advice);
            }
        }
    }

    private static boolean isBlank(Object value) {
        return value instanceof String text && text.isBlank();
    }

    private @Nullable Object value(String key) {
        known.add(key);
        return table.get(List.of(key));
    }

    /** Numbers and booleans with their value; never a string's, which may be a key in the wrong place. */
    private static String describe(Object value) {
        String type = typeOf(value);
        return value instanceof Number || value instanceof Boolean ? type + " " + value : type;
    }

    private static String typeOf(Object value) {
        if (value instanceof String) {
            return "a string";
        }
        if (value instanceof Long) {
            return "the integer";
        }
        if (value instanceof Double) {
            return "the float";
        }
        if (value instanceof Boolean) {
            return "the boolean";
        }
        if (value instanceof TomlArray) {
            return "an array";
        }
        return value instanceof TomlTable ? "a table" : "a date or time";
    }
}
