package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EventsTest {
    private static final long LONG = Duration.ofMinutes(1).toNanos();

    private final AtomicReference<String> status = new AtomicReference<>("{\"job\":null}");
    private final AtomicInteger asked = new AtomicInteger();
    /** Looks only when the test says so. */
    private final Events events = new Events(Map.of("status", this::status), Duration.ofDays(1));

    @AfterEach
    void close() {
        events.close();
    }

    private String status() {
        asked.incrementAndGet();
        String answer = status.get();
        if (answer.isEmpty()) {
            throw new IllegalStateException("no store");
        }
        return answer;
    }

    private void changeTo(String next) {
        status.set(next);
        events.tick();
    }

    private static String event(String data) {
        return "event: status\ndata: " + data + "\n\n";
    }

    @Test
    void aStreamBeginsWithWhatThereIsAndGoesOnWithWhatIsNew() throws Exception {
        EventStream stream = events.open();

        assertThat(stream.next(LONG)).isEqualTo(event("{\"job\":null}"));
        changeTo("{\"job\":1}");
        assertThat(stream.next(LONG)).isEqualTo(event("{\"job\":1}"));
    }

    @Test
    void aThreadOfItsOwnLooksAgainAndAgain() throws Exception {
        try (Events looking = new Events(Map.of("status", this::status), Duration.ofMillis(1))) {
            EventStream stream = looking.open();
            stream.next(LONG);

            for (int i = 1; i <= 5; i++) {
                status.set("{\"job\":" + i + "}");
                assertThat(stream.next(LONG)).isEqualTo(event("{\"job\":" + i + "}"));
            }
        }
    }

    @Test
    void whatStaysTheSameIsNotToldAgain() throws Exception {
        EventStream stream = events.open();
        stream.next(LONG);

        events.tick();

        assertThat(stream.next(0)).as("a comment").isEqualTo(":\n\n");
    }

    @Test
    void aClientThatReadsNothingHoldsUpNobodyAndFindsTheLatestLater() throws Exception {
        EventStream slow = events.open();
        EventStream quick = events.open();
        quick.next(LONG);

        for (int i = 1; i <= 20; i++) {
            changeTo("{\"job\":" + i + "}");
            assertThat(quick.next(0)).isEqualTo(event("{\"job\":" + i + "}"));
        }

        assertThat(slow.next(0)).isEqualTo(event("{\"job\":20}"));
        assertThat(slow.next(0)).isEqualTo(":\n\n");
    }

    @Test
    void anOutageOfTheStoreEndsNoStream() throws Exception {
        EventStream stream = events.open();
        stream.next(LONG);

        changeTo("");
        changeTo("");
        assertThat(stream.next(0)).isEqualTo(":\n\n");

        changeTo("{\"job\":2}");
        assertThat(stream.next(0)).isEqualTo(event("{\"job\":2}"));
    }

    @Test
    void allStreamsTogetherAskOnceAndNobodyAsksWhenTheyHaveLeft() {
        List<EventStream> streams = List.of(events.open(), events.open(), events.open());
        int before = asked.get();

        events.tick();
        assertThat(asked).hasValue(before + 1);

        streams.forEach(events::leave);
        events.tick();
        assertThat(asked).hasValue(before + 1);
    }

    @Test
    void onlySixtyFourStreamsAreServed() {
        List<EventStream> streams = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            streams.add(events.open());
        }

        Problem refused = catchThrowableOfType(Problem.class, events::open);
        events.leave(streams.get(0));

        assertThat(refused.status()).isEqualTo(503);
        assertThat(refused.toJson()).contains("\"too_many_streams\"");
        assertThat(events.open()).isNotNull();
    }

    @Test
    void closingEndsEveryStreamAtOnceAndOpensNoMore() throws Exception {
        EventStream waiting = events.open();
        waiting.next(LONG);
        CompletableFuture<String> next = CompletableFuture.supplyAsync(() -> {
            try {
                return waiting.next(LONG);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });

        events.close();

        assertThat(next.get(30, TimeUnit.SECONDS)).isNull();
        assertThat(catchThrowableOfType(Problem.class, events::open).status()).isEqualTo(503);
    }
}
