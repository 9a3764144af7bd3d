package dev.evervec.benchmarks;

import dev.evervec.LLMProviders;
import dev.evervec.benchmarks.contest.GeneratedSource;
import dev.evervec.benchmarks.stub.StubProcess;
import dev.evervec.benchmarks.stub.StubProcess.Stats;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * How near the number of requests at a time that is found by itself comes to the best fixed one, on services that work on 1, 4 and 32
 * requests at once and let others wait. The services run beside each other.
 */
final class Autopilot {
    private static final String GOAL = "autopilot";
    private static final int DIMENSION = 8;
    private static final int TEXTS_PER_REQUEST = 32;
    private static final int POLL_MILLIS = 50;
    private static final List<Integer> SWEEP = List.of(1, 2, 4, 8, 16, 32, 64);
    private static final List<Integer> QUICK_SWEEP = List.of(1, 4, 32);

    private Autopilot() {}

    /** What came of one number of requests at a time. */
    private record Outcome(String name, double textsPerSecond, double latencyMillis, long mostAtOnce) {}

    static Findings measure(Effort effort) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<Findings>> all = new ArrayList<>();
            for (int slots : effort.size() == Effort.Size.TINY ? List.of(4) : List.of(1, 4, 32)) {
                all.add(threads.submit(() -> measure(effort, slots)));
            }
            List<Verdict> verdicts = new ArrayList<>();
            StringBuilder details = new StringBuilder(
                    "| slots | at a time | texts/s | ms a request | most at once |\n|---|---|---|---|---|\n");
            for (Future<Findings> one : all) {
                verdicts.addAll(one.get().verdicts());
                details.append(one.get().details());
            }
            return new Findings(verdicts, details.toString());
        } finally {
            threads.shutdownNow();
        }
    }

    private static Findings measure(Effort effort, int slots) throws Exception {
        Map<String, String> service = Map.of(
                "dimension",
                Integer.toString(DIMENSION),
                "slots",
                Integer.toString(slots),
                "request-micros",
                "20000",
                "text-micros",
                "2500",
                "latency",
                "2");
        List<Outcome> fixed = new ArrayList<>();
        try (StubProcess stub = StubProcess.start(service)) {
            int seconds = effort.of(1, 4, 10);
            for (int inFlight : effort.of(1, 2, 3) == 1 ? List.of(2) : effort.of(1, 2, 3) == 2 ? QUICK_SWEEP : SWEEP) {
                CallPolicy policy = new CallPolicy(3, Duration.ofSeconds(60), inFlight);
                fixed.add(run(stub, Integer.toString(inFlight), policy, 1, seconds));
            }
            Outcome auto = run(stub, "auto", CallPolicy.DEFAULT, effort.of(1, 8, 15), effort.of(1, 6, 15));
            return findings(slots, fixed, auto);
        }
    }

    private static Findings findings(int slots, List<Outcome> fixed, Outcome auto) {
        double most = fixed.stream().mapToDouble(Outcome::textsPerSecond).max().orElseThrow();
        // Of those that are as good as the best, the one that makes nobody wait.
        Outcome best = fixed.stream()
                .filter(outcome -> outcome.textsPerSecond() >= 0.98 * most)
                .findFirst()
                .orElseThrow();
        StringBuilder rows = new StringBuilder();
        List<Outcome> all = new ArrayList<>(fixed);
        all.add(auto);
        all.forEach(outcome -> rows.append(String.format(
                Locale.ROOT,
                "| %d | %s | %,.0f | %.0f | %d |%n",
                slots,
                outcome.name(),
                outcome.textsPerSecond(),
                outcome.latencyMillis(),
                outcome.mostAtOnce())));
        String what = slots + " slots: auto / best fixed (" + best.name() + ")";
        return new Findings(
                List.of(
                        Verdict.atLeast(GOAL, what + ", texts/s", auto.textsPerSecond() / most, 0.9),
                        Verdict.atMost(GOAL, what + ", latency", auto.latencyMillis() / best.latencyMillis(), 1.5)),
                rows.toString());
    }

    private static Outcome run(StubProcess stub, String name, CallPolicy policy, int warmUp, int seconds)
            throws Exception {
        Path folder = Files.createTempDirectory("evervec-autopilot");
        try (LLMProvider provider =
                        LLMProviders.create(ProviderSettings.builder(Capability.EMBEDDING, "openai", "stub-embedding")
                                .baseUrl(stub.openAiUrl())
                                .dimension(DIMENSION)
                                .maxTextsPerRequest(OptionalInt.of(TEXTS_PER_REQUEST))
                                .callPolicy(policy)
                                .build());
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("embeddings.db"))) {
            stub.reset();
            BuildRun run = BuildPipeline.builder()
                    .records(new GeneratedSource(Long.MAX_VALUE, 500))
                    .embedder(provider)
                    .store(store)
                    .build()
                    .start(BuildRequest.all());
            while (stub.stats().requests() == 0) {
                TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
            }
            TimeUnit.SECONDS.sleep(warmUp);
            stub.reset();
            TimeUnit.SECONDS.sleep(seconds);
            Stats stats = stub.stats();
            run.cancel();
            run.result();
            return new Outcome(
                    name,
                    (double) stats.texts() / seconds,
                    (double) stats.latencyMillis() / Math.max(1, stats.requests()),
                    stats.mostAtOnce());
        } finally {
            Site.delete(folder);
        }
    }
}
