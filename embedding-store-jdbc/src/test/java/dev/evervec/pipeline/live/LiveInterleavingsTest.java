package dev.evervec.pipeline.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Stories in which everything happens in any order: transactions that stay open, rollbacks, deletions, refused keys, bad texts,
 * readers that die between their work and the outbox, restarts, builds beside. However a story goes, when the troubles are over
 * each question has the vector of its text.
 *
 * <p>{@code -Devervec.live.seeds=1000} plays more stories, {@code -Devervec.live.seed=S} plays one again.
 */
@Timeout(600)
class LiveInterleavingsTest {
    private static final int STEPS = 60;
    private static final int QUESTIONS = 12;

    @TempDir
    Path folder;

    private Random dice;
    private LiveHost host;
    private final List<Connection> open = new ArrayList<>();
    private final Set<String> locked = new TreeSet<>();
    private BuildRun build;

    static LongStream seeds() {
        Long one = Long.getLong("evervec.live.seed");
        return one == null ? LongStream.rangeClosed(1, Long.getLong("evervec.live.seeds", 8)) : LongStream.of(one);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyVectorIsCurrentWhenTheTroublesAreOver(long seed) throws SQLException {
        dice = new Random(seed);
        JdbcDataSource database = new JdbcDataSource();
        database.setUrl("jdbc:h2:mem:interleavings" + seed);
        try (Connection keepsTheDatabase = database.getConnection();
                LiveHost opened = new LiveHost(database, folder.resolve("embeddings.db"))) {
            assertThat(keepsTheDatabase.isClosed()).isFalse();
            host = opened;
            for (int step = 0; step < STEPS; step++) {
                happen("text " + step);
            }
            endTheTroubles();

            assertThat(host.vectors()).as("seed %d", seed).isEqualTo(host.wanted());
            assertThat(host.queue().backlog().rows()).as("seed %d", seed).isZero();
        }
    }

    private void happen(String text) throws SQLException {
        switch (dice.nextInt(16)) {
            case 0, 1, 2, 3 -> write(dice.nextInt(6) == 0 ? "a bad " + text : text);
            case 4 -> writeAndStayOpen(text);
            case 5 -> endATransaction();
            case 6 -> delete();
            case 7 -> host.provider().setFaults(FaultScript.always(Fault.keyRefused()));
            case 8, 9 -> host.provider().setFaults(FaultScript.badTexts(sent -> sent.contains("a bad ")));
            case 10 -> host.readFrom(dice.nextBoolean() ? new ForgetfulOutbox(host.queue()) : host.queue());
            case 11 -> restart();
            case 12 -> build();
            case 13 -> host.skip(Duration.ofSeconds(dice.nextInt(100)));
            default -> host.pass(Duration.ofSeconds(1 + dice.nextInt(4)));
        }
    }

    /** Of a question that no open transaction has locked. */
    private void write(String text) throws SQLException {
        String id = "" + dice.nextInt(QUESTIONS);
        if (locked.contains(id)) {
            return;
        }
        if (host.service().texts().containsKey(id)) {
            host.service().edit(id, text);
        } else {
            host.service().ask(id, "Title", text);
        }
    }

    private void writeAndStayOpen(String text) throws SQLException {
        String id = "" + dice.nextInt(QUESTIONS);
        if (!locked.add(id)) {
            return;
        }
        Connection connection = host.service().begin();
        open.add(connection);
        if (host.service().texts().containsKey(id)) {
            host.service().edit(connection, id, text);
        } else {
            host.service().ask(connection, id, "Title", text);
        }
    }

    private void endATransaction() throws SQLException {
        if (open.isEmpty()) {
            return;
        }
        // All ends free their questions: which one belonged to which transaction does not matter here.
        for (Connection connection : open) {
            if (dice.nextInt(4) == 0) {
                connection.rollback();
            } else {
                connection.commit();
            }
            connection.close();
        }
        open.clear();
        locked.clear();
    }

    private void delete() throws SQLException {
        String id = "" + dice.nextInt(QUESTIONS);
        if (!locked.contains(id)) {
            host.service().delete(id);
        }
    }

    private void restart() {
        awaitBuild();
        host.restart();
    }

    private void build() {
        awaitBuild();
        try {
            build = host.pipeline().start(BuildRequest.all());
        } catch (JobRefusedException e) {
            // What failed is being tried again, which is a build as well.
        }
    }

    private void awaitBuild() {
        if (build != null) {
            build.result();
            build = null;
        }
    }

    private void endTheTroubles() throws SQLException {
        endATransaction();
        awaitBuild();
        host.provider().setFaults(FaultScript.none());
        host.readFrom(host.queue());
        host.pass(Duration.ofMinutes(6));
        for (var question : host.service().texts().entrySet()) {
            if (question.getValue().contains("a bad ")) {
                host.service().edit(question.getKey(), "better now");
            }
        }
        host.pass(Duration.ofMinutes(6));
    }
}
