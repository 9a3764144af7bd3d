package dev.evervec.provider;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlTable;

/**
 * What the vendors ask at their own public endpoints, as far as it is known: the list that comes with the library in
 * {@code prices.toml}, with the source and the date of every price. Free tiers, discounts and cached prompts are not in it.
 * Immutable and thread-safe.
 *
 * <p>For authors of providers, who give it as {@link LLMProvider#price()} where they are sure to reach the vendor itself.
 * Whoever pays something else configures it.
 */
public final class PriceTable {
    private final long version;
    private final LocalDate asOf;
    private final Map<String, ListPrice> prices;

    /**
     * The price of one model.
     *
     * @param live of calls as this library makes them
     * @param batch of the vendor's interface for batches, or null if it is not known
     * @param source where the numbers were read
     * @param date when they were read
     */
    public record ListPrice(TokenPrice live, @Nullable TokenPrice batch, String source, LocalDate date) {}

    /** Holds the list, which is read when a price is first asked for. */
    private static final class Bundled {
        static final PriceTable TABLE = read();

        private static PriceTable read() {
            try (InputStream in = Objects.requireNonNull(PriceTable.class.getResourceAsStream("prices.toml"))) {
                return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private PriceTable(long version, LocalDate asOf, Map<String, ListPrice> prices) {
        this.version = version;
        this.asOf = asOf;
        this.prices = Map.copyOf(prices);
    }

    /** The list that comes with this version of the library. */
    public static PriceTable bundled() {
        return Bundled.TABLE;
    }

    /**
     * The table in this text.
     *
     * @throws IllegalArgumentException if it is not one
     */
    static PriceTable parse(String toml) {
        TomlParseResult root = Toml.parse(toml);
        if (root.hasErrors()) {
            throw new IllegalArgumentException("not TOML: " + root.errors().get(0));
        }
        Map<String, ListPrice> prices = new HashMap<>();
        TomlArray entries = root.getArrayOrEmpty("price");
        for (int i = 0; i < entries.size(); i++) {
            TomlTable entry = entries.getTable(i);
            ListPrice price = price(entry);
            for (Object model :
                    required(entry.getArray("models"), entry, "models").toList()) {
                String key = key(required(entry.getString("provider"), entry, "provider"), (String) model);
                if (prices.put(key, price) != null) {
                    throw new IllegalArgumentException("two prices of " + key);
                }
            }
        }
        return new PriceTable(
                required(root.getLong("version"), root, "version"),
                required(root.getLocalDate("as_of"), root, "as_of"),
                prices);
    }

    private static ListPrice price(TomlTable entry) {
        return new ListPrice(
                required(tokenPrice(entry, "input", "output"), entry, "input"),
                tokenPrice(entry, "batch_input", "batch_output"),
                required(entry.getString("source"), entry, "source"),
                required(entry.getLocalDate("date"), entry, "date"));
    }

    private static @Nullable TokenPrice tokenPrice(TomlTable entry, String input, String output) {
        BigDecimal usd = number(entry, input);
        return usd == null
                ? null
                : new TokenPrice(usd, Objects.requireNonNullElse(number(entry, output), BigDecimal.ZERO));
    }

    private static @Nullable BigDecimal number(TomlTable entry, String key) {
        return entry.get(key) instanceof Number number ? new BigDecimal(number.toString()) : null;
    }

    private static <T> T required(@Nullable T value, TomlTable table, String key) {
        if (value == null) {
            throw new IllegalArgumentException("a price table without " + key + ": " + table.keySet());
        }
        return value;
    }

    private static String key(String provider, String model) {
        return provider + " " + model;
    }

    /** Grows by one with every change of a number. */
    public long version() {
        return version;
    }

    /** The day on which the list was last looked over. */
    public LocalDate asOf() {
        return asOf;
    }

    /** The price of exactly this model name; null if it is not in the list, because similar names have other prices. */
    public @Nullable ListPrice find(String provider, String model) {
        return prices.get(key(provider, model));
    }

    /** The price of a live call to exactly this model, or null if it is not in the list. */
    public @Nullable TokenPrice live(String provider, String model) {
        ListPrice price = find(provider, model);
        return price == null ? null : price.live();
    }

    /** The models that have a price, as {@code provider model}, in alphabetical order. */
    List<String> models() {
        return prices.keySet().stream().sorted().toList();
    }

    @Override
    public String toString() {
        return "PriceTable[version=" + version + ", asOf=" + asOf + ", models=" + prices.size() + "]";
    }
}
