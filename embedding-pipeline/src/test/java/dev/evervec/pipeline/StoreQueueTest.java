package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.resilience.Backoff;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** In which order the writer gets its commands. */
class StoreQueueTest {
    private static final Command.StoreCommand FIRST_PAGE = new Command.Mark(List.of());
    private static final Command.StoreCommand SECOND_PAGE = new Command.NoteHeldUp("second");
    private static final Command.StoreCommand CLAIM = new Command.ClaimRecords(1);
    private static final long AN_HOUR = Duration.ofHours(1).toNanos();

    private final StoreQueue queue = new StoreQueue(Backoff.DEFAULT, new SplittableRandom(1), Duration.ofMinutes(1), 0);

    @Test
    void whatCannotWaitOvertakesWhatTheWriterHasNotBegun() {
        queue.add(FIRST_PAGE);
        queue.add(SECOND_PAGE);
        queue.addNext(CLAIM);

        assertThat(done()).isEqualTo(CLAIM);
        assertThat(done()).isEqualTo(FIRST_PAGE);
        assertThat(done()).isEqualTo(SECOND_PAGE);
    }

    @Test
    void whatTheWriterHasBegunIsOvertakenByNothing() {
        queue.add(FIRST_PAGE);
        queue.add(SECOND_PAGE);
        assertThat(queue.next(0)).isEqualTo(FIRST_PAGE);
        queue.addNext(CLAIM);
        queue.done();

        assertThat(done()).isEqualTo(CLAIM);
        assertThat(done()).isEqualTo(SECOND_PAGE);
    }

    @Test
    void whatIsToBeTriedAgainIsOvertakenByNothing() {
        queue.add(FIRST_PAGE);
        queue.add(SECOND_PAGE);
        assertThat(queue.next(0)).isEqualTo(FIRST_PAGE);
        queue.failed(new StoreException(StoreException.Kind.TRANSIENT, "busy", null), 0, false);
        queue.addNext(CLAIM);

        assertThat(done()).isEqualTo(FIRST_PAGE);
        assertThat(done()).isEqualTo(CLAIM);
        assertThat(done()).isEqualTo(SECOND_PAGE);
    }

    private Command.StoreCommand done() {
        Command.StoreCommand next = queue.next(AN_HOUR);
        assertThat(next).isNotNull();
        queue.done();
        return next;
    }
}
