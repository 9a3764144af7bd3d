package dev.evervec.pipeline.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The embedder on its own thread. */
@Timeout(60)
class LiveEmbedderTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    @TempDir
    Path folder;

    private LiveHost host;

    @BeforeEach
    void open() throws SQLException {
        host = new LiveHost(LiveHostTest.sqlite(folder.resolve("app.db")), folder.resolve("embeddings.db"));
    }

    @AfterEach
    void close() throws SQLException {
        host.close();
    }

    /** Looks so seldom that only a wake or a drain makes it look again. */
    private LiveEmbedder.Builder embedder() {
        return LiveEmbedder.builder()
                .pipeline(host.pipeline())
                .outbox(host.queue())
                .pollInterval(Duration.ofHours(1));
    }

    @Test
    void whatIsNotedIsEmbeddedWhenADrainReturns() throws SQLException {
        try (LiveEmbedder live = embedder().build()) {
            live.start();
            host.service().ask("1", "Title", "How?");

            assertThat(live.drain(LONG)).isTrue();
            host.requireCurrent();

            host.service().edit("1", "How, then?");
            assertThat(live.drain(LONG)).as("without a rest").isTrue();
            host.requireCurrent();
        }
    }

    @Test
    void itLooksByItselfAtTheEndOfThePollInterval() throws Exception {
        SignallingOutbox outbox = new SignallingOutbox(host.queue());
        try (LiveEmbedder live = LiveEmbedder.builder()
                .pipeline(host.pipeline())
                .outbox(outbox)
                .pollInterval(Duration.ofMillis(5))
                .build()) {
            live.start();
            outbox.awaitReads(3);
            host.service().ask("1", "Title", "How?");

            outbox.awaitADeletion();
            host.requireCurrent();
        }
    }

    @Test
    void itLooksWhenItIsWoken() throws Exception {
        SignallingOutbox outbox = new SignallingOutbox(host.queue());
        try (LiveEmbedder live = embedder().outbox(outbox).build()) {
            live.start();
            outbox.awaitReads(1);
            host.service().ask("1", "Title", "How?");

            live.wake();

            outbox.awaitADeletion();
            host.requireCurrent();
        }
    }

    @Test
    void aDrainEndsWithoutSuccessWhenItsTimeIsOver() throws SQLException {
        host.provider().setFaults(FaultScript.always(Fault.keyRefused()));
        try (LiveEmbedder live = embedder().build()) {
            live.start();
            host.service().ask("1", "Title", "How?");

            assertThat(live.drain(Duration.ofMillis(50))).isFalse();
        }
        assertThat(host.queue().backlog().rows()).isEqualTo(1);
    }

    @Test
    void closingCancelsWhatIsBeingEmbeddedAndKeepsItsRows() throws Exception {
        HeldCalls held = new HeldCalls(host.provider());
        host.embedWith(held);
        LiveEmbedder live = embedder().build();
        live.start();
        host.service().ask("1", "Title", "How?");
        CompletableFuture<Boolean> drain = CompletableFuture.supplyAsync(() -> live.drain(LONG));
        held.awaitACall();

        CompletableFuture<Void> closing = CompletableFuture.runAsync(live::close);
        assertThat(drain.get(30, TimeUnit.SECONDS)).isFalse();
        held.open();
        closing.get(40, TimeUnit.SECONDS);

        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .doesNotContain("evervec-live-1");
        assertThat(host.queue().backlog().rows()).isEqualTo(1);
        host.look();
        host.requireCurrent();
    }

    @Test
    void anotherOneOnTheSameStoreWaitsUntilTheFirstEnds() throws Exception {
        HeldCalls held = new HeldCalls(host.provider());
        host.embedWith(held);
        host.service().ask("1", "Title", "How?");
        try (LiveEmbedder first = embedder().build()) {
            first.start();
            first.wake();
            held.awaitACall();

            host.look();
            assertThat(host.queue().backlog().rows()).isEqualTo(1);
            held.open();
            assertThat(first.drain(LONG)).isTrue();
        }
        assertThat(host.provider().timesSent("Title\n\nHow?")).isEqualTo(1);
    }

    @Test
    void aSecondOneStandsByAndTakesOverWhenTheFirstIsClosed() throws SQLException {
        LiveEmbedder first = embedder().build();
        try (LiveEmbedder second = embedder().build()) {
            assertThat(second.isStandingBy()).as("before it is started").isFalse();
            first.start();
            first.drain(LONG);
            second.start();
            assertThat(second.drain(LONG)).as("nothing is there").isTrue();
            assertThat(second.isStandingBy()).isTrue();
            assertThat(first.isStandingBy()).isFalse();
            host.service().ask("1", "Title", "How?");
            first.wake();
            assertThat(second.drain(LONG)).as("the first one does it").isTrue();
            assertThat(second.isStandingBy()).isTrue();

            first.close();
            host.service().edit("1", "How, then?");

            assertThat(second.drain(LONG)).isTrue();
            assertThat(second.isStandingBy()).isFalse();
            host.requireCurrent();
        } finally {
            first.close();
        }
        assertThat(host.textsSent()).isEqualTo(2);
    }

    @Test
    void reconcilingFindsWhatWasNotNoted() throws SQLException {
        host.service().setForgetsToNote(true);
        host.service().ask("1", "Title", "How?");
        host.service().ask("2", "Title", "Why?");
        try (LiveEmbedder live = embedder().build()) {
            live.reconcile();
            host.requireCurrent();

            host.service().delete("1");
            assertThat(live.reconcile().notes()).isNotEmpty();
            assertThat(host.vectors())
                    .as("half of the records is more than a tenth")
                    .hasSize(2);
            live.reconcile(1);
            host.requireCurrent();
        }
    }

    @Test
    void itReconcilesOnTheScheduleOfTheHost() throws Exception {
        host.service().setForgetsToNote(true);
        host.service().ask("1", "Title", "How?");
        HeldCalls held = new HeldCalls(host.provider());
        host.embedWith(held);
        try (LiveEmbedder live = LiveEmbedder.builder()
                .pipeline(host.pipeline())
                .outbox(host.queue())
                .pollInterval(Duration.ofMillis(5))
                .reconcileEvery(Duration.ofMillis(20))
                .build()) {
            live.start();
            held.awaitACall();
            held.open();
        }
        host.requireCurrent();
    }

    @Test
    void aHostMayNotStartItTwice() {
        LiveEmbedder live = embedder().build();
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> live.drain(LONG))
                .withMessageContaining("not running");
        live.start();
        assertThatExceptionOfType(IllegalStateException.class).isThrownBy(live::start);
        live.close();
        live.close();
        assertThatExceptionOfType(IllegalStateException.class).isThrownBy(live::start);
    }

    @Test
    void closingWhatWasNeverStartedIsHarmless() {
        embedder().build().close();
    }

    @Test
    void settingsThatCannotBeAreRefused() {
        assertThatExceptionOfType(NullPointerException.class)
                .isThrownBy(() -> LiveEmbedder.builder().build())
                .withMessageContaining("pipeline");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> LiveEmbedder.builder().pollInterval(Duration.ZERO))
                .withMessageContaining("pollInterval");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> LiveEmbedder.builder().reconcileEvery(Duration.ofSeconds(-1)))
                .withMessageContaining("reconcileEvery");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> LiveEmbedder.builder().maxVanishedShare(1.5))
                .withMessageContaining("maxVanishedShare");
    }

    /** A host that writes to the store's own file while it is built and embedded live: nobody is turned away. */
    @Test
    void aHostMayShareItsFileWithTheStore() throws Exception {
        Path shared = folder.resolve("shared.db");
        try (LiveHost sharing = new LiveHost(LiveHostTest.sqlite(shared), shared)) {
            QuestionService service = sharing.service();
            service.setForgetsToNote(true);
            for (int i = 0; i < 1_000; i++) {
                service.ask("" + i, "Title", "Question " + i);
            }
            service.setForgetsToNote(false);
            BuildPipeline pipeline = sharing.pipeline();
            try (LiveEmbedder live = LiveEmbedder.builder()
                    .pipeline(pipeline)
                    .outbox(sharing.queue())
                    .pollInterval(Duration.ofMillis(5))
                    .build()) {
                live.start();
                CompletableFuture<?> build = CompletableFuture.runAsync(() -> pipeline.run(BuildRequest.all()));
                for (int i = 0; i < 300; i++) {
                    service.edit("" + i % 50, "Edited for the " + i + ". time");
                }
                build.get(50, TimeUnit.SECONDS);
                assertThat(live.drain(LONG)).isTrue();
            }
            sharing.requireCurrent();
        }
    }
}
