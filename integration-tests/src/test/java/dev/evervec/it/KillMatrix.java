package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.evervec.it.Debugger.Target;
import dev.evervec.it.KillSite.Bill;
import dev.evervec.it.KilledBuild.Mode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Builds on one store in real processes, killed by SIGKILL in the middle of their work and started again: nothing is lost, nothing is
 * wrong, and no more is paid for twice than was in flight.
 *
 * <p>{@code -Devervec.kills=N} kills so often at random instead of a few times, {@code -Devervec.kill.seed=S}
 * repeats a run as far as moments can be repeated.
 */
abstract class KillMatrix {
    private static final int MOST_DELAY_MICROS = 20_000;
    private static final Map<Failpoint, Integer> NAMED = new EnumMap<>(Failpoint.class);
    private static final Map<Failpoint, Integer> RANDOM = new EnumMap<>(Failpoint.class);
    private static Bill most = Bill.NONE;

    @TempDir
    Path folder;

    /** How often a build is killed at random if nobody says otherwise. */
    abstract int kills();

    /** A new store for builds of this folder. */
    abstract KillStore newStore(Path site) throws Exception;

    private Debugger debugger;
    private BuildProcess last;
    private int sites;

    @BeforeAll
    static void countAnew() {
        NAMED.clear();
        RANDOM.clear();
        most = Bill.NONE;
    }

    @BeforeEach
    void listen() throws IOException {
        debugger = new Debugger();
    }

    @AfterEach
    void stop() throws IOException {
        if (last != null) {
            last.close();
        }
        debugger.close();
    }

    @AfterAll
    static void printTable() {
        System.out.printf(Locale.ROOT, "%-36s%8s%8s%n", "kills", "named", "random");
        for (Failpoint failpoint : Failpoint.values()) {
            System.out.printf(
                    Locale.ROOT,
                    "%-36s%8d%8d%n",
                    failpoint,
                    NAMED.getOrDefault(failpoint, 0),
                    RANDOM.getOrDefault(failpoint, 0));
        }
        System.out.printf(Locale.ROOT, "%-36s%8d%8d%n", "all", sum(NAMED), sum(RANDOM));
        System.out.printf(
                Locale.ROOT,
                "after one kill at most: paid twice %d texts and %d rewrites, in flight %d texts and %d rewrites%n",
                most.twice().texts(),
                most.twice().prompts(),
                most.inFlight().texts(),
                most.inFlight().prompts());
    }

    private static int sum(Map<Failpoint, Integer> kills) {
        return kills.values().stream().mapToInt(Integer::intValue).sum();
    }

    /** A build that has come to where it is to be killed, or has ended before. */
    private record Victim(BuildProcess build, @Nullable Target target, boolean came) {
        /** Lets it go on for so many microseconds. */
        void goOn(int micros) {
            if (target != null && micros > 0) {
                target.goOn();
            }
            long end = System.nanoTime() + TimeUnit.MICROSECONDS.toNanos(micros);
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
        }
    }

    /** The second build is killed there too, later on its way; every other failpoint meets builds that rewrite. */
    @ParameterizedTest
    @EnumSource
    void theNextBuildFinishesWhatTwoKilledAtThisPointHadBegun(Failpoint failpoint) throws Exception {
        KillSite site = newSite(Mode.values()[failpoint.ordinal() % 2]);
        for (int time : List.of(1, failpoint.times)) {
            Victim victim = runTo(site, failpoint, time);
            assertThat(victim.came)
                    .as("the build came to %s, time %s", failpoint, time)
                    .isTrue();
            assertThat(site.kill(victim.build)).as("the job was unfinished").isTrue();
            bill(site.examine(victim.build.traffic()));
            NAMED.merge(failpoint, 1, Integer::sum);
        }
        finish(site);
    }

    @Test
    void rewritesAreSafeFromAKillAsSoonAsTheyHaveArrived() throws Exception {
        int answered = 20;
        KillSite site = newSite(Mode.REWRITING);
        start(site, Traffic.heldFromRewrite(answered + 1), List.of());
        assertThat(last.traffic().awaitRewrites(answered + KilledBuild.WORKERS)).isTrue();
        await().until(site::keptRewrites, kept -> kept == answered);

        assertThat(site.kill(last)).isTrue();

        Bill bill = site.examine(last.traffic());
        assertThat(bill.inFlight().prompts()).isEqualTo(KilledBuild.WORKERS);
        finish(site);
    }

    @Test
    void buildsKilledAtRandomAgainAndAgainStillFinish() throws Exception {
        int wanted = Integer.getInteger("evervec.kills", kills());
        long seed = Long.getLong("evervec.kill.seed", new Random().nextLong());
        System.out.println("random kills: -Devervec.kills=" + wanted + " -Devervec.kill.seed=" + seed);
        Random random = new Random(seed);
        KillSite site = newSite(Mode.REWRITING);
        int misses = 0;
        for (int kills = 0; kills < wanted; ) {
            Failpoint failpoint = Failpoint.values()[kills % Failpoint.values().length];
            boolean sure = misses > 0;
            int time = sure ? 1 : someTime(failpoint, random);
            int micros = sure ? 0 : mostlyFew(MOST_DELAY_MICROS, random);
            if (killed(site, failpoint, time, micros)) {
                RANDOM.merge(failpoint, 1, Integer::sum);
                kills++;
                misses = 0;
            } else {
                site = newSite(failpoint == Failpoint.WHILE_REWRITING ? Mode.REWRITING : someMode(random));
                misses++;
                assertThat(misses).as("builds that ended before %s", failpoint).isLessThan(5);
            }
        }
        finish(site);

        assertThat(RANDOM).hasSize(Math.min(wanted, Failpoint.values().length));
    }

    /** Whether the kill came in time; the site is finished if it did not. */
    private boolean killed(KillSite site, Failpoint failpoint, int time, int micros) throws Exception {
        Victim victim = runTo(site, failpoint, time);
        if (!victim.came) {
            bill(site.finish(victim.build));
            return false;
        }
        victim.goOn(micros);
        boolean inTime = site.kill(victim.build);
        bill(site.examine(victim.build.traffic()));
        if (!inTime) {
            finish(site);
        }
        return inTime;
    }

    /** A build that goes on from an earlier one has less to do, and what happens once in a build happens once. */
    private static int someTime(Failpoint failpoint, Random random) {
        return failpoint.times == 1 ? 1 : 1 + mostlyFew(2 * failpoint.times, random);
    }

    private static int mostlyFew(int most, Random random) {
        return random.nextInt(1 + random.nextInt(most));
    }

    private static Mode someMode(Random random) {
        return Mode.values()[random.nextInt(Mode.values().length)];
    }

    private Victim runTo(KillSite site, Failpoint failpoint, int time) throws Exception {
        if (failpoint == Failpoint.AFTER_SEND) {
            start(site, Traffic.heldFrom(time), List.of());
            // As many more as may be in flight: none of them waits for another's answer.
            return new Victim(last, null, last.traffic().awaitEmbeddings(time + KilledBuild.MAX_IN_FLIGHT - 1));
        }
        start(site, Traffic.answered(), debugger.options());
        Target target = debugger.accept();
        return new Victim(last, target, target.runTo(failpoint, time));
    }

    private void finish(KillSite site) throws Exception {
        start(site, Traffic.answered(), List.of());
        bill(site.finish(last));
    }

    private void start(KillSite site, Traffic traffic, List<String> options) throws IOException {
        last = site.start(traffic, options).go();
    }

    private KillSite newSite(Mode mode) throws Exception {
        sites++;
        Path site = folder.resolve("site-" + sites);
        return new KillSite(site, newStore(site), mode);
    }

    private static void bill(Bill bill) {
        most = most.max(bill);
    }
}
