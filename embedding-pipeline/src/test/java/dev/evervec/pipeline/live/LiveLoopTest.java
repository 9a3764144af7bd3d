package dev.evervec.pipeline.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.live.LiveLoop.Left;
import dev.evervec.pipeline.live.LiveLoop.Urgency;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobRefusedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LiveLoopTest {
    private static final Change CHANGE = Change.updated("orders", "1");

    private final MemoryOutbox outbox = new MemoryOutbox();
    private final Host host = new Host();
    private final Random random = new Random(1);
    private long now;
    private LiveLoop loop = newLoop(null);

    private LiveLoop newLoop(@Nullable Duration reconcile) {
        return new LiveLoop(
                outbox,
                host,
                new Lead(host, now),
                new LiveMind(Pace.DEFAULT),
                new Chores(host, reconcile, random, now),
                new Troubles("live embedding", Duration.ofSeconds(1), random),
                () -> now);
    }

    @Test
    void whatIsNotedIsEmbeddedAndLeavesTheOutbox() {
        host.write("1", "text");
        outbox.note(CHANGE);

        assertThat(loop.look(Urgency.NONE)).isEqualTo(Left.NOTHING);

        assertThat(host.stored).containsEntry(key("1"), "text");
        assertThat(outbox.size()).isZero();
    }

    @Test
    void anEmptyOutboxAsksForNoJob() {
        loop.look(Urgency.NONE);

        assertThat(host.tasks).isZero();
    }

    @Test
    void aTaskThatBreaksOffKeepsItsRowsAndIsTriedAgainMoreAndMoreSeldom() {
        host.write("1", "text");
        outbox.note(CHANGE);
        host.trouble = () -> new Jobs.Ended(Set.of(), Set.of(), "the key is refused");

        look(Duration.ofHours(1));

        assertThat(outbox.size()).isEqualTo(1);
        assertThat(host.tasks).as("tries in an hour").isBetween(15, 60);

        host.trouble = null;
        look(Duration.ofMinutes(5).plusSeconds(1));
        assertThat(host.stored).containsKey(key("1"));
        assertThat(outbox.size()).isZero();
    }

    @Test
    void aTaskThatCannotBeginIsTriedAgain() {
        host.write("1", "text");
        outbox.note(CHANGE);
        host.trouble = () -> {
            throw new JobRefusedException(JobRefusedException.Kind.RUNNING, "another one is running");
        };
        look(Duration.ofSeconds(10));
        assertThat(outbox.size()).isEqualTo(1);

        host.trouble = null;
        look(Duration.ofSeconds(20));

        assertThat(outbox.size()).isZero();
    }

    @Test
    void anOutboxThatCannotBeReachedIsTriedAgain() {
        host.write("1", "text");
        outbox.note(CHANGE);
        outbox.setBroken(true);
        look(Duration.ofSeconds(10));
        outbox.setBroken(false);

        look(Duration.ofSeconds(20));

        assertThat(host.stored).containsKey(key("1"));
    }

    @Test
    void whileAnotherOneWorksItStandsByAndAsksForNoJob() {
        host.write("1", "text");
        outbox.note(CHANGE);
        host.failed = true;
        host.another = true;

        look(Duration.ofHours(1));

        assertThat(loop.standsBy()).isTrue();
        assertThat(host.tasks + host.retries).isZero();
        assertThat(host.asked).as("every 5 seconds").isEqualTo(720);
        assertThat(loop.look(Urgency.DRAIN)).isEqualTo(Left.WAITING);
    }

    @Test
    void itTakesOverWhenTheOtherOneHasEnded() {
        host.write("1", "text");
        outbox.note(CHANGE);
        host.another = true;
        look(Duration.ofSeconds(30));
        assertThat(loop.keepLead()).isFalse();
        host.another = false;
        now += Duration.ofSeconds(5).toNanos();

        assertThat(loop.keepLead()).as("there is a reason to look").isTrue();
        assertThat(loop.look(Urgency.NONE)).isEqualTo(Left.NOTHING);

        assertThat(loop.standsBy()).isFalse();
        assertThat(host.stored).containsKey(key("1"));
    }

    @Test
    void whoeverWorksSaysSoEveryFifteenSeconds() {
        look(Duration.ofHours(1));

        assertThat(host.asked).isEqualTo(240);
        assertThat(loop.keepLead()).as("nothing new").isFalse();
        loop.leaveLead();
        assertThat(host.left).isEqualTo(1);
    }

    @Test
    void anEmbedderThatWasTakenForDeadStandsByWhenItWakesUp() {
        look(Duration.ofSeconds(2));
        now += Duration.ofMinutes(3).toNanos();
        host.another = true;
        host.write("1", "text");
        outbox.note(CHANGE);

        assertThat(loop.look(Urgency.NONE)).isEqualTo(Left.WAITING);

        assertThat(loop.standsBy()).isTrue();
        assertThat(host.tasks).isZero();
    }

    @Test
    void oneThatIsRefusedBecauseTheOtherOneIsStillAtItStandsByAndIsNotInTrouble() {
        host.write("1", "text");
        outbox.note(CHANGE);
        host.trouble = () -> {
            throw new JobRefusedException(JobRefusedException.Kind.RUNNING, "the other one is at it");
        };
        look(Duration.ofMinutes(30));
        assertThat(loop.standsBy()).isTrue();
        assertThat(outbox.size()).isEqualTo(1);
        host.trouble = null;

        look(Duration.ofSeconds(5));

        assertThat(loop.standsBy()).isFalse();
        assertThat(outbox.size()).isZero();
    }

    @Test
    void whoeverWaitsForAnEmptyOutboxDoesNotMindWhoEmptiesIt() {
        host.another = true;
        outbox.note(CHANGE);
        assertThat(loop.look(Urgency.DRAIN)).isEqualTo(Left.WAITING);

        outbox.delete(outbox.read(0, 1).stream().map(NotedChange::seq).toList());

        assertThat(loop.look(Urgency.DRAIN)).isEqualTo(Left.NOTHING);
    }

    @Test
    void aDrainDoesNotWaitForTheEndOfATrouble() {
        host.write("1", "text");
        outbox.note(CHANGE);
        host.trouble = () -> new Jobs.Ended(Set.of(), Set.of(), "outage");
        look(Duration.ofMinutes(30));
        host.trouble = null;

        assertThat(loop.look(Urgency.DRAIN)).isEqualTo(Left.NOTHING);
    }

    @Test
    void aLongBacklogIsWorkedOffTaskByTask() {
        for (int i = 0; i < 2_500; i++) {
            host.write("" + i, "text");
            outbox.note(Change.created("orders", "" + i));
        }

        assertThat(loop.look(Urgency.NONE)).isEqualTo(Left.MORE);
        assertThat(loop.look(Urgency.NONE)).isEqualTo(Left.MORE);
        assertThat(loop.look(Urgency.NONE)).isEqualTo(Left.NOTHING);

        assertThat(host.stored).hasSize(2_500);
        assertThat(host.largestTask).isEqualTo(1_000);
    }

    @Test
    void aRecordThatIsNotVisibleYetIsEmbeddedWhenItIs() {
        outbox.note(Change.created("orders", "1"));
        look(Duration.ofSeconds(30));
        host.write("1", "text");
        look(Duration.ofSeconds(16));

        assertThat(host.stored).containsKey(key("1"));
    }

    @Test
    void aVectorOfAVanishedRecordLeavesTheStoreAfterAMinute() {
        host.stored.put(key("1"), "old");
        outbox.note(Change.updated("orders", "1"));

        look(Duration.ofSeconds(59));
        assertThat(host.stored).hasSize(1);
        look(Duration.ofSeconds(3));

        assertThat(host.stored).isEmpty();
        assertThat(outbox.size()).isZero();
    }

    @Test
    void whatFailedIsTriedAgainEveryMinuteAndMoreSeldomIfNothingIsDue() {
        host.failed = true;
        look(Duration.ofHours(1));

        assertThat(host.retries).as("after 1, 3, 7, 15, 30, 45 and 60 minutes").isEqualTo(6);
    }

    @Test
    void nothingIsTriedAgainIfNothingFailed() {
        look(Duration.ofHours(1));

        assertThat(host.retries).isZero();
    }

    @Test
    void everythingIsComparedWithItsSourceOnTheScheduleOfTheHost() {
        loop = newLoop(Duration.ofMinutes(20));

        look(Duration.ofMinutes(61));

        assertThat(host.reconciliations).isEqualTo(3);
    }

    @Test
    void aReconciliationThatABuildRefusesComesAfterIt() {
        loop = newLoop(Duration.ofMinutes(20));
        host.building = true;
        look(Duration.ofMinutes(30));
        assertThat(host.reconciliations).isZero();
        host.building = false;

        look(Duration.ofMinutes(2));

        assertThat(host.reconciliations).isEqualTo(1);
    }

    @Test
    void changesAreEmbeddedWhileEverythingIsComparedWithItsSource() {
        loop = newLoop(Duration.ofMinutes(20));
        host.endless = true;
        look(Duration.ofMinutes(21));
        host.write("1", "text");
        outbox.note(CHANGE);

        look(Duration.ofHours(2));

        assertThat(host.reconciliations).as("one at a time").isEqualTo(1);
        assertThat(host.stored).containsKey(key("1"));
    }

    /**
     * Whatever happens in whatever order, in the end each record has the vector of its text, and no other one has any.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void everyVectorIsCurrentInTheEnd(long seed) {
        for (int story = 0; story < 50; story++) {
            new LiveLoopTest().tell(1_000 * seed + story);
        }
    }

    private void tell(long seed) {
        Random dice = new Random(seed);
        for (int step = 0; step < 400; step++) {
            now += Duration.ofMillis(dice.nextInt(1_500)).toNanos();
            String id = "" + dice.nextInt(8);
            switch (dice.nextInt(12)) {
                case 0, 1, 2 -> {
                    host.write(id, "text " + step);
                    outbox.note(Change.updated("orders", id));
                }
                case 3 -> {
                    host.texts.remove(key(id));
                    outbox.note(Change.deleted("orders", id));
                }
                case 4 -> outbox.begin(Change.updated("orders", id));
                case 5 -> endATransaction(dice, step);
                case 6 -> host.trouble = dice.nextBoolean() ? null : () -> trouble(dice);
                case 7 -> outbox.setBroken(dice.nextInt(3) == 0);
                case 8 -> loop = newLoop(null);
                case 9 -> host.forgetful = dice.nextInt(3) == 0;
                case 10 -> host.busy = dice.nextInt(3) == 0 ? Set.of(key(id)) : Set.of();
                default -> loop.look(dice.nextInt(10) == 0 ? Urgency.DRAIN : Urgency.NONE);
            }
        }
        while (outbox.uncommitted() > 0) {
            endATransaction(dice, 1_000_000 + outbox.uncommitted());
        }
        host.trouble = null;
        host.forgetful = false;
        host.busy = Set.of();
        outbox.setBroken(false);
        look(Duration.ofMinutes(12));

        assertThat(host.stored).as("seed %d", seed).isEqualTo(host.texts);
        assertThat(outbox.size()).as("seed %d", seed).isZero();
    }

    /** The record changes with the commit of its row, in whatever order transactions end. */
    private void endATransaction(Random dice, int step) {
        if (outbox.uncommitted() > 0) {
            int index = dice.nextInt(outbox.uncommitted());
            boolean commit = dice.nextInt(4) > 0;
            RecordKey key = outbox.end(index, commit).key();
            if (commit) {
                host.texts.put(key, "text " + step);
            }
        }
    }

    private static Jobs.Ended trouble(Random dice) {
        if (dice.nextBoolean()) {
            throw new JobRefusedException(JobRefusedException.Kind.RUNNING, "planted");
        }
        return new Jobs.Ended(Set.of(), Set.of(), "planted");
    }

    /** Looks every second, as the embedder's thread does. */
    private void look(Duration time) {
        long end = now + time.toNanos();
        while (now < end) {
            now += Duration.ofSeconds(1).toNanos();
            while (loop.look(Urgency.NONE) == Left.MORE) {
                assertThat(outbox.size()).isPositive();
            }
        }
    }

    private static RecordKey key(String id) {
        return new RecordKey("orders", id);
    }

    /** A host and its pipeline: what is embedded is what the host has at that moment. */
    private static final class Host implements Jobs {
        final Map<RecordKey, String> texts = new HashMap<>();
        final Map<RecordKey, String> stored = new HashMap<>();

        @Nullable
        Supplier<Ended> trouble;
        /** Does what it was asked and then says that it did not. */
        boolean forgetful;

        boolean failed;
        boolean building;
        boolean endless;
        Set<RecordKey> busy = Set.of();
        /** Another embedder works on the store. */
        boolean another;

        int asked;
        int left;
        int tasks;
        int largestTask;
        int retries;
        int reconciliations;

        void write(String id, String text) {
            texts.put(key(id), text);
        }

        @Override
        public boolean lead(Duration lease) {
            asked++;
            return !another;
        }

        @Override
        public void leave() {
            left++;
        }

        @Override
        public Ended embed(Set<RecordKey> changed, Set<RecordKey> removable) {
            tasks++;
            List<RecordKey> all = new ArrayList<>(changed);
            all.addAll(removable);
            largestTask = Math.max(largestTask, all.size());
            if (trouble != null) {
                return trouble.get();
            }
            Set<RecordKey> missing = new HashSet<>();
            Set<RecordKey> claimed = new HashSet<>();
            for (RecordKey key : all) {
                if (busy.contains(key)) {
                    claimed.add(key);
                } else if (texts.containsKey(key)) {
                    stored.put(key, texts.get(key));
                } else if (removable.contains(key)) {
                    stored.remove(key);
                } else {
                    missing.add(key);
                }
            }
            return forgetful ? new Ended(Set.of(), Set.of(), "killed") : new Ended(missing, claimed, null);
        }

        @Override
        public boolean anyFailedDue() {
            return failed;
        }

        @Override
        public Running retryFailed() {
            retries++;
            return new Done();
        }

        @Override
        public Running reconcile() {
            if (building) {
                throw new JobRefusedException(JobRefusedException.Kind.RUNNING, "a build is running");
            }
            reconciliations++;
            return new Done();
        }

        @Override
        public void stop() {}

        private final class Done implements Running {
            @Override
            public boolean isDone() {
                return !endless;
            }

            @Override
            public boolean hadWork() {
                return false;
            }
        }
    }
}
