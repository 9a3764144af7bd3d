package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.RecordResult;
import org.junit.jupiter.api.Test;

class SettledTest {
    private final Settled settled = new Settled();
    private int results;

    private void add(int count) {
        for (int i = 0; i < count; i++) {
            Claim claim = new Claim(new RecordKey("default", "id-" + results++), Locator.NONE, 1, 0, 0);
            settled.add(new RecordResult.NotEmbedded(claim, null, Reason.EMPTY_CONTENT, "", null, RecordCost.NONE));
        }
    }

    @Test
    void aRequestIsBeingCommittedWithTheLastOfItsResults() {
        add(3);
        settled.requestEnds();
        add(3);
        settled.requestEnds();
        assertThat(settled.requests()).isEqualTo(2);

        assertThat(settled.take(2).requests()).isZero();
        assertThat(settled.requests()).isEqualTo(2);
        assertThat(settled.take(2).requests()).isEqualTo(1);
        assertThat(settled.requests()).isEqualTo(1);
        assertThat(settled.take(9).requests()).isEqualTo(1);
        assertThat(settled.isEmpty()).isTrue();
        assertThat(settled.requests()).isZero();
    }

    @Test
    void resultsAreTakenInTheirOrder() {
        add(5);

        assertThat(settled.take(2).results())
                .extracting(result -> result.claim().key().id())
                .containsExactly("id-0", "id-1");
        add(1);
        assertThat(settled.take(9).results())
                .extracting(result -> result.claim().key().id())
                .containsExactly("id-2", "id-3", "id-4", "id-5");
    }

    @Test
    void aRequestWithoutResultsTakesNoRoom() {
        settled.requestEnds();
        assertThat(settled.requests()).isZero();

        add(1);
        settled.requestEnds();
        settled.requestEnds();
        assertThat(settled.take(1).requests()).isEqualTo(2);
        assertThat(settled.requests()).isZero();
    }
}
