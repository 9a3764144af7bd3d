package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.resilience.Backoff;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StoreQueueTest {
    private final StoreQueue queue = new StoreQueue(Backoff.DEFAULT, new Random(1), Duration.ofMinutes(2), 0);

    private static Command.StoreCommand claim(int limit) {
        return new Command.ClaimRecords(limit);
    }

    private static Command.StoreCommand commit() {
        return new Command.Commit(List.of(), List.of());
    }

    private static Command.StoreCommand mark() {
        return new Command.Mark(List.of());
    }

    private List<Command.StoreCommand> all() {
        List<Command.StoreCommand> all = new ArrayList<>();
        for (Command.StoreCommand next = queue.next(0); next != null; next = queue.next(0)) {
            all.add(next);
            queue.done();
        }
        return all;
    }

    @Test
    void whatKeepsCallsGoingIsFirstAndTheScanHasItsTurns() {
        List<Command.StoreCommand> commands =
                List.of(mark(), mark(), mark(), claim(1), commit(), claim(2), claim(3), claim(4), claim(5));
        commands.forEach(queue::add);

        assertThat(all())
                .containsExactly(claim(1), commit(), claim(2), claim(3), mark(), claim(4), claim(5), mark(), mark());
    }

    @Test
    void whatWentWhileNothingElseWaitedHasOvertakenNothing() {
        for (int i = 0; i < 10; i++) {
            assertThat(queue.next(0)).isNull();
        }
        for (int i = 0; i < 10; i++) {
            queue.add(claim(i));
        }
        all();
        queue.add(mark());
        queue.add(commit());

        assertThat(all()).containsExactly(commit(), mark());
    }

    @Test
    void whatFailedForAMomentIsTriedAgainBeforeAllElse() {
        queue.add(mark());
        assertThat(queue.next(0)).isEqualTo(mark());
        queue.add(claim(1));
        assertThat(queue.next(0)).as("while one is with the writer").isNull();

        assertThat(queue.failed(new StoreException(StoreException.Kind.TRANSIENT, "busy", null), 0, false))
                .isTrue();
        assertThat(queue.next(0)).as("before its time").isNull();
        long wake = queue.nextWake();
        assertThat(wake).isPositive();
        assertThat(queue.next(wake)).isEqualTo(mark());
        queue.done();
        assertThat(queue.next(wake)).isEqualTo(claim(1));
    }

    @Test
    void whatWasNotDoneIsHandedOut() {
        queue.add(mark());
        queue.add(commit());
        queue.next(0);
        queue.add(claim(1));

        assertThat(queue.drain()).containsExactlyInAnyOrder(mark(), commit(), claim(1));
        assertThat(queue.next(0)).isNull();
        assertThat(queue.nextWake()).isEqualTo(Long.MAX_VALUE);
    }
}
