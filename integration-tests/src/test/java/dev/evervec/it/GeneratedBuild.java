package dev.evervec.it;

import dev.evervec.it.GeneratedRecords.Kind;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenUsage;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.testkit.ScriptedProvider;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Builds over generated records, in a process of its own with little heap: one that embeds them all, and one that finds a
 * twentieth of them gone. The provider refuses a text in nearly every request, and a commit waits until the provider has
 * nothing left to do, so the store is always the slower one. Prints how much of the heap was alive at most, after full
 * collections at regular points.
 */
final class GeneratedBuild {
    private static final int BATCH = 64;
    private static final int IN_FLIGHT = 4;
    private static final int DIMENSION = 16;
    private static final int POINTS = 40;
    private static final String MODEL = "generated";
    private static final String PROMPT = "say it better: ";

    private final int records;
    private final boolean rewriting;
    private final Path folder;
    private final Provider provider = new Provider();
    private long peak;
    private long commits;

    private GeneratedBuild(int records, boolean rewriting, Path folder) {
        this.records = records;
        this.rewriting = rewriting;
        this.folder = folder;
    }

    /** Arguments: number of records, whether they are rewritten, folder. */
    public static void main(String[] args) {
        GeneratedBuild build =
                new GeneratedBuild(Integer.parseInt(args[0]), Boolean.parseBoolean(args[1]), Path.of(args[2]));
        build.run();
        System.out.println(build.peak);
    }

    private void run() {
        try (EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            GeneratedRecords all = GeneratedRecords.broken(records);
            BuildReport first = build(store, all);
            requireEqual("embedded", all.count(Kind.EMBEDDED), first.succeeded());
            requireEqual("refused", all.count(Kind.REFUSED), first.failed().get(Reason.EMBED_PERMANENT));
            requireEqual(
                    "unreadable", all.count(Kind.UNREADABLE), first.failed().get(Reason.SOURCE_ERROR));
            requireAllStored(store, records);

            GeneratedRecords rest = GeneratedRecords.sound(records - records / 20);
            requireEqual("embedded again", 0, build(store, rest).succeeded());
            requireEqual(
                    "found gone",
                    rest.count(Kind.EMBEDDED),
                    store.stats(pipeline(store, rest).fingerprint()).get(0).embedded());
            requireAllStored(store, records - records / 20);

            String generation = store.generations().get(0).name();
            requireEqual(
                    "pruned", rest.count(Kind.EMBEDDED), store.prune(generation).orElse(0L));
            measure();
        }
    }

    private BuildReport build(EmbeddingStore store, RecordSource source) {
        measure();
        BuildReport report = pipeline(slow(store), source).run(BuildRequest.all());
        if (report.stoppedBy() != null) {
            throw new IllegalStateException("stopped by " + report.stoppedBy());
        }
        return report;
    }

    private BuildPipeline pipeline(EmbeddingStore store, RecordSource source) {
        BuildPipeline.Builder pipeline = BuildPipeline.builder()
                .records(source)
                .embedder(provider)
                .store(store)
                .logs(folder.resolve("logs"));
        return (rewriting ? pipeline.rewriter(provider, PROMPT + "{text}") : pipeline).build();
    }

    /** The store, with commits that begin only when the provider has answered all that it was asked. */
    private EmbeddingStore slow(EmbeddingStore store) {
        return (EmbeddingStore) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {EmbeddingStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("commit")) {
                        provider.awaitIdle();
                        measureSometimes();
                    }
                    try {
                        return method.invoke(store, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private void measureSometimes() {
        if (commits++ % Math.max(1, records / BATCH / POINTS) == 0) {
            measure();
        }
    }

    /** What the collection left, not what there is: the other threads make new garbage while this one looks. */
    private void measure() {
        System.gc();
        long alive = ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .mapToLong(pool -> pool.getCollectionUsage().getUsed())
                .sum();
        peak = Math.max(peak, alive);
    }

    /** Every record up to this one that can be embedded has the vector of its text, and no other has one. */
    private void requireAllStored(EmbeddingStore store, int count) {
        int[] next = {0};
        store.forEachVector(pipeline(store, GeneratedRecords.sound(0)).fingerprint(), null, stored -> {
            next[0] = nextEmbedded(next[0]);
            requireOwn(stored, next[0]++);
            if (next[0] % (1 + records / POINTS) == 0) {
                measure();
            }
        });
        if (nextEmbedded(next[0]) < count) {
            throw new IllegalStateException("the vector of record " + nextEmbedded(next[0]) + " is missing");
        }
    }

    private static int nextEmbedded(int from) {
        int index = from;
        while (GeneratedRecords.kind(index) != Kind.EMBEDDED) {
            index++;
        }
        return index;
    }

    private void requireOwn(StoredVector stored, int index) {
        String text = GeneratedRecords.text(index);
        String sent = rewriting ? ScriptedProvider.rewriteOf(PROMPT + text) : text;
        boolean own = stored.key().id().equals(GeneratedRecords.id(index))
                && stored.textHash().equals(Sha256.ofText(sent))
                && stored.embedding().equals(vectorOf(sent));
        if (!own) {
            throw new IllegalStateException(stored.key() + " is stored in place of record " + index);
        }
    }

    private static Embedding vectorOf(String text) {
        return ScriptedProvider.vectorOf(MODEL, text, DIMENSION);
    }

    private static void requireEqual(String what, long expected, @Nullable Long actual) {
        if (actual == null || expected != actual) {
            throw new IllegalStateException(what + ": " + actual + " instead of " + expected);
        }
    }

    /** Knows vectors and rewrites by heart and keeps nothing. */
    private static final class Provider implements LLMProvider {
        private final Object lock = new Object();
        private int inProgress;

        /** Until no call is under way. */
        void awaitIdle() throws InterruptedException {
            synchronized (lock) {
                while (inProgress > 0) {
                    lock.wait();
                }
            }
        }

        private void count(int calls) {
            synchronized (lock) {
                inProgress += calls;
                lock.notifyAll();
            }
        }

        @Override
        public ModelIdentity model() {
            return ModelIdentity.embedding("generated", MODEL, DIMENSION, "", "none");
        }

        @Override
        public ProviderLimits limits() {
            return ProviderLimits.ofTexts(BATCH);
        }

        @Override
        public CallPolicy callPolicy() {
            return new CallPolicy(0, Duration.ofSeconds(60), IN_FLIGHT);
        }

        @Override
        public EmbedResponse embed(EmbedRequest request) {
            count(1);
            try {
                List<String> texts = request.texts();
                if (texts.stream().anyMatch(text -> text.contains(GeneratedRecords.UNACCEPTABLE))) {
                    throw PermanentProviderException.item("an input is not acceptable", 400, null);
                }
                EmbedResponse.Builder response = EmbedResponse.builder(texts.size(), DIMENSION);
                for (int i = 0; i < texts.size(); i++) {
                    response.put(i, vectorOf(texts.get(i)).toArray());
                }
                return response.build(TokenUsage.reported(texts.size(), 0));
            } finally {
                count(-1);
            }
        }

        @Override
        public RewriteResponse rewrite(RewriteRequest request) {
            String refused =
                    request.prompt().contains(GeneratedRecords.UNACCEPTABLE) ? " " + GeneratedRecords.UNACCEPTABLE : "";
            return new RewriteResponse(
                    ScriptedProvider.rewriteOf(request.prompt()) + refused, TokenUsage.reported(1, 1));
        }

        @Override
        public void close() {}
    }
}
