package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.it.Debugger.Target;
import dev.evervec.it.KillSite.Bill;
import dev.evervec.it.KilledBuild.Mode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Builds in real processes, killed by SIGKILL in the middle of their work and started again: nothing is lost, nothing is
 * wrong, and no more is paid for twice than was in flight.
 *
 * <p>{@code -Devervec.kills=N} kills so often at random instead of {@value #KILLS} times, {@code -Devervec.kill.seed=S}
 * repeats a run as far as moments can be repeated.
 */
final class KillMatrixTest {
    private static final int KILLS = 40;
    private static final int MOST_DELAY_MICROS = 20_000;
    private static final Map<Failpoint, Integer> NAMED = new EnumMap<>(Failpoint.class);
    private static final Map<Failpoint, Integer> RANDOM = new EnumMap<>(Failpoint.class);
    private static Bill most = Bill.NONE;

    @TempDir
    Path folder;

    private Debugger debugger;
    private int sites;

    @BeforeEach
    void listen() throws IOException {
        debugger = new Debugger();
    }

    @AfterEach
    void stopListening() throws IOException {
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
        System.out.printf(
                Locale.ROOT,
                "after one kill at most: paid twice %d texts and %d rewrites, in flight %d texts and %d rewrites%n",
                most.twice().texts(),
                most.twice().prompts(),
                most.inFlight().texts(),
                most.inFlight().prompts());
    }

    /** A build that has come to where it is to be killed, or has ended before. */
    private record Victim(BuildProcess build, @Nullable Target target, boolean came) {
        /** Lets it go on for so many microseconds. */
        void goOn(int micros) {
            if (micros == 0) {
                return;
            }
            if (target != null) {
                target.goOn();
            }
            long end = System.nanoTime() + TimeUnit.MICROSECONDS.toNanos(micros);
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void theNextBuildFinishesWhatOneKilledAtThisPointHadBegun(Failpoint failpoint) throws Exception {
        for (int round = 1; round <= 2; round++) {
            int time = round == 1 ? 1 : failpoint.times;
            KillSite site = newSite(failpoint == Failpoint.WHILE_REWRITING || round == 2 ? Mode.REWRITING : Mode.PLAIN);
            Victim victim = runTo(site, failpoint, time);
            assertThat(victim.came)
                    .as("the build came to %s, time %s", failpoint, time)
                    .isTrue();
            assertThat(site.kill(victim.build)).as("the job was unfinished").isTrue();
            bill(site.examine(victim.build.traffic()));
            NAMED.merge(failpoint, 1, Integer::sum);
            finish(site);
        }
    }

    private Victim runTo(KillSite site, Failpoint failpoint, int time) throws Exception {
        if (failpoint == Failpoint.AFTER_SEND) {
            BuildProcess build = site.start(Traffic.heldFrom(time), List.of()).go();
            // As many more as may be in flight: none of them waits for another's answer.
            return new Victim(build, null, build.traffic().awaitEmbeddings(time + KilledBuild.MAX_IN_FLIGHT - 1));
        }
        BuildProcess build = site.start(Traffic.answered(), debugger.options()).go();
        Target target = debugger.accept();
        return new Victim(build, target, target.runTo(failpoint, time));
    }

    private KillSite newSite(Mode mode) throws IOException {
        sites++;
        return new KillSite(folder.resolve("site-" + sites), mode);
    }

    private static void finish(KillSite site) throws Exception {
        try (BuildProcess build = site.start(Traffic.answered(), List.of()).go()) {
            bill(site.finish(build));
        }
    }

    private static void bill(Bill bill) {
        most = most.max(bill);
    }
}
