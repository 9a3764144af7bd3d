package dev.evervec.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.provider.PriceTable.ListPrice;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PriceTableTest {
    private static final PriceTable TABLE = PriceTable.bundled();

    private static final String HEAD = "version = 3\nas_of = 2026-01-02\n";
    private static final String ENTRY =
            "[[price]]\nprovider = \"p\"\nmodels = [\"m\", \"m-1\"]\ninput = 0.5\nsource = \"s\"\ndate = 2026-01-01\n";

    @ParameterizedTest
    @CsvSource({
        "openai, text-embedding-3-small, 0.02, 0",
        "openai, text-embedding-3-large, 0.13, 0",
        "openai, text-embedding-ada-002, 0.1, 0",
        "openai, gpt-4o-mini, 0.15, 0.6",
        "openai, gpt-4o-mini-2024-07-18, 0.15, 0.6",
        "openai, gpt-4.1-mini, 0.4, 1.6",
        "gemini, gemini-embedding-001, 0.15, 0",
        "gemini, gemini-embedding-2, 0.2, 0",
        "gemini, gemini-2.0-flash, 0.1, 0.4",
        "gemini, gemini-2.5-flash, 0.3, 2.5",
    })
    void knowsTheListPricesOfCommonModels(String provider, String model, BigDecimal input, BigDecimal output) {
        assertThat(TABLE.live(provider, model)).isEqualTo(new TokenPrice(input, output));
    }

    /** A similar name is no reason to think of a similar price. */
    @ParameterizedTest
    @CsvSource({
        "openai, text-embedding-3-small-2031-01-01",
        "openai, text-embedding-3",
        "openai, gpt-4o-2031-01-01",
        "openai, gpt-4o-mini-search-preview",
        "openai, ft:gpt-4o-mini-2024-07-18:acme::1",
        "openai, GPT-4o-mini",
        "openai, gemini-embedding-001",
        "gemini, models/gemini-embedding-001",
        "gemini, gemini-embedding-2-preview",
        "gemini, gemini-2.5-pro",
        "acme, text-embedding-3-small",
    })
    void knowsNoPriceOfAnyOtherName(String provider, String model) {
        assertThat(TABLE.find(provider, model)).isNull();
        assertThat(TABLE.live(provider, model)).isNull();
    }

    @Test
    void aSnapshotThatCostsMoreThanItsFamilyHasItsOwnPrice() {
        BigDecimal family =
                Objects.requireNonNull(TABLE.live("openai", "gpt-4o")).inputUsdPerMillion();
        BigDecimal snapshot = Objects.requireNonNull(TABLE.live("openai", "gpt-4o-2024-05-13"))
                .inputUsdPerMillion();

        assertThat(snapshot).isEqualByComparingTo(family.add(family));
    }

    @Test
    void everyPriceHasItsSourceAndADateNotAfterTheTables() {
        assertThat(TABLE.version()).isPositive();
        assertThat(TABLE.models()).isNotEmpty().allSatisfy(model -> {
            String[] names = model.split(" ", 2);
            ListPrice price = Objects.requireNonNull(TABLE.find(names[0], names[1]));
            assertThat(price.source()).isNotBlank();
            assertThat(price.date()).isBetween(LocalDate.of(2026, 1, 1), TABLE.asOf());
            assertThat(price.live().inputUsdPerMillion()).isPositive();
            if (price.batch() != null) {
                assertThat(price.batch().inputUsdPerMillion())
                        .isLessThan(price.live().inputUsdPerMillion());
                assertThat(price.batch().outputUsdPerMillion())
                        .isLessThanOrEqualTo(price.live().outputUsdPerMillion());
            }
        });
    }

    @Test
    void readsVersionDateSourceAndBothKindsOfPrices() {
        PriceTable table = PriceTable.parse(HEAD + ENTRY.replace("0.5", "0.5\noutput = 2\nbatch_input = 0.25"));

        assertThat(table.version()).isEqualTo(3);
        assertThat(table.asOf()).isEqualTo(LocalDate.of(2026, 1, 2));
        assertThat(table.find("p", "m-1"))
                .isEqualTo(new ListPrice(
                        new TokenPrice(new BigDecimal("0.5"), BigDecimal.valueOf(2)),
                        TokenPrice.ofInput(new BigDecimal("0.25")),
                        "s",
                        LocalDate.of(2026, 1, 1)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "as_of = 2026-01-02\n",
                "version = 3\n",
                "version = = 3\n",
                HEAD + "[[price]]\nprovider = \"p\"\n",
                HEAD + ENTRY + ENTRY,
            })
    void refusesATableThatDoesNotSayEverything(String toml) {
        assertThatThrownBy(() -> PriceTable.parse(toml)).isInstanceOf(IllegalArgumentException.class);
    }
}
