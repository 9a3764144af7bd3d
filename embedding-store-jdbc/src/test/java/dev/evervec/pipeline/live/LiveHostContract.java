package dev.evervec.pipeline.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.live.LiveLoop.Left;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.store.jdbc.EmbeddingQueue;
import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.store.jdbc.TriggerSpec;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Random;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of what a host notes, whatever its database. */
@Timeout(120)
abstract class LiveHostContract {
    private static final Duration SECOND = Duration.ofSeconds(1);

    @TempDir
    Path folder;

    private LiveHost host;
    private QuestionService service;

    /** The host's database. */
    protected abstract DataSource database();

    /** Opens the store. */
    protected EmbeddingStore store() {
        return JdbcStore.openSqlite(storeFile());
    }

    /** The store's file. */
    protected Path storeFile() {
        return folder.resolve("embeddings.db");
    }

    @BeforeEach
    void open() throws SQLException {
        host = new LiveHost(database(), this::store);
        service = host.service();
    }

    @AfterEach
    void close() throws SQLException {
        host.close();
    }

    /** For databases that have triggers. */
    final void requireThatTriggersNoteWhatTheProgramDoesNot(Database product) throws SQLException {
        TriggerSpec spec = TriggerSpec.on("question")
                .source(QuestionService.SOURCE)
                .watching("title", "body")
                .build();
        try (Connection connection = service.begin();
                Statement statement = connection.createStatement()) {
            for (String sql : EmbeddingQueue.triggerDdl(product, spec)) {
                statement.execute(sql);
            }
            connection.commit();
        }
        service.setForgetsToNote(true);

        service.ask("1", "Title", "How?");
        service.ask("2", "Title", "Why?");
        host.look();
        host.requireCurrent();
        assertThat(host.vectors()).hasSize(2);

        service.edit("1", "How, then?");
        service.delete("2");
        host.pass(SECOND.multipliedBy(10));
        host.requireCurrent();
        assertThat(host.vectors()).hasSize(1);
    }

    @Test
    void whatIsCreatedAndChangedIsEmbedded() throws SQLException {
        service.ask("1", "Title", "How?");
        service.ask("2", "Title", "Why?");
        assertThat(host.look()).isEqualTo(Left.NOTHING);
        host.requireCurrent();

        host.skip(SECOND.multipliedBy(10));
        service.edit("1", "How, then?");
        assertThat(host.look()).isEqualTo(Left.NOTHING);

        host.requireCurrent();
        assertThat(host.vectors()).hasSize(2);
        assertThat(host.textsSent()).isEqualTo(3);
    }

    @Test
    void whatIsRolledBackIsNot() throws SQLException {
        try (Connection connection = service.begin()) {
            service.ask(connection, "1", "Title", "How?");
            connection.rollback();
        }

        assertThat(host.look()).isEqualTo(Left.NOTHING);
        assertThat(host.vectors()).isEmpty();
        assertThat(host.provider().embedCalls()).isZero();
    }

    @Test
    void nothingIsEmbeddedBeforeTheHostCommits() throws SQLException {
        service.ask("1", "Title", "How?");
        host.look();
        host.skip(SECOND.multipliedBy(10));
        try (Connection connection = service.begin()) {
            service.edit(connection, "1", "a draft");
            // H2 and PostgreSQL answer with what is committed; SQLite's readers do, too.
            assertThat(host.look()).isEqualTo(Left.NOTHING);
            assertThat(host.provider().timesSent("Title\n\na draft")).isZero();
            connection.commit();
        }
        host.pass(SECOND);

        host.requireCurrent();
    }

    @Test
    void aDeadProviderDoesNotDisturbTheHost() throws SQLException {
        host.provider().setFaults(FaultScript.always(Fault.keyRefused()));
        for (int i = 0; i < 50; i++) {
            service.ask("" + i, "Title", "Question " + i);
            host.pass(SECOND);
        }
        assertThat(service.logged()).as("changes that the host made").isEqualTo(50);
        assertThat(host.vectors()).isEmpty();
        assertThat(host.provider().embedCalls()).as("calls in vain").isLessThan(60);

        host.provider().setFaults(FaultScript.none());
        host.pass(Duration.ofMinutes(6));

        host.requireCurrent();
        assertThat(host.queue().backlog().rows()).isZero();
    }

    @Test
    void anOutageEndsByItself() throws SQLException {
        host.provider().setFaults(FaultScript.always(Fault.connectionReset()));
        service.ask("1", "Title", "How?");
        host.pass(SECOND);
        assertThat(host.vectors()).isEmpty();
        host.provider().setFaults(FaultScript.none());

        host.pass(SECOND.multipliedBy(5));

        host.requireCurrent();
    }

    @Test
    void aBadTextHoldsUpNoOther() throws SQLException {
        host.provider().setFaults(FaultScript.badTexts(text -> text.contains("bad")));
        for (int i = 0; i < 20; i++) {
            service.ask("" + i, "Title", i == 7 ? "a bad one" : "Question " + i);
        }

        assertThat(host.look()).isEqualTo(Left.NOTHING);
        assertThat(host.vectors()).hasSize(19);

        host.skip(SECOND.multipliedBy(10));
        service.edit("7", "a good one");
        host.look();
        host.requireCurrent();
    }

    @Test
    void whatWasNotedIsEmbeddedAfterARestart() throws SQLException {
        host.provider().setFaults(FaultScript.always(Fault.keyRefused()));
        service.ask("1", "Title", "How?");
        host.look();
        host.restart();
        host.provider().setFaults(FaultScript.none());

        host.look();

        host.requireCurrent();
    }

    @Test
    void aRowThatOutlivedItsWorkCostsNothing() throws SQLException {
        service.ask("1", "Title", "How?");
        ForgetfulOutbox forgetful = new ForgetfulOutbox(host.queue());
        host.readFrom(forgetful);
        host.look();
        assertThat(forgetful.forgotten()).as("rows that a crash kept").isEqualTo(1);
        host.readFrom(host.queue());

        host.look();

        host.requireCurrent();
        assertThat(host.provider().timesSent("Title\n\nHow?")).isEqualTo(1);
        assertThat(host.queue().backlog().rows()).isZero();
    }

    @Test
    void theVectorOfADeletedQuestionIsRemoved() throws SQLException {
        service.ask("1", "Title", "How?");
        service.ask("2", "Title", "Why?");
        host.look();

        service.delete("1");
        host.look();

        assertThat(host.vectors()).containsOnlyKeys("2");
        host.requireCurrent();
    }

    @Test
    void aQuestionThatIsDeletedAndAskedAgainKeepsAVector() throws SQLException {
        service.ask("1", "Title", "How?");
        host.look();
        service.delete("1");
        service.ask("1", "Title", "How, then?");

        host.pass(SECOND.multipliedBy(5));

        host.requireCurrent();
        assertThat(host.vectors()).hasSize(1);
    }

    @Test
    void aQuestionThatIsNotYetVisibleIsTriedAgainForAMinute() throws SQLException {
        host.queue().enqueue(Change.created(QuestionService.SOURCE, "1"));
        host.pass(SECOND.multipliedBy(40));
        assertThat(host.queue().backlog().rows()).isEqualTo(1);
        service.setForgetsToNote(true);
        service.ask("1", "Title", "How?");

        host.pass(SECOND.multipliedBy(20));

        host.requireCurrent();
        assertThat(host.vectors()).hasSize(1);
    }

    @Test
    void aQuestionThatIsNotThereAfterAMinuteHasVanished() throws SQLException {
        service.ask("1", "Title", "How?");
        host.look();
        service.setForgetsToNote(true);
        service.delete("1");
        host.queue().enqueue(Change.updated(QuestionService.SOURCE, "1"));

        host.pass(SECOND.multipliedBy(59));
        assertThat(host.vectors()).hasSize(1);
        host.pass(SECOND.multipliedBy(5));

        assertThat(host.vectors()).isEmpty();
        assertThat(host.queue().backlog().rows()).isZero();
    }

    /**
     * A hundred updates a second for 100 seconds. Each record is embedded at most after rests of 2, 4, 8, 16, 32 and 64 seconds,
     * and once when it is new and once at the end: 8 times. A look is one request of up to 100 texts.
     */
    @Test
    void tenThousandUpdatesOfAHundredQuestionsCostFewCalls() throws SQLException {
        Random random = new Random(7);
        for (int i = 0; i < 100; i++) {
            service.ask("" + i, "Title", "Question " + i);
        }
        for (int second = 0; second < 100; second++) {
            host.pass(SECOND);
            for (int i = 0; i < 100; i++) {
                String id = "" + random.nextInt(100);
                service.edit(id, "Question " + id + " in second " + second + ", update " + i);
            }
        }
        host.pass(Duration.ofMinutes(5));

        host.requireCurrent();
        assertThat(host.vectors()).hasSize(100);
        assertThat(host.textsSent()).isLessThanOrEqualTo(8 * 100);
        assertThat(host.queue().backlog().rows()).isZero();
    }

    @Test
    void tenThousandUpdatesBetweenTwoLooksCostOneEmbeddingEach() throws SQLException {
        for (int i = 0; i < 100; i++) {
            service.ask("" + i, "Title", "Question " + i);
        }
        for (int i = 0; i < 10_000; i++) {
            service.edit("" + i % 100, "Question " + i);
        }

        assertThat(host.look()).isEqualTo(Left.NOTHING);

        host.requireCurrent();
        assertThat(host.textsSent()).isEqualTo(100);
        assertThat(host.provider().embedCalls()).as("a request has 100 texts").isLessThanOrEqualTo(4);
    }

    @Test
    void oneScanFindsWhatHalfOfTheEventsDidNotTell() throws SQLException {
        for (int i = 0; i < 200; i++) {
            service.ask("" + i, "Title", "Question " + i);
        }
        host.look();
        host.skip(SECOND.multipliedBy(10));
        Random random = new Random(3);
        for (int i = 0; i < 60; i++) {
            service.setForgetsToNote(random.nextBoolean());
            switch (i % 4) {
                case 0 -> service.ask("new " + i, "Title", "New " + i);
                case 1 -> service.delete("" + i);
                default -> service.edit("" + (100 + i), "Changed " + i);
            }
        }
        host.look();
        assertThat(host.vectors()).as("before the scan").isNotEqualTo(host.wanted());

        BuildReport report = host.pipeline().run(BuildRequest.all().removeVanished(0.10));

        assertThat(report.state()).isEqualTo(BuildReport.State.COMPLETED);
        host.requireCurrent();
    }

    @Test
    void aScanRemovesNoMoreThanItsShareWithoutConsent() throws SQLException {
        for (int i = 0; i < 20; i++) {
            service.ask("" + i, "Title", "Question " + i);
        }
        host.look();
        service.setForgetsToNote(true);
        for (int i = 0; i < 5; i++) {
            service.delete("" + i);
        }

        BuildReport careful = host.pipeline().run(BuildRequest.all().removeVanished(0.10));
        assertThat(host.vectors()).hasSize(20);
        assertThat(careful.notes()).isNotEmpty();
        host.pipeline().run(BuildRequest.all().removeVanished(1));

        host.requireCurrent();
        assertThat(host.vectors()).hasSize(15);
    }

    @Test
    void liveChangesGoBeforeARunningBuildAndBothEndRight() throws SQLException {
        service.setForgetsToNote(true);
        for (int i = 0; i < 3_000; i++) {
            service.ask("" + i, "Title", "Question " + i);
        }
        service.setForgetsToNote(false);
        HeldCalls held = HeldCalls.ofBuilds(host.provider());
        host.embedWith(held);
        BuildRun build = host.pipeline().start(BuildRequest.all());
        held.awaitACall();
        awaitEndOfScan(build);

        service.edit("2999", "Changed beside the build");
        service.ask("new", "Title", "Asked beside the build");
        service.delete("2998");
        host.pass(SECOND);

        assertThat(held.isOpen()).isFalse();
        assertThat(host.provider().timesSent("Title\n\nChanged beside the build"))
                .isEqualTo(1);
        assertThat(host.vectors()).containsOnlyKeys("2999", "new");
        String claimed = held.heldTexts().get(0).substring("Title\n\nQuestion ".length());
        service.edit(claimed, "Changed while the build had it");
        host.pass(SECOND.multipliedBy(3));

        held.open();
        BuildReport report = build.result();
        host.pass(SECOND.multipliedBy(20));

        assertThat(report.failed()).isEmpty();
        host.requireCurrent();
        assertThat(host.provider().timesSent("Title\n\nQuestion 2999"))
                .as("left to the live run")
                .isZero();
        assertThat(host.queue().backlog().rows()).isZero();
    }

    /** Until then it may put a record on the build's list before that is claimed live, which is then looked at again later. */
    private static void awaitEndOfScan(BuildRun build) {
        while (build.progress().phase() == BuildProgress.Phase.SCANNING) {
            Thread.onSpinWait();
        }
    }
}
