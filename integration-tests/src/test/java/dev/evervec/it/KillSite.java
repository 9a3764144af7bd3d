package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.it.KilledBuild.Mode;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.KeptRewrite;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.testkit.ScriptedProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Records, a database and the builds that work and die on it, one after the other. Whatever a build leaves behind is looked
 * at, and what the next one sends is held against it.
 */
final class KillSite {
    static final int RECORDS = 240;

    /** Texts that may be with the provider, or answered and not yet committed. */
    static final int MOST_TEXTS = (KilledBuild.MAX_IN_FLIGHT + 2) * KilledBuild.BATCH_SIZE;

    /** Prompts that may be with the provider, or answered and not yet kept. */
    static final int MOST_PROMPTS = 2 * KilledBuild.WORKERS;

    private static final int BLANK_EVERY = 20;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<Mode, Fingerprint> FINGERPRINTS =
            Stream.of(Mode.values()).collect(Collectors.toMap(mode -> mode, KilledBuild::fingerprint));

    private final Path folder;
    private final KillStore store;
    private final Mode mode;
    private final Leftovers leftovers;
    private final Map<RecordKey, String> prepared = new LinkedHashMap<>();
    private final Set<String> sent = new HashSet<>(); // texts to be embedded, by any build so far
    private final Set<String> asked = new HashSet<>(); // prompts, by any build so far
    private Safe safe = new Safe(Set.of(), Set.of());
    private final Set<String> killed = new HashSet<>();
    private int jobs;

    /** What is never to be paid for again: texts whose vector is stored, prompts whose answer is kept. */
    private record Safe(Set<String> texts, Set<String> prompts) {}

    /** How much of what a build sent is paid for in vain: sent by an earlier one too, or not safe when it ended. */
    record Count(int texts, int prompts) {
        static final Count NONE = new Count(0, 0);

        Count max(Count other) {
            return new Count(Math.max(texts, other.texts), Math.max(prompts, other.prompts));
        }
    }

    /**
     * What one build did to the books.
     *
     * @param twice what it sent although an earlier one had
     * @param inFlight what it had sent when it ended and that was not safe then
     */
    record Bill(Count twice, Count inFlight) {
        static final Bill NONE = new Bill(Count.NONE, Count.NONE);

        Bill max(Bill other) {
            return new Bill(twice.max(other.twice), inFlight.max(other.inFlight));
        }
    }

    /** With a database in the folder. */
    KillSite(Path folder, Mode mode) throws IOException {
        this(folder, KillStore.sqlite(folder), mode);
    }

    KillSite(Path folder, KillStore store, Mode mode) throws IOException {
        this.folder = Files.createDirectories(folder);
        this.store = store;
        this.mode = mode;
        this.leftovers = new Leftovers(folder, store);
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            boolean blank = i % BLANK_EVERY == 7;
            String text = "What is to be said about number " + i;
            lines.add(JSON.createObjectNode()
                    .put("id", "r" + i)
                    .put("content", blank ? "<p> </p>" : text)
                    .toString());
            if (!blank) {
                prepared.put(new RecordKey(RecordKey.DEFAULT_SOURCE, "r" + i), text);
            }
        }
        Files.write(folder.resolve(KilledBuild.RECORDS), lines);
    }

    /** The next job over this database, in a process that waits for {@link BuildProcess#go}. */
    BuildProcess start(Traffic traffic, List<String> options) throws IOException {
        jobs++;
        return BuildProcess.start(folder, store, mode, "job-" + jobs, traffic, options);
    }

    /**
     * Kills the build.
     *
     * @return whether it was in the middle of its work
     */
    boolean kill(BuildProcess build) throws SQLException, IOException {
        build.kill();
        boolean unfinished = leftovers.isUnfinished(build.jobId());
        if (unfinished) {
            killed.add(build.jobId());
            awaitDead(build.jobId());
        }
        return unfinished;
    }

    /** A worker has its first lease, which is a minute, until it renews it for the first time. */
    private static final Duration LONGER_THAN_THE_FIRST_LEASE = Duration.ofSeconds(90);

    /** Where a lease says who is alive, the dead live on for a while. */
    private void awaitDead(String jobId) {
        try (EmbeddingStore open = store.open()) {
            await().atMost(LONGER_THAN_THE_FIRST_LEASE)
                    .until(() -> open.job(jobId).orElseThrow().state() == JobState.INTERRUPTED);
        }
    }

    /** Looks at what the last build has left behind, which has ended in whatever way and sent this. */
    Bill examine(Traffic traffic) throws SQLException, IOException {
        Safe now = whatIsSafe();
        leftovers.assertWhole();
        List<String> texts = traffic.texts();
        List<String> prompts = traffic.prompts();
        assertThat(texts).as("texts sent by one build").doesNotHaveDuplicates().noneMatch(safe.texts::contains);
        assertThat(prompts)
                .as("rewrites asked for by one build")
                .doesNotHaveDuplicates()
                .noneMatch(safe.prompts::contains);
        Bill bill = new Bill(
                new Count(inBoth(texts, sent), inBoth(prompts, asked)),
                new Count(texts.size() - inBoth(texts, now.texts), prompts.size() - inBoth(prompts, now.prompts)));
        assertThat(bill.inFlight.texts).as("texts in flight").isLessThanOrEqualTo(MOST_TEXTS);
        assertThat(bill.inFlight.prompts).as("rewrites in flight").isLessThanOrEqualTo(MOST_PROMPTS);
        sent.addAll(texts);
        asked.addAll(prompts);
        safe = now;
        return bill;
    }

    private static int inBoth(List<String> some, Set<String> others) {
        return (int) some.stream().filter(others::contains).count();
    }

    /** Reads the store, whose every vector must be right. */
    private Safe whatIsSafe() {
        Set<String> texts = new HashSet<>();
        try (EmbeddingStore open = store.open()) {
            open.forEachVector(FINGERPRINTS.get(mode), null, vector -> {
                String text = embeddedText(prepared.get(vector.key()));
                assertThat(vector)
                        .isEqualTo(new StoredVector(
                                vector.key(),
                                Sha256.ofText(text),
                                LoopbackServer.openAiVector(KilledBuild.MODEL, text, KilledBuild.DIMENSION)));
                texts.add(text);
            });
            return new Safe(texts, keptPrompts(open));
        }
    }

    /** How many rewrites are kept by now. */
    int keptRewrites() {
        try (EmbeddingStore open = store.open()) {
            return keptPrompts(open).size();
        }
    }

    private Set<String> keptPrompts(EmbeddingStore open) {
        if (mode == Mode.PLAIN) {
            return Set.of();
        }
        Map<Sha256, String> prompts =
                prepared.values().stream().collect(Collectors.toMap(Sha256::ofText, text -> KilledBuild.PROMPT + text));
        Map<Sha256, KeptRewrite> kept = open.rewrites(FINGERPRINTS.get(mode).rewrite(), prompts.keySet());
        kept.forEach(
                (hash, rewrite) -> assertThat(rewrite.text()).isEqualTo(ScriptedProvider.rewriteOf(prompts.get(hash))));
        return kept.keySet().stream().map(prompts::get).collect(Collectors.toSet());
    }

    private String embeddedText(String text) {
        return mode == Mode.PLAIN ? text : ScriptedProvider.rewriteOf(KilledBuild.PROMPT + text);
    }

    /** Lets the build run to its end, which must be a good one. */
    Bill finish(BuildProcess build) throws SQLException, IOException, InterruptedException {
        int code = build.exitCode();
        String output = build.output();
        assertThat(code).as(output).isZero();
        Bill bill = examine(build.traffic());
        leftovers.assertEnded(build.jobId(), killed);
        assertThat(safe.texts)
                .as("texts with their vector")
                .containsExactlyInAnyOrderElementsOf(
                        prepared.values().stream().map(this::embeddedText).toList());
        JsonNode report = JSON.readTree(output.lines().reduce("", (last, line) -> line));
        assertThat(report.path("succeeded").asLong()
                        + report.at("/skipped/empty_content").asLong())
                .as("records that the report accounts for")
                .isEqualTo(report.path("total_pending").asLong());
        return bill;
    }
}
