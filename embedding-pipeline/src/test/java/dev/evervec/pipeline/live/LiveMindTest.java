package dev.evervec.pipeline.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.source.RecordKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LiveMindTest {
    private static final RecordKey A = new RecordKey("orders", "a");
    private static final RecordKey B = new RecordKey("orders", "b");

    private final LiveMind mind = new LiveMind(Pace.DEFAULT);
    private final List<NotedChange> outbox = new ArrayList<>();
    private long seq;
    // Wherever the clock of the JVM begins, even right before it overflows.
    private final long start = Long.MAX_VALUE - 1;
    private long now = start;

    @Test
    void severalChangesOfARecordAreOneLookAndTheLastOneCounts() {
        note(Change.Kind.CREATE, A);
        note(Change.Kind.UPDATE, A);
        note(Change.Kind.UPDATE, B);
        note(Change.Kind.DELETE, A);

        Task task = look();

        assertThat(task.changed()).containsExactly(B);
        assertThat(task.removable()).containsExactly(A);
        assertThat(outbox).as("older rows of the same record are superfluous").hasSize(2);
    }

    @Test
    void aRecordThatWasDeletedAndMadeAgainIsNotRemovable() {
        note(Change.Kind.DELETE, A);
        note(Change.Kind.CREATE, A);

        assertThat(look().removable()).isEmpty();
    }

    @Test
    void aChangeIsLookedAtAtOnceAndItsRowIsDone() {
        note(Change.Kind.UPDATE, A);

        finish(look());

        assertThat(outbox).isEmpty();
    }

    @Test
    void aRecordThatChangesFasterThanItsRestIsEmbeddedMoreAndMoreSeldom() {
        List<Long> seconds = new ArrayList<>();
        for (int tenth = 0; tenth < 3_600 * 10; tenth++) {
            now = start + Duration.ofMillis(100L * tenth).toNanos();
            note(Change.Kind.UPDATE, A);
            Task task = look();
            if (!task.isEmpty()) {
                seconds.add(tenth / 10L);
                finish(task);
            }
        }

        assertThat(seconds)
                .containsExactly(
                        0L, 2L, 6L, 14L, 30L, 62L, 126L, 254L, 510L, 810L, 1110L, 1410L, 1710L, 2010L, 2310L, 2610L,
                        2910L, 3210L, 3510L);
    }

    @Test
    void theLastOfManyChangesIsLookedAtWhenTheRestIsOver() {
        note(Change.Kind.UPDATE, A);
        finish(look());
        note(Change.Kind.UPDATE, A);

        assertThat(look().isEmpty()).isTrue();
        pass(Duration.ofMillis(1_999));
        assertThat(look().isEmpty()).isTrue();
        pass(Duration.ofMillis(1));

        assertThat(look().changed()).containsExactly(A);
    }

    @Test
    void aRestIsForgottenWhenTheRecordWasQuietForAsLongOnceMore() {
        embedThrice();
        pass(Duration.ofSeconds(16));

        note(Change.Kind.UPDATE, A);
        finish(look());
        note(Change.Kind.UPDATE, A);
        pass(Duration.ofSeconds(2));

        assertThat(look().changed()).as("the rest is short again").containsExactly(A);
    }

    @Test
    void aRestIsRememberedUntilThen() {
        embedThrice();
        pass(Duration.ofMillis(15_999));

        note(Change.Kind.UPDATE, A);
        finish(look());
        note(Change.Kind.UPDATE, A);
        pass(Duration.ofMillis(15_999));

        assertThat(look().isEmpty()).as("16 s of rest").isTrue();
    }

    /** The last of them has a rest of 8 seconds. */
    private void embedThrice() {
        for (int seconds : List.of(0, 2, 4)) {
            note(Change.Kind.UPDATE, A);
            pass(Duration.ofSeconds(seconds));
            finish(look());
        }
    }

    @Test
    void aDeletionDoesNotWaitForARest() {
        note(Change.Kind.UPDATE, A);
        finish(look());
        note(Change.Kind.DELETE, A);

        assertThat(look().removable()).containsExactly(A);
    }

    @Test
    void restsEndWhenSomebodyWaitsForWhatIsNoted() {
        note(Change.Kind.UPDATE, A);
        finish(look());
        note(Change.Kind.UPDATE, A);

        mind.endRests(now);

        assertThat(look().changed()).containsExactly(A);
    }

    @Test
    void aMissingRecordIsLookedForMoreAndMoreSeldomAndIsRemovableAfterAMinute() {
        note(Change.Kind.CREATE, A);
        List<Long> seconds = new ArrayList<>();
        for (int second = 0; second < 60; second++) {
            now = start + Duration.ofSeconds(second).toNanos();
            Task task = look();
            if (!task.isEmpty()) {
                assertThat(task.changed()).containsExactly(A);
                seconds.add((long) second);
                finish(task, Set.of(A), Set.of());
            }
        }
        now = start + Duration.ofSeconds(60).toNanos();
        Task last = look();

        assertThat(seconds).containsExactly(0L, 1L, 3L, 7L, 15L, 31L, 47L);
        assertThat(last.removable()).containsExactly(A);
        finish(last);
        assertThat(outbox).isEmpty();
    }

    @Test
    void aMissingRecordThatAppearsIsEmbedded() {
        note(Change.Kind.CREATE, A);
        finish(look(), Set.of(A), Set.of());
        pass(Duration.ofSeconds(1));

        finish(look());

        assertThat(outbox).isEmpty();
    }

    @Test
    void aBusyRecordKeepsItsRowAndIsTriedAgainSoon() {
        note(Change.Kind.DELETE, A);
        finish(look(), Set.of(), Set.of(A));

        assertThat(outbox).hasSize(1);
        assertThat(look().isEmpty()).isTrue();
        pass(Duration.ofSeconds(1));
        assertThat(look().removable()).containsExactly(A);
    }

    @Test
    void aTaskHasAThousandRecordsAtMostAndTheOldestFirst() {
        for (int i = 0; i < 2_500; i++) {
            note(Change.Kind.UPDATE, new RecordKey("orders", "" + i));
        }

        Task first = look();
        assertThat(first.changed()).hasSize(1_000).contains(new RecordKey("orders", "0"));
        assertThat(first.more()).isTrue();
        finish(first);
        finish(look());
        Task last = look();
        assertThat(last.changed()).hasSize(500);
        assertThat(last.more()).isFalse();
    }

    @Test
    void recordsThatWaitDoNotHoldUpOthers() {
        for (int i = 0; i < 3_000; i++) {
            note(Change.Kind.CREATE, new RecordKey("orders", "missing" + i));
        }
        for (Task task = look(); !task.isEmpty(); task = look()) {
            finish(task, task.changed(), Set.of());
        }
        note(Change.Kind.CREATE, A);

        assertThat(look().changed()).containsExactly(A);
    }

    @Test
    void onlySoManyRecordsAreThoughtOf() {
        LiveMind small = new LiveMind(new Pace(
                Pace.DEFAULT.firstRest(),
                Pace.DEFAULT.longestRest(),
                Pace.DEFAULT.firstRetry(),
                Pace.DEFAULT.longestRetry(),
                Pace.DEFAULT.vanishedAfter(),
                10,
                20));
        for (int i = 0; i < 100; i++) {
            note(Change.Kind.CREATE, new RecordKey("orders", "" + i));
        }
        small.beginLook();
        int pages = 0;
        while (!small.hasEnough(now)) {
            small.note(outbox.subList(5 * pages, 5 * pages + 5));
            pages++;
        }
        assertThat(pages).as("ten records of a page of five").isEqualTo(2);
    }

    private void note(Change.Kind kind, RecordKey key) {
        outbox.add(new NotedChange(++seq, new Change(key, kind), Instant.EPOCH));
    }

    private void pass(Duration time) {
        now += time.toNanos();
    }

    private Task look() {
        mind.beginLook();
        delete(mind.note(List.copyOf(outbox)));
        return mind.decide(now, true);
    }

    private void finish(Task task) {
        finish(task, Set.of(), Set.of());
    }

    private void finish(Task task, Set<RecordKey> missing, Set<RecordKey> busy) {
        delete(mind.settle(task, missing, busy, now));
    }

    private void delete(List<Long> rows) {
        Set<Long> gone = Set.copyOf(rows);
        outbox.removeIf(row -> gone.contains(row.seq()));
    }
}
