package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.provider.ModelIdentity;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whether a job's worker lives, seen from other stores, class loaders and processes, and what their looking does to it. */
@Timeout(120)
class WhoIsAliveTest {
    private static final Fingerprint FINGERPRINT =
            new Fingerprint(ModelIdentity.embedding("local", "model-a", 3, "", "l2"), "");
    private static final int ROUNDS = 150;

    @TempDir
    private Path folder;

    private final ExecutorService threads = Executors.newFixedThreadPool(3);
    private EmbeddingStore store;

    @BeforeEach
    void open() {
        store = JdbcStore.openSqlite(file());
    }

    @AfterEach
    void close() throws Exception {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        store.close();
    }

    private Path file() {
        return folder.resolve("store.db");
    }

    private Path lockFile() {
        return folder.resolve("store.db.evervec.lock");
    }

    private static EmbeddingStore reading(Path file) {
        return JdbcStore.openForReading(new StoreSettings("jdbc:sqlite:" + file, null, null, null));
    }

    private static JobStart start(String id) {
        return new JobStart(id, FINGERPRINT, 3);
    }

    private static void end(EmbeddingStore store, JobTicket job) {
        store.endJob(job, JobState.COMPLETED, Reason.ABORTED);
    }

    private static JobInfo latest(EmbeddingStore store) {
        return store.jobs(1).get(0);
    }

    @Test
    void aKilledWorkersJobIsInterruptedForEveryProcessAtOnce() throws Exception {
        try (Other theirs = new Other("begin", "theirs");
                EmbeddingStore reader = reading(file())) {
            assertThat(theirs.line()).isEqualTo("begun");
            assertThat(latest(store).state()).isEqualTo(JobState.RUNNING);
            assertThat(latest(reader).state()).isEqualTo(JobState.RUNNING);
            assertThat(latest(store).heldUpBy()).isNotNull();

            theirs.kill();

            for (EmbeddingStore each : List.of(store, reader)) {
                assertThat(latest(each).state()).isEqualTo(JobState.INTERRUPTED);
                assertThat(latest(each).heldUpBy()).isNull();
                assertThat(each.job("theirs")).contains(latest(each));
            }
            assertThat(store.requestCancel("theirs")).isFalse();
            try (Other asked = new Other("look", "theirs")) {
                assertThat(asked.line()).isEqualTo("interrupted");
            }
            assertThat(store.prune(FINGERPRINT.generation())).hasValue(0L);
        }
    }

    @Test
    void aJobOfAnotherProcessIsAskedToStop() throws Exception {
        JobTicket job = store.beginJob(start("ours"));

        try (Other other = new Other("cancel", "ours")) {
            assertThat(other.line()).isEqualTo("true");
        }

        assertThat(store.cancelRequested(job)).isTrue();
        try (EmbeddingStore reader = reading(file())) {
            assertThat(reader.cancelRequested(job)).isTrue();
            assertThatThrownBy(() -> reader.requestCancel("ours")).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void whoOnlyReadsMakesNoLockFileAndFindsNobodyAliveWithoutOne() throws Exception {
        store.beginJob(start("left"));
        store.close();
        Files.delete(lockFile());

        try (EmbeddingStore reader = reading(file())) {
            assertThat(latest(reader).state()).isEqualTo(JobState.INTERRUPTED);
        }

        assertThat(lockFile()).doesNotExist();
    }

    @Test
    void lookingLeavesTheLockOfThisProcessAsItIs() throws Exception {
        store.beginJob(start("ours"));
        try (EmbeddingStore second = JdbcStore.openSqlite(file());
                EmbeddingStore reader = reading(file());
                URLClassLoader loader = OwnClasses.load(OwnClasses.Driver.SHARED)) {
            for (int i = 0; i < 3; i++) {
                assertThat(latest(second).state()).isEqualTo(JobState.RUNNING);
                assertThat(latest(reader).state()).isEqualTo(JobState.RUNNING);
                assertThat(inLoader(loader, "look", "ours")).isEqualTo("running");
            }
            // What is collected now must be neither a lock nor a file that one hangs on.
            System.gc();
            assertThat(inLoader(loader, "look", "ours")).isEqualTo("running");
            assertThat(inLoader(loader, "begin", "theirs")).isEqualTo("refused");
        }
        try (Other other = new Other("look", "ours")) {
            assertThat(other.line()).isEqualTo("running");
        }
        try (Other other = new Other("begin", "theirs")) {
            assertThat(other.line()).isEqualTo("refused");
        }
    }

    @Test
    void aJobWhoseEndCannotBeStoredLeavesTheStoreToOtherProcesses() throws Exception {
        FaultyDialect faults = new FaultyDialect(SqliteDialect.in(file()));
        try (EmbeddingStore faulty = JdbcStore.open(faults, Clock.systemUTC())) {
            JobTicket job = faulty.beginJob(start("ours"));
            faults.failAt(1);
            assertThatThrownBy(() -> end(faulty, job)).isInstanceOf(RuntimeException.class);

            assertThat(latest(faulty).state()).isEqualTo(JobState.INTERRUPTED);
            end(faulty, job);
            assertThat(latest(faulty).state()).isEqualTo(JobState.COMPLETED);

            JobTicket lost = faulty.beginJob(start("lost"));
            faults.failAt(1);
            assertThatThrownBy(() -> end(faulty, lost)).isInstanceOf(RuntimeException.class);
            try (Other other = new Other("begin", "theirs")) {
                assertThat(other.line()).isEqualTo("begun");
                assertThatThrownBy(() -> end(faulty, lost)).hasMessageContaining("taken over");
                assertThat(latest(faulty).state()).isEqualTo(JobState.RUNNING);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nobodyIsRefusedOrTakenForDeadBecauseOthersLook(boolean inThisProcess) throws Exception {
        try (Other process = new Other("look on", "");
                URLClassLoader loader = OwnClasses.load(OwnClasses.Driver.SHARED)) {
            assertThat(process.line()).isEqualTo("looking");
            List<Future<String>> looking = List.of(
                    threads.submit(() -> act(file(), "look on", "")),
                    threads.submit(() -> act(file(), "look on", "")),
                    threads.submit(() -> inLoader(loader, "look on", "")));

            assertThat(inThisProcess ? act(file(), "alternate", "job") : alternateElsewhere())
                    .isEqualTo("done");

            Files.createFile(over(file()));
            assertThat(process.line()).isEqualTo("never interrupted");
            for (Future<String> looked : looking) {
                assertThat(looked.get()).isEqualTo("never interrupted");
            }
        }
        assertThat(store.jobs(2 * ROUNDS)).hasSize(ROUNDS).allMatch(job -> job.state() == JobState.COMPLETED);
    }

    private String alternateElsewhere() throws IOException {
        try (Other process = new Other("alternate", "job")) {
            return process.line();
        }
    }

    // ---- the others ----

    /** Does something in another class loader or process and says what came of it. */
    private static String act(Path file, String what, String jobId) {
        try (EmbeddingStore store = what.startsWith("look") ? reading(file) : JdbcStore.openSqlite(file)) {
            switch (what) {
                case "begin" -> {
                    store.noteHeldUp(store.beginJob(start(jobId)), "nothing gets through");
                    return "begun";
                }
                case "look" -> {
                    return store.job(jobId).orElseThrow().state().code();
                }
                case "cancel" -> {
                    return String.valueOf(store.requestCancel(jobId));
                }
                case "look on" -> {
                    return lookOn(store, over(file));
                }
                case "alternate" -> {
                    for (int round = 0; round < ROUNDS; round++) {
                        end(store, store.beginJob(start(jobId + "-" + round)));
                    }
                    return "done";
                }
                default -> throw new IllegalArgumentException(what);
            }
        } catch (JobRefusedException e) {
            return "refused";
        }
    }

    /** Is there when nobody needs to look any longer. */
    private static Path over(Path file) {
        return file.resolveSibling("over");
    }

    private static String lookOn(EmbeddingStore reader, Path over) {
        long begun = System.nanoTime();
        while (!Files.exists(over) && System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(100)) {
            for (JobInfo job : reader.jobs(1)) {
                if (job.state() == JobState.INTERRUPTED) {
                    return "interrupted: " + job;
                }
            }
        }
        return "never interrupted";
    }

    private String inLoader(ClassLoader loader, String what, String jobId) throws Exception {
        Method act = loader.loadClass(WhoIsAliveTest.class.getName())
                .getDeclaredMethod("act", Path.class, String.class, String.class);
        act.setAccessible(true);
        return String.valueOf(act.invoke(null, file(), what, jobId));
    }

    /** A process of its own. */
    private final class Other implements AutoCloseable {
        private final Process process;
        private final BufferedReader output;

        Other(String what, String jobId) throws IOException {
            process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            WhoIsAliveTest.class.getName(),
                            file().toString(),
                            what,
                            jobId)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            output = process.inputReader(StandardCharsets.UTF_8);
        }

        /** The next line that is ours. */
        String line() throws IOException {
            String line = output.readLine();
            while (line != null && !line.startsWith("> ")) {
                line = output.readLine();
            }
            return line == null ? null : line.substring(2);
        }

        void kill() {
            process.destroyForcibly().onExit().join();
        }

        @Override
        public void close() throws IOException {
            kill();
            output.close();
        }
    }

    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0]);
        if (args[1].equals("begin")) {
            beginAndWait(file, args[2]);
        } else {
            if (args[1].equals("look on")) {
                say("looking");
            }
            say(act(file, args[1], args[2]));
        }
    }

    private static void say(String what) {
        System.out.println("> " + what);
    }

    private static void beginAndWait(Path file, String jobId) throws IOException {
        try (EmbeddingStore store = JdbcStore.openSqlite(file)) {
            store.noteHeldUp(store.beginJob(start(jobId)), "nothing gets through");
            say("begun");
            say("ended by " + System.in.read());
        } catch (JobRefusedException e) {
            say("refused");
        }
    }
}
