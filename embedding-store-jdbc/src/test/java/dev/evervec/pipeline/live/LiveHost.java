package dev.evervec.pipeline.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.live.LiveLoop.Left;
import dev.evervec.pipeline.live.LiveLoop.Urgency;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.store.jdbc.EmbeddingQueue;
import dev.evervec.store.jdbc.JdbcRecordSource;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * A question service whose questions are embedded live, in virtual time: {@link #pass} looks into the outbox every second, as
 * the embedder's thread does. Jobs run on real threads.
 */
final class LiveHost implements AutoCloseable {
    private static final int DIMENSION = 8;

    private final DataSource database;
    private final Supplier<EmbeddingStore> stores;
    private final ScriptedProvider provider = ScriptedProvider.builder()
            .dimension(DIMENSION)
            .limits(ProviderLimits.ofTexts(100))
            .callPolicy(new CallPolicy(1, Duration.ofSeconds(60), 4))
            .build();
    private final EmbeddingQueue queue;
    private final QuestionService service;
    private LLMProvider embedder = provider;
    private EmbeddingStore store;
    private BuildPipeline pipeline;
    private Outbox outbox;
    private LiveLoop loop;
    private @Nullable PipelineJobs jobs;
    private long now;

    LiveHost(DataSource database, Path storeFile) throws SQLException {
        this(database, () -> JdbcStore.openSqlite(storeFile));
    }

    /** With a store that is opened so. */
    LiveHost(DataSource database, Supplier<EmbeddingStore> stores) throws SQLException {
        this.database = database;
        this.stores = stores;
        queue = EmbeddingQueue.in(database);
        outbox = queue;
        queue.createTableIfMissing();
        queue.delete(queue.read(0, 100_000).stream().map(NotedChange::seq).toList());
        service = new QuestionService(database, queue);
        open();
    }

    private void open() {
        store = stores.get();
        pipeline = BuildPipeline.builder()
                .records(JdbcRecordSource.of(database, QuestionService.QUERY))
                .embedder(embedder)
                .store(store)
                .settings(new BuildSettings(
                        Duration.ofMillis(50),
                        Duration.ofMillis(50),
                        Duration.ofSeconds(1),
                        3,
                        BuildSettings.TooLong.SKIP,
                        null))
                .build();
        forgetAllButTheTables();
    }

    /** The embedder's process dies and another one begins. */
    void restart() {
        leave();
        store.close();
        open();
    }

    /** The embedder's memory is gone. */
    void forgetAllButTheTables() {
        leave();
        PipelineJobs mine = new PipelineJobs(pipeline, 0.10);
        jobs = mine;
        loop = new LiveLoop(
                outbox,
                mine,
                new Lead(mine, now),
                new LiveMind(Pace.DEFAULT),
                new Chores(mine, null, new Random(1), now),
                new Troubles("live embedding", Duration.ofSeconds(1), new Random(1)),
                () -> now);
    }

    /** Time is virtual here, and not where the lease of one that is gone would be over. */
    private void leave() {
        if (jobs != null) {
            jobs.leave();
            jobs = null;
        }
    }

    /** Calls go through this one from now on. */
    void embedWith(LLMProvider other) {
        embedder = other;
        restart();
    }

    /** The embedder reads this one from now on. */
    void readFrom(Outbox other) {
        outbox = other;
        forgetAllButTheTables();
    }

    ScriptedProvider provider() {
        return provider;
    }

    EmbeddingQueue queue() {
        return queue;
    }

    QuestionService service() {
        return service;
    }

    BuildPipeline pipeline() {
        return pipeline;
    }

    /** Looks into the outbox until there is nothing more to do at the moment. */
    Left look() {
        Left left = loop.look(Urgency.NONE);
        while (left == Left.MORE) {
            left = loop.look(Urgency.NONE);
        }
        return left;
    }

    /** Time passes, without a look. */
    void skip(Duration time) {
        now += time.toNanos();
    }

    /** Time passes, with a look each second. */
    void pass(Duration time) {
        for (long second = 0; second < time.toSeconds(); second++) {
            now += Duration.ofSeconds(1).toNanos();
            look();
        }
    }

    Map<String, Embedding> vectors() {
        Map<String, Embedding> vectors = new HashMap<>();
        store.forEachVector(
                pipeline.fingerprint(),
                null,
                (StoredVector vector) -> vectors.put(vector.key().id(), vector.embedding()));
        return vectors;
    }

    /** The vectors that there should be. */
    Map<String, Embedding> wanted() throws SQLException {
        Map<String, Embedding> wanted = new HashMap<>();
        service.texts().forEach((id, text) -> wanted.put(id, provider.vectorOf(text)));
        return wanted;
    }

    /** Each question has the vector of its present text, and nothing else has one. */
    void requireCurrent() throws SQLException {
        assertThat(vectors()).isEqualTo(wanted());
    }

    long textsSent() {
        return provider.timesSent().values().stream()
                .mapToLong(Integer::longValue)
                .sum();
    }

    @Override
    public void close() throws SQLException {
        service.close();
        store.close();
        provider.close();
    }
}
