package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The parts of a call are the whole, to the last token and the last decimal. */
class BillTest {
    private static final Bill.Made MADE = new Bill.Made(Instant.EPOCH, Duration.ZERO, Capability.EMBEDDING, null);

    private final Bill bill = new Bill();

    private static PricedModel model(String usdPerMillion) {
        return new PricedModel(
                ModelIdentity.embedding("p", "m", 8, "", "none"),
                TokenPrice.ofInput(new BigDecimal(usdPerMillion)),
                false);
    }

    private static Bill.Part part(int id, int tokens) {
        return new Bill.Part(new RecordKey("s" + id % 3, "id-" + id), tokens);
    }

    @Test
    void sharesAndCostsOfRecordsAddUpWhateverTheLengths() {
        long seed = new Random().nextLong();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            Bill own = new Bill();
            List<Bill.Part> parts = IntStream.range(0, 1 + random.nextInt(50))
                    .mapToObj(id -> part(id, random.nextInt(4) == 0 ? 0 : random.nextInt(10_000)))
                    .toList();
            long tokens = random.nextInt(1_000_000);
            own.enter(MADE, model("0.020001"), TokenUsage.reported(tokens, 0), parts);
            ProviderCall call = own.takeUnstored().get(0);
            RecordCost all =
                    parts.stream().map(part -> own.takeCost(part.key())).reduce(RecordCost.NONE, RecordCost::plus);

            assertThat(call.shares().stream()
                            .mapToLong(ProviderCall.Share::inputTokens)
                            .sum())
                    .isEqualTo(tokens);
            assertThat(all.tokens()).isEqualTo(tokens);
            assertThat(Objects.requireNonNull(all.usd())).isEqualByComparingTo(Objects.requireNonNull(call.costUsd()));
        }
    }

    @Test
    void anUnknownPriceMakesTheSumUnknownAndNeverZero() {
        PricedModel unknown = new PricedModel(ModelIdentity.embedding("p", "m", 8, "", "none"), null, false);
        bill.enter(MADE, model("1"), TokenUsage.reported(5, 0), List.of(part(1, 5)));
        assertThat(bill.costUsd()).isEqualByComparingTo("0.000005");

        bill.enter(MADE, unknown, TokenUsage.NONE, List.of(part(1, 5)));
        assertThat(bill.costUsd()).as("nothing costs nothing").isEqualByComparingTo("0.000005");

        bill.enter(MADE, unknown, TokenUsage.reported(1, 0), List.of(part(1, 5)));
        assertThat(bill.costUsd()).isNull();
    }

    @Test
    void usageThatCannotBeTrueIsReplacedByTheEstimate() {
        bill.enter(MADE, model("9000"), TokenUsage.reported(Long.MAX_VALUE / 2, 0), List.of(part(1, 5), part(2, 7)));

        assertThat(bill.takeUnstored())
                .singleElement()
                .satisfies(call -> assertThat(call.usage()).isEqualTo(TokenUsage.estimated(12, 0)));
    }
}
