package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.TextNode;
import dev.evervec.it.LoopbackServer.End;
import dev.evervec.it.LoopbackServer.Fault;
import dev.evervec.it.LoopbackServer.Script;
import dev.evervec.it.LoopbackServer.Wire;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole builds with the official SDKs in which the rewrite of one text goes wrong, again and again. */
final class RewriteFaultsTest {
    private static final int RECORDS = 12;
    private static final int DIMENSION = 16;
    private static final String POISON = prompt(7);
    private static final Duration UNHURRIED = Duration.ofMinutes(2);
    private static final Duration SHORT = Duration.ofSeconds(2);

    @TempDir
    Path folder;

    /**
     * What the service makes of one prompt.
     *
     * @param wire what goes over the wire
     * @param reason what becomes of the record; null if nothing goes wrong after all
     * @param says what its outcome tells
     */
    private record Answer(
            Vendor vendor, String name, Wire wire, @Nullable Reason reason, String says) {
        @Override
        public String toString() {
            return vendor + " " + name;
        }
    }

    private static Wire ok(String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return new Wire(
                ("HTTP/1.1 200 -\r\nContent-Length: " + bytes.length + "\r\n\r\n" + body)
                        .getBytes(StandardCharsets.UTF_8),
                End.KEEP);
    }

    private static String quoted(String text) {
        return TextNode.valueOf(text).toString();
    }

    private static Answer chat(String name, String message, String finish, @Nullable Reason reason, String says) {
        return new Answer(
                Vendor.OPENAI,
                name,
                ok("{\"choices\":[{\"index\":0,\"finish_reason\":\"" + finish + "\",\"message\":{" + message + "}}]}"),
                reason,
                says);
    }

    private static Answer candidate(String name, String candidate, @Nullable Reason reason, String says) {
        return new Answer(Vendor.GEMINI, name, ok("{\"candidates\":[{" + candidate + "}]}"), reason, says);
    }

    private static Answer spoken(Vendor vendor, String name, String text, @Nullable Reason reason, String says) {
        return vendor == Vendor.OPENAI
                ? chat(name, "\"content\":" + quoted(text), "stop", reason, says)
                : candidate(
                        name,
                        "\"content\":{\"parts\":[{\"text\":" + quoted(text) + "}]},\"finishReason\":\"STOP\"",
                        reason,
                        says);
    }

    private static Stream<Answer> ofBoth(Vendor vendor) {
        String good = ScriptedProvider.rewriteOf(POISON);
        return Stream.of(
                spoken(vendor, "thoughts first", "<think>Let me see.</think>\n\n" + good, null, ""),
                spoken(vendor, "the prompt first", POISON + "\n" + good, null, ""),
                spoken(vendor, "nothing but thoughts", "<think>Let me see.</think>", Reason.REWRITE_EMPTY, "blank"),
                spoken(vendor, "endless thoughts", "<think>Let me see. " + good, Reason.REWRITE_EMPTY, "blank"),
                spoken(vendor, "nothing but the prompt", POISON, Reason.REWRITE_ERROR, "repeated the prompt"),
                spoken(vendor, "blanks", " \n ", Reason.REWRITE_EMPTY, "blank"),
                new Answer(vendor, "HTML", ok("<html>"), Reason.REWRITE_ERROR, ""),
                new Answer(vendor, "nothing", ok(""), Reason.REWRITE_ERROR, ""),
                new Answer(
                        vendor,
                        "server errors",
                        new Wire(
                                "HTTP/1.1 503 -\r\nContent-Length: 0\r\n\r\n".getBytes(StandardCharsets.UTF_8),
                                End.KEEP),
                        Reason.REWRITE_ERROR,
                        "503"),
                new Answer(
                        vendor,
                        "silence",
                        new Wire(new byte[0], End.SILENCE),
                        Reason.REWRITE_TIMEOUT,
                        "no answer within the limit of 2.0 s, tried "));
    }

    static Stream<Answer> answers() {
        return Stream.of(
                        ofBoth(Vendor.OPENAI),
                        ofBoth(Vendor.GEMINI),
                        Stream.of(
                                chat("null", "\"content\":null", "stop", Reason.REWRITE_EMPTY, "blank"),
                                chat("a refusal", "\"refusal\":\"I cannot\"", "stop", Reason.REWRITE_ERROR, "refused"),
                                chat(
                                        "cut by length",
                                        "\"content\":\"half\"",
                                        "length",
                                        Reason.REWRITE_ERROR,
                                        "cut off"),
                                chat(
                                        "content filter",
                                        "\"content\":\"half\"",
                                        "content_filter",
                                        Reason.REWRITE_ERROR,
                                        "filter"),
                                new Answer(
                                        Vendor.OPENAI,
                                        "no choice",
                                        ok("{\"choices\":[]}"),
                                        Reason.REWRITE_ERROR,
                                        "no message"),
                                candidate(
                                        "no parts",
                                        "\"content\":{},\"finishReason\":\"STOP\"",
                                        Reason.REWRITE_EMPTY,
                                        "blank"),
                                candidate("safety", "\"finishReason\":\"SAFETY\"", Reason.REWRITE_ERROR, "SAFETY"),
                                candidate(
                                        "recitation",
                                        "\"content\":{\"parts\":[{\"text\":\"half\"}]},\"finishReason\":\"RECITATION\"",
                                        Reason.REWRITE_ERROR,
                                        "RECITATION"),
                                candidate(
                                        "cut by length",
                                        "\"content\":{\"parts\":[{\"text\":\"half\"}]},\"finishReason\":\"MAX_TOKENS\"",
                                        Reason.REWRITE_ERROR,
                                        "cut off"),
                                new Answer(
                                        Vendor.GEMINI,
                                        "a blocked prompt",
                                        ok("{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}}"),
                                        Reason.REWRITE_ERROR,
                                        "PROHIBITED_CONTENT"),
                                new Answer(
                                        Vendor.GEMINI,
                                        "no candidate",
                                        ok("{\"candidates\":[]}"),
                                        Reason.REWRITE_ERROR,
                                        "no candidate")))
                .flatMap(rows -> rows);
    }

    /** Gives this answer to the poisoned prompt, every time. */
    private record Spoiler(Wire wire) implements Script {
        @Override
        public Fault faultOf(long number, List<String> texts) {
            return Fault.NONE;
        }

        @Override
        public @Nullable Wire wireOf(long number, List<String> texts, Supplier<byte[]> body) {
            return texts.contains(POISON) ? wire : null;
        }
    }

    @ParameterizedTest
    @Execution(ExecutionMode.CONCURRENT)
    @MethodSource("answers")
    void aRewriteThatGoesWrongSkipsItsRecordAndNoOther(Answer answer) {
        Vendor vendor = answer.vendor();
        try (EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            Duration timeout = answer.reason() == Reason.REWRITE_TIMEOUT ? SHORT : UNHURRIED;
            try (LoopbackServer server = LoopbackServer.start(new Spoiler(answer.wire()))) {
                BuildReport report = build(vendor, server, timeout, store);

                assertThat(report.stoppedBy()).isNull();
                assertThat(report.state()).isEqualTo(BuildReport.State.COMPLETED);
                assertThat(report.succeeded()).isEqualTo(answer.reason() == null ? RECORDS : RECORDS - 1);
                assertThat(report.skipped())
                        .isEqualTo(answer.reason() == null ? Map.of() : Map.of(answer.reason(), 1L));
                assertBoughtOnce(server);
            }
            try (LoopbackServer healthy = LoopbackServer.start()) {
                RecordTrace before = trace(vendor, healthy, store);
                assertThat(before.attempts()).isEqualTo(answer.reason() == null ? 0 : 1);
                assertThat(String.valueOf(before.detail()))
                        .contains(answer.says())
                        .doesNotContain("text number");

                BuildReport second = build(vendor, healthy, UNHURRIED, store);

                assertThat(second.succeeded()).isEqualTo(answer.reason() == null ? 0 : 1);
                assertThat(healthy.received()).hasSize(answer.reason() == null ? 0 : 2);
                assertEveryVectorIsRight(vendor, healthy, store);
            }
        }
    }

    private static void assertBoughtOnce(LoopbackServer server) {
        Map<String, Long> asked = server.received().stream()
                .filter(request -> request.texts().get(0).startsWith("Rewrite: "))
                .collect(Collectors.groupingBy(request -> request.texts().get(0), Collectors.counting()));
        assertThat(asked).hasSize(RECORDS);
        asked.remove(POISON);
        assertThat(asked.values()).containsOnly(1L);
    }

    private interface Use<T> {
        T with(BuildPipeline pipeline);
    }

    private static BuildReport build(Vendor vendor, LoopbackServer server, Duration timeout, EmbeddingStore store) {
        return use(vendor, server, timeout, store, pipeline -> pipeline.run(BuildRequest.all()));
    }

    private static RecordTrace trace(Vendor vendor, LoopbackServer server, EmbeddingStore store) {
        return use(
                vendor,
                server,
                UNHURRIED,
                store,
                pipeline -> store.explain(pipeline.fingerprint(), key(7)).orElseThrow());
    }

    private static void assertEveryVectorIsRight(Vendor vendor, LoopbackServer server, EmbeddingStore store) {
        Map<RecordKey, StoredVector> stored = new HashMap<>();
        use(vendor, server, UNHURRIED, store, pipeline -> {
            store.forEachVector(pipeline.fingerprint(), null, vector -> stored.put(vector.key(), vector));
            return stored;
        });
        assertThat(stored).hasSize(RECORDS);
        for (int i = 0; i < RECORDS; i++) {
            String text = ScriptedProvider.rewriteOf(prompt(i));
            assertThat(stored.get(key(i)))
                    .isEqualTo(new StoredVector(key(i), Sha256.ofText(text), vendor.vector(text, DIMENSION)));
        }
    }

    private static <T> T use(Vendor vendor, LoopbackServer server, Duration timeout, EmbeddingStore store, Use<T> use) {
        try (LLMProvider embedder = vendor.embedder(server.url(), DIMENSION, RECORDS, new CallPolicy(1, UNHURRIED, 2));
                LLMProvider rewriter = vendor.rewriter(server.url(), new CallPolicy(1, timeout, 4))) {
            return use.with(BuildPipeline.builder()
                    .records(InMemorySource.of(IntStream.range(0, RECORDS)
                            .mapToObj(i -> SourceRecord.of(key(i).source(), key(i).id(), null, "text number " + i))
                            .toList()))
                    .embedder(embedder)
                    .rewriter(rewriter, "Rewrite: {text}")
                    .store(store)
                    .build());
        }
    }

    private static RecordKey key(int number) {
        return new RecordKey("texts", "id-" + number);
    }

    private static String prompt(int number) {
        return "Rewrite: text number " + number;
    }
}
