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
import dev.evervec.provider.Secret;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * The third goal: what share of a quota pipelines use and how many of their requests are refused, if it is configured, told by
 * headers, or unknown; how soon they follow it when it changes; and whether several in one process share it. Each has a service of
 * its own, and all run beside each other, as they do little but wait.
 */
final class QuotaUse {
    private static final String GOAL = "3 quota";
    private static final int DIMENSION = 8;
    private static final int REQUESTS = 600;
    private static final int TOKENS = 600_000;
    private static final int TEXTS_A_MINUTE = 6_000;
    private static final int IN_FLIGHT = 8;
    private static final int SECONDS_TO_FOLLOW = 10;
    private static final int WINDOW = 4;
    private static final int POLL_MILLIS = 50;

    private QuotaUse() {}

    /** How a client comes to know the quota. */
    private enum Knowledge {
        CONFIGURED,
        TOLD,
        UNKNOWN
    }

    /** What the quota counts. */
    private enum Counted {
        REQUESTS,
        TOKENS,
        TEXTS
    }

    /** One service and those who draw on its quota. */
    private record Case(String name, String provider, Counted counted, Knowledge knowledge, int pipelines) {
        int perMinute() {
            return switch (counted) {
                case REQUESTS -> QuotaUse.REQUESTS;
                case TOKENS -> QuotaUse.TOKENS;
                case TEXTS -> TEXTS_A_MINUTE;
            };
        }

        boolean found() {
            return knowledge == Knowledge.UNKNOWN;
        }
    }

    private static final List<Case> CASES = List.of(
            new Case("requests, configured", "openai", Counted.REQUESTS, Knowledge.CONFIGURED, 1),
            new Case("requests, told", "openai", Counted.REQUESTS, Knowledge.TOLD, 1),
            new Case("requests, unknown", "openai", Counted.REQUESTS, Knowledge.UNKNOWN, 1),
            new Case("tokens, configured", "openai", Counted.TOKENS, Knowledge.CONFIGURED, 1),
            new Case("tokens, told", "openai", Counted.TOKENS, Knowledge.TOLD, 1),
            new Case("tokens, unknown", "openai", Counted.TOKENS, Knowledge.UNKNOWN, 1),
            new Case("texts, unknown, as Gemini", "gemini", Counted.TEXTS, Knowledge.UNKNOWN, 1),
            new Case("requests, configured, three pipelines", "openai", Counted.REQUESTS, Knowledge.CONFIGURED, 3));
    private static final List<Case> CHANGING = List.of(
            new Case("requests, told", "openai", Counted.REQUESTS, Knowledge.TOLD, 1),
            new Case("requests, unknown", "openai", Counted.REQUESTS, Knowledge.UNKNOWN, 1));

    static Findings measure(Effort effort) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        List<Future<Findings>> all = new ArrayList<>();
        try {
            List<Case> steady = effort.size() == Effort.Size.TINY ? CASES.subList(7, 8) : CASES;
            steady.forEach(each -> all.add(threads.submit(() -> share(effort, each))));
            List<Case> changing = effort.size() == Effort.Size.TINY ? CHANGING.subList(0, 1) : CHANGING;
            changing.forEach(each -> all.add(threads.submit(() -> change(effort, each))));
            List<Verdict> verdicts = new ArrayList<>();
            StringBuilder details = new StringBuilder();
            for (Future<Findings> one : all) {
                verdicts.addAll(one.get().verdicts());
                details.append(one.get().details());
            }
            return new Findings(verdicts, details.toString());
        } finally {
            threads.shutdownNow();
        }
    }

    // ---- a quota that stays as it is ----

    private static Findings share(Effort effort, Case each) throws Exception {
        int warmUp = each.found() ? effort.of(0, 10, 15) : 0;
        int seconds = effort.of(2, 20, 60);
        try (Draught draught = Draught.open(each)) {
            draught.awaitFirstRequest();
            TimeUnit.SECONDS.sleep(warmUp);
            Stats before = draught.stub.stats();
            draught.stub.reset();
            TimeUnit.SECONDS.sleep(seconds);
            Stats stats = draught.stub.stats();
            double used = sum(used(each, stats), 0, seconds) / (each.perMinute() / 60.0 * seconds);
            double refused = (double) stats.refused() / Math.max(1, stats.requests());
            return new Findings(
                    List.of(
                            Verdict.atLeast(GOAL, each.name() + ": share used", used, each.found() ? 0.9 : 0.97),
                            Verdict.atMost(
                                    GOAL, each.name() + ": share refused", refused, each.found() ? 0.02 : 0.005)),
                    String.format(
                            Locale.ROOT,
                            "- %s: in %d s after %d s %,d requests, %d of them refused; used by second %s%s%n",
                            each.name(),
                            seconds,
                            warmUp,
                            stats.requests(),
                            stats.refused(),
                            used(each, stats),
                            warmUp == 0
                                    ? ""
                                    : "; before that " + used(each, before) + ", refused " + before.refusedBySecond()));
        }
    }

    private static List<Long> used(Case each, Stats stats) {
        return each.counted() == Counted.TOKENS ? stats.tokensBySecond() : stats.unitsBySecond();
    }

    private static double sum(List<Long> bySecond, int from, int to) {
        return bySecond.stream()
                .skip(from)
                .limit(to - (long) from)
                .mapToLong(Long::longValue)
                .sum();
    }

    // ---- a quota that changes ----

    private static Findings change(Effort effort, Case each) throws Exception {
        int settled = effort.of(1, 6, 20);
        int watched = effort.of(1, 14, 25);
        List<Verdict> verdicts = new ArrayList<>();
        StringBuilder details = new StringBuilder();
        try (Draught draught = Draught.open(each)) {
            draught.awaitFirstRequest();
            TimeUnit.SECONDS.sleep(settled);
            for (int perMinute : List.of(each.perMinute() / 2, each.perMinute())) {
                draught.stub.control(Map.of("rpm", Integer.toString(perMinute), "reset", "true"));
                TimeUnit.SECONDS.sleep(watched);
                Stats stats = draught.stub.stats();
                String what = each.name() + ", now " + perMinute + ": s until followed";
                verdicts.add(
                        Verdict.atMost(GOAL, what, secondsUntilFollowed(stats, perMinute, watched), SECONDS_TO_FOLLOW));
                details.append(String.format(
                        Locale.ROOT,
                        "- %s, changed to %d a minute: used by second %s, refused by second %s%n",
                        each.name(),
                        perMinute,
                        stats.unitsBySecond(),
                        stats.refusedBySecond()));
            }
        }
        return new Findings(verdicts, details.toString());
    }

    /** The first second from which on, for some seconds, nine tenths of the quota are used and hardly anything is refused. */
    private static double secondsUntilFollowed(Stats stats, int perMinute, int watched) {
        for (int from = 0; from + WINDOW <= watched; from++) {
            double used = sum(stats.unitsBySecond(), from, from + WINDOW) / (perMinute / 60.0 * WINDOW);
            double refused = sum(stats.refusedBySecond(), from, from + WINDOW);
            if (used >= 0.9 && refused <= 1) {
                return from;
            }
        }
        return Double.POSITIVE_INFINITY;
    }

    // ---- what runs ----

    /** A service with those who draw on it, until it is closed. */
    private static final class Draught implements AutoCloseable {
        private final StubProcess stub;
        private final Path folder;
        private final List<AutoCloseable> opened = new ArrayList<>();
        private final List<BuildRun> runs = new ArrayList<>();

        private Draught(StubProcess stub, Path folder) {
            this.stub = stub;
            this.folder = folder;
        }

        static Draught open(Case each) throws IOException {
            Draught draught = new Draught(StubProcess.start(service(each)), Files.createTempDirectory("evervec-quota"));
            for (int i = 0; i < each.pipelines(); i++) {
                draught.start(each, i);
            }
            return draught;
        }

        private static Map<String, String> service(Case each) {
            Map<String, String> settings =
                    new HashMap<>(Map.of("dimension", Integer.toString(DIMENSION), "latency", "100"));
            settings.put(each.counted() == Counted.TOKENS ? "tpm" : "rpm", Integer.toString(each.perMinute()));
            settings.put("rpm-counts", each.counted() == Counted.TEXTS ? "texts" : "requests");
            settings.put("headers", Boolean.toString(each.knowledge() == Knowledge.TOLD));
            settings.put("retry-after", Boolean.toString(each.knowledge() == Knowledge.TOLD));
            return settings;
        }

        /** All start at once, with classes still to be loaded: that is another goal's. */
        void awaitFirstRequest() throws IOException, InterruptedException {
            while (stub.stats().requests() == 0) {
                TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
            }
        }

        private void start(Case each, int number) {
            LLMProvider provider = LLMProviders.create(settings(each));
            EmbeddingStore store = JdbcStore.openSqlite(folder.resolve(number + ".db"));
            opened.add(provider);
            opened.add(store);
            runs.add(BuildPipeline.builder()
                    .records(new GeneratedSource(Long.MAX_VALUE, 500))
                    .embedder(provider)
                    .store(store)
                    .build()
                    .start(BuildRequest.all()));
        }

        private ProviderSettings settings(Case each) {
            boolean configured = each.knowledge() == Knowledge.CONFIGURED;
            boolean gemini = each.provider().equals("gemini");
            return ProviderSettings.builder(
                            Capability.EMBEDDING, each.provider(), gemini ? "gemini-embedding-001" : "stub-embedding")
                    .baseUrl(gemini ? stub.geminiUrl() : stub.openAiUrl())
                    .apiKey(Secret.of(each.name().replaceAll("[^a-z]", "-")))
                    .dimension(DIMENSION)
                    .maxTextsPerRequest(OptionalInt.of(10))
                    .callPolicy(new CallPolicy(3, Duration.ofSeconds(60), IN_FLIGHT))
                    .requestsPerMinute(
                            configured && each.counted() == Counted.REQUESTS
                                    ? OptionalInt.of(each.perMinute())
                                    : OptionalInt.empty())
                    .tokensPerMinute(
                            configured && each.counted() == Counted.TOKENS
                                    ? OptionalInt.of(each.perMinute())
                                    : OptionalInt.empty())
                    .build();
        }

        @Override
        public void close() throws IOException {
            runs.forEach(BuildRun::cancel);
            runs.forEach(BuildRun::result);
            for (AutoCloseable each : opened) {
                try {
                    each.close();
                } catch (Exception e) {
                    throw new IOException("cannot be closed", e);
                }
            }
            stub.close();
            Site.delete(folder);
        }
    }
}
