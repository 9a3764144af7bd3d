package dev.evervec.pipeline.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.pipeline.BuildRequest.Retry;
import dev.evervec.pipeline.jobs.TriggerRefusedException.Refusal;
import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What comes over the wire, by friend or foe. */
@Timeout(30)
class RequestJsonTest {
    private static TriggerRefusedException refusal(String json) {
        TriggerRefusedException refusal =
                catchThrowableOfType(TriggerRefusedException.class, () -> JobRequest.ofJson(json));
        assertThat(refusal).as(json.substring(0, Math.min(100, json.length()))).isNotNull();
        assertThat(refusal.refusal()).isEqualTo(Refusal.INVALID);
        assertThat(refusal.getMessage()).hasSizeLessThan(200).doesNotContain("\n");
        return refusal;
    }

    @Test
    void aRequestIsRead() {
        assertThat(JobRequest.ofJson(
                        "{\"source\":\"books\",\"rebuild\":true,\"dry_run\":true,\"batch_size\":7,\"filter\":\"\\u00e9<\","
                                + "\"budget_usd\":0.000001}"))
                .isEqualTo(new JobRequest("books", true, true, 7, "\u00e9<", new BigDecimal("0.000001")));
        assertThat(JobRequest.ofJson(" {\"budget_usd\": 5} ").budgetUsd()).isEqualTo(new BigDecimal("5"));
        assertThat(JobRequest.ofJson("{\"budget_usd\":1e2}").budgetUsd()).isEqualByComparingTo("100");
    }

    @Test
    void everyKeyMayBeAbsentOrNull() {
        assertThat(JobRequest.ofJson("{}")).isEqualTo(JobRequest.ALL);
        assertThat(JobRequest.ofJson("{\"source\":null,\"rebuild\":null,\"dry_run\":null,\"batch_size\":null,"
                        + "\"filter\":null,\"budget_usd\":null}"))
                .isEqualTo(JobRequest.ALL);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"source\":1}            | source     | source must be a string",
                "{\"source\":[\"a\"]}      | source     | source must be a string",
                "{\"rebuild\":\"true\"}    | rebuild    | rebuild must be true or false",
                "{\"rebuild\":1}           | rebuild    | rebuild must be true or false",
                "{\"dry_run\":{}}          | dry_run    | dry_run must be true or false",
                "{\"batch_size\":\"7\"}    | batch_size | batch_size must be a whole number",
                "{\"batch_size\":7.0}      | batch_size | batch_size must be a whole number",
                "{\"batch_size\":99999999999} | batch_size | batch_size is no number that could be meant",
                "{\"filter\":false}        | filter     | filter must be a string",
                "{\"budget_usd\":\"5\"}    | budget_usd | budget_usd must be a number",
                "{\"budget_usd\":1e99999999999} | budget_usd | budget_usd is no number that could be meant",
                "{\"Source\":\"a\"}        | Source     | unknown key \"Source\": known are batch_size, budget_usd",
                "{\"job_id\":\"a\"}        | job_id     | unknown key \"job_id\"",
                "{\"source\":\"a\",\"source\":\"a\"}   | source  | source is there twice",
                "{\"source\":null,\"source\":\"a\"}    | source  | source is there twice",
                "{\"rebuild\":true,\"rebuild\":null}   | rebuild | rebuild is there twice"
            })
    void whatIsWrongIsNamed(String json, String field, String words) {
        TriggerRefusedException refusal = refusal(json);

        assertThat(refusal.field()).isEqualTo(field);
        assertThat(refusal).hasMessageContaining(words);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "null",
                "true",
                "7",
                "\"a\"",
                "[]",
                "[{}]",
                "{",
                "{\"source\"",
                "{\"source\":",
                "{\"source\":\"a",
                "{\"source\":\"a\",}",
                "{} {}",
                "{}x",
                "{}null",
                "{'source':'a'}",
                "{source:\"a\"}",
                "{\"budget_usd\":NaN}",
                "{\"budget_usd\":Infinity}",
                "{\"budget_usd\":+1}",
                "{\"budget_usd\":.5}",
                "{\"budget_usd\":01}",
                "/* */{}",
                "{\"source\":\"a\nb\"}",
                "\ufeff{}",
                "{\"rebuild\":tru}",
                "\u0000"
            })
    void whatIsNoObjectIsRefused(String json) {
        assertThat(refusal(json).field()).isNull();
    }

    @Test
    void whatIsHugeIsRefusedBeforeItCosts() {
        assertThat(refusal("{\"budget_usd\":1" + "0".repeat(900) + "}").field()).isEqualTo("budget_usd");
        assertThat(refusal("{\"batch_size\":" + "9".repeat(15_000) + "}")).isNotNull();
        assertThat(refusal("{\"budget_usd\":0." + "1".repeat(15_000) + "}")).isNotNull();
        assertThat(refusal("{\"source\":" + "[".repeat(15_000) + "]".repeat(15_000) + "}"))
                .isNotNull();
        assertThat(refusal("{\"source\":" + "{\"a\":".repeat(3_000))).isNotNull();
        assertThat(refusal("{\"" + "k".repeat(10_000) + "\":1}")).hasMessageContaining("unknown key \"kkk");
        assertThat(refusal("{\"filter\":\"" + "f".repeat(20_000_000) + "\"}")).hasMessageContaining("longer than");
        assertThat(refusal(" ".repeat(20_000_000) + "{}")).isNotNull();
    }

    @Test
    void whatIsRefusedIsNotQuotedWithItsLineBreaks() {
        assertThat(refusal("{\"a\\n\\u0000\\u0085\":1}").getMessage()).startsWith("unknown key \"a???\"");
    }

    @Test
    void noBytesBringAnythingButARefusal() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        String valid = "{\"source\":\"books\",\"rebuild\":true,\"batch_size\":7,\"filter\":\"x\",\"budget_usd\":0.5}";
        for (int i = 0; i < 20_000; i++) {
            char[] json = valid.toCharArray();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                json[random.nextInt(json.length)] = (char) random.nextInt(random.nextBoolean() ? 128 : 0x10000);
            }
            try {
                assertThat(JobRequest.ofJson(new String(json, 0, random.nextInt(json.length + 1))))
                        .isNotNull();
            } catch (TriggerRefusedException e) {
                assertThat(e.refusal()).as("seed %d", seed).isEqualTo(Refusal.INVALID);
            }
        }
    }

    @Test
    void aRequestToTryAgainMayBeBlank() {
        assertThat(RetryRequest.ofJson("")).isEqualTo(RetryRequest.DUE);
        assertThat(RetryRequest.ofJson(" \n")).isEqualTo(RetryRequest.DUE);
        assertThat(RetryRequest.ofJson("{}")).isEqualTo(RetryRequest.DUE);
        assertThat(RetryRequest.ofJson("{\"now\":true}").which()).isEqualTo(Retry.NOW);
        assertThat(RetryRequest.ofJson("{\"now\":true,\"all\":true}").which()).isEqualTo(Retry.ALL);
        assertThat(RetryRequest.ofJson("{\"source\":\"books\",\"all\":false,\"budget_usd\":1}"))
                .isEqualTo(new RetryRequest("books", Retry.DUE, BigDecimal.ONE));
        assertThat(catchThrowableOfType(TriggerRefusedException.class, () -> RetryRequest.ofJson("{\"rebuild\":true}"))
                        .field())
                .isEqualTo("rebuild");
    }
}
