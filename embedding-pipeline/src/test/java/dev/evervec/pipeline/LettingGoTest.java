package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.resilience.Backoff;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who never comes back holds up a job that is to stop only for so long; in virtual time. */
class LettingGoTest {
    private static final int RECORDS = 20;
    private static final int BATCH = 5;

    private final ManualClock clock = new ManualClock();
    private final MemoryStore store = new MemoryStore(clock);
    private final ScriptedProvider provider = ScriptedProvider.builder()
            .limits(ProviderLimits.ofTexts(BATCH))
            .callPolicy(new CallPolicy(3, Duration.ofSeconds(60), 2))
            .build();
    private final ScriptedProvider rewriter = ScriptedProvider.builder()
            .model("rewriter")
            .capabilities(Capability.REWRITE)
            .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 2))
            .build();

    /** A job whose commands are carried out at once, but for those that are answered only when they are released, if ever. */
    private final class Job {
        final List<RecordOutcome> told = new ArrayList<>();
        private final BuildMachine machine;
        private final Hands hands;
        private final Predicate<Command> stuck;
        private final Deque<Event> events = new ArrayDeque<>();
        private final Deque<Command> held = new ArrayDeque<>();
        private final boolean cancelled;
        private long now;
        private long stoppedAt = -1;

        Job(String jobId, boolean rewrites, boolean cancelled, Predicate<Command> stuck) {
            this.stuck = stuck;
            this.cancelled = cancelled;
            RecordSource records = InMemorySource.of(IntStream.range(0, RECORDS)
                    .mapToObj(i -> SourceRecord.of("id-" + i, "text " + i))
                    .toList());
            PromptTemplate prompt = new PromptTemplate("Rewrite: {text}");
            @Nullable String rewriting = rewrites ? Fingerprint.ofRewrite(rewriter.model(), prompt.template()) : null;
            Fingerprint fingerprint = new Fingerprint(provider.model(), rewriting == null ? "" : rewriting);
            JobTicket ticket = store.beginJob(new JobStart(jobId, fingerprint, 3));
            BuildPlan plan = new BuildPlan(
                    jobId,
                    clock.instant(),
                    BuildRequest.all(),
                    ticket.role(),
                    ticket.resumed(),
                    BuildSettings.DEFAULT,
                    PricedModel.of(provider),
                    provider.limits(),
                    provider.callPolicy(),
                    rewrites ? BuildPlan.Rewriting.of(rewriter, prompt) : null,
                    1 << 20,
                    Integer.MAX_VALUE,
                    StoreQueue.PATIENCE,
                    StopPatience.DEFAULT);
            machine = new BuildMachine(plan, Backoff.DEFAULT, new SplittableRandom(1), 0);
            hands = new Hands(
                    store,
                    ticket,
                    new ScanReader(records.scan(null), BuildRequest.all()),
                    BuildRequest.all(),
                    new Preparer(
                            records, store, new TextSizer(provider), BuildSettings.DEFAULT.onTooLong(), fingerprint),
                    provider,
                    rewriting == null ? null : new Hands.Rewriting(rewriter, prompt, rewriting));
        }

        /** When nothing goes on any more because somebody is stuck, the job is cancelled; otherwise time goes on. */
        BuildMachine.Ending run() {
            take(new Event.Begin());
            while (!machine.isOver()) {
                if (!events.isEmpty()) {
                    take(events.remove());
                } else if (cancelled && stoppedAt < 0 && !held.isEmpty()) {
                    take(new Event.CancelRequested());
                } else {
                    long wake = machine.nextWake();
                    assertThat(wake).as("something to wait for").isLessThan(Long.MAX_VALUE);
                    now = Math.max(now, wake);
                    take(new Event.Tick());
                }
            }
            BuildMachine.Ending ending = machine.ending();
            assertThat(ending.books().total()).isEqualTo(ending.totalPending());
            return ending;
        }

        private void take(Event event) {
            List<Command> commands = machine.handle(event, now);
            if (stoppedAt < 0 && machine.isStopping()) {
                stoppedAt = now;
            }
            commands.forEach(this::carryOut);
            if (machine.hasLetGo()) {
                release();
            }
        }

        /** Whoever was let go of comes back all the same. */
        private void release() {
            while (!held.isEmpty() && !(held.peek() instanceof Command.StoreCommand)) {
                events.addFirst(answer(held.remove()));
            }
        }

        private void carryOut(Command command) {
            if (command instanceof Command.Tell tell) {
                told.addAll(tell.outcomes());
            } else if (stuck.test(command)) {
                held.add(command);
                begin(command);
            } else if (!(command instanceof Command.Cut)) {
                events.add(answer(command));
            }
        }

        private static void begin(Command command) {
            if (command instanceof Command.Embed embed) {
                embed.batch().begin();
            } else if (command instanceof Command.Rewrite rewrite) {
                rewrite.call().begin();
            }
        }

        private Event answer(Command command) {
            if (command instanceof Command.StoreCommand write) {
                return hands.write(write);
            } else if (command instanceof Command.ScanPage) {
                return hands.scanPage();
            } else if (command instanceof Command.Read read) {
                return hands.read(read.claims(), read.maxBytes());
            } else if (command instanceof Command.Embed embed) {
                return hands.embed(embed.batch());
            } else if (command instanceof Command.Rewrite rewrite) {
                return hands.rewrite(rewrite.call());
            } else if (command instanceof Command.Probe probe) {
                return hands.probe(probe.capability(), probe.signal());
            }
            throw new AssertionError(command);
        }

        Duration fromStopToEnd() {
            return Duration.ofNanos(now - stoppedAt);
        }
    }

    private Job cancelled(boolean rewrites, Predicate<Command> stuck) {
        return new Job("cut", rewrites, true, stuck);
    }

    private void assertTheNextJobEmbeds(int records) {
        BuildMachine.Ending next = new Job("next", false, false, command -> false).run();

        assertThat(next.books().succeededCount()).isEqualTo(records);
    }

    @Test
    void aCallThatHeedsNoCutIsLetGoAndItsLateAnswerIsIgnored() {
        Job job = cancelled(
                false,
                command -> command instanceof Command.Embed embed
                        && embed.batch().items.get(0).claim().key().id().equals("id-0"));

        BuildMachine.Ending ending = job.run();

        assertThat(job.fromStopToEnd()).isEqualTo(Duration.ofSeconds(15));
        assertThat(ending.state()).isEqualTo(JobState.CANCELLED);
        assertThat(ending.books().of(Reason.Kind.FAILED)).containsOnlyKeys(Reason.CANCELLED);
        assertThat(ending.books().succeededCount()).isEqualTo(RECORDS - BATCH);
        assertThat(ending.calls().requests()).isEqualTo(RECORDS / BATCH);
        assertThat(ending.notes()).anyMatch(note -> note.startsWith("1 provider call had not ended 15 s after"));
        assertThat(job.told).hasSize(BATCH).doesNotHaveDuplicates();
        assertTheNextJobEmbeds(BATCH);
    }

    @Test
    void aRewriteThatHeedsNoCutIsLetGo() {
        Job job = cancelled(true, Command.Rewrite.class::isInstance);

        BuildMachine.Ending ending = job.run();

        assertThat(job.fromStopToEnd()).isEqualTo(Duration.ofSeconds(15));
        assertThat(ending.books().of(Reason.Kind.FAILED)).containsEntry(Reason.CANCELLED, (long) RECORDS);
        assertThat(ending.calls().requests()).isEqualTo(2);
    }

    @Test
    void aProbeThatHeedsNoCutIsLetGo() {
        provider.setFaults(FaultScript.always(Fault.serverError()));
        Job job = cancelled(false, Command.Probe.class::isInstance);

        BuildMachine.Ending ending = job.run();

        assertThat(job.fromStopToEnd()).isEqualTo(Duration.ofSeconds(15));
        assertThat(ending.books().of(Reason.Kind.FAILED)).containsEntry(Reason.CANCELLED, (long) RECORDS);
        provider.setFaults(FaultScript.none());
        assertTheNextJobEmbeds(RECORDS);
    }

    @Test
    void recordsThatTheSourceNeverGivesOutAreLetGo() {
        Job job = cancelled(false, Command.Read.class::isInstance);

        BuildMachine.Ending ending = job.run();

        assertThat(job.fromStopToEnd()).isEqualTo(Duration.ofSeconds(15));
        assertThat(ending.books().of(Reason.Kind.FAILED)).containsEntry(Reason.CANCELLED, (long) RECORDS);
        assertThat(ending.notes()).anyMatch(note -> note.startsWith("the record source had not answered 15 s after"));
        assertTheNextJobEmbeds(RECORDS);
    }

    @Test
    void aScanThatNeverGoesOnIsLetGo() {
        Job job = cancelled(false, Command.ScanPage.class::isInstance);

        BuildMachine.Ending ending = job.run();

        assertThat(job.fromStopToEnd()).isEqualTo(Duration.ofSeconds(15));
        assertThat(ending.state()).isEqualTo(JobState.CANCELLED);
        assertThat(ending.totalPending()).isZero();
        assertTheNextJobEmbeds(RECORDS);
    }

    @Test
    void aMistakeInTheConfigurationEndsTheJobAlthoughAnotherCallHangs() {
        boolean[] first = {true};
        Job job = new Job("wrong", false, false, command -> {
            boolean hangs = first[0] && command instanceof Command.Embed;
            first[0] &= !hangs;
            return hangs;
        });
        provider.setFaults(FaultScript.nextCalls(1, Fault.keyRefused()));

        BuildMachine.Ending ending = job.run();

        assertThat(job.fromStopToEnd()).isEqualTo(Duration.ofSeconds(15));
        assertThat(ending.state()).isEqualTo(JobState.FAILED);
        assertThat(ending.books().of(Reason.Kind.FAILED)).containsOnlyKeys(Reason.ABORTED);
        assertThat(ending.stopCause()).contains("key");
        assertThat(job.machine.unclosed()).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                Command.Mark.class,
                Command.CloseScan.class,
                Command.ClaimRecords.class,
                Command.Commit.class,
                Command.KeepRewrites.class,
                Command.CloseJob.class
            })
    void aStoreThatNeverReturnsIsGivenUpAfterAMinute(Class<? extends Command> command) {
        Job job = cancelled(true, command::isInstance);

        BuildMachine.Ending ending = job.run();

        assertThat(job.fromStopToEnd()).isEqualTo(Duration.ofMinutes(1));
        assertThat(ending.notes()).anyMatch(note -> note.contains("the store has not answered within 60 s"));
        assertThat(job.machine.unclosed()).isNotNull();
        if (command == Command.Commit.class) {
            assertThat(ending.books().of(Reason.Kind.FAILED)).containsKey(Reason.STORE_ERROR);
        }
    }

    @Test
    void nobodyIsGivenUpBeforeTheJobIsToStop() {
        Deque<Command> held = new ArrayDeque<>();
        Job job = new Job("patient", false, false, command -> command instanceof Command.Embed && held.add(command));
        job.take(new Event.Begin());
        while (!job.events.isEmpty()) {
            job.take(job.events.remove());
        }

        job.now = Duration.ofDays(1).toNanos();
        job.take(new Event.Tick());

        assertThat(job.machine.isOver()).isFalse();
        assertThat(job.machine.nextWake()).isEqualTo(Long.MAX_VALUE);
    }
}
