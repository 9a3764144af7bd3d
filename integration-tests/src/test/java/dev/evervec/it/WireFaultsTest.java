package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.it.LoopbackServer.Fault;
import dev.evervec.it.LoopbackServer.Script;
import dev.evervec.it.LoopbackServer.Wire;
import dev.evervec.it.WireFault.Kind;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole builds with the official SDKs while their answers are spoiled on real sockets. */
final class WireFaultsTest {
    private static final int RECORDS = 40;
    private static final int BATCH_SIZE = 8;
    private static final Duration UNHURRIED = Duration.ofMinutes(2);
    private static final Duration SHORT = Duration.ofSeconds(2);

    private static final List<String> TEXTS =
            IntStream.range(0, RECORDS).mapToObj(i -> "text number " + i).toList();
    /** In the last request batch, so that others have succeeded before. */
    private static final int POISON = 37;

    @TempDir
    Path folder;

    /** The first call of an SDK loads thousands of classes: not within a timeout that is to pass. */
    @BeforeAll
    static void warmUp() {
        for (Vendor vendor : Vendor.values()) {
            try (LoopbackServer server = LoopbackServer.start();
                    LLMProvider provider = vendor.embedder(
                            server.url(), WireFault.DIMENSION, BATCH_SIZE, new CallPolicy(0, UNHURRIED, 1))) {
                provider.embed("warm up");
            }
        }
    }

    static Stream<Arguments> vendorsAndFaults() {
        return Arrays.stream(Vendor.values())
                .flatMap(vendor -> Arrays.stream(WireFault.values()).map(fault -> Arguments.of(vendor, fault)));
    }

    /** Of the silences the worst is enough: each try takes the whole timeout. */
    static Stream<Arguments> vendorsAndLastingFaults() {
        return vendorsAndFaults()
                .filter(row -> row.get()[1] != WireFault.SILENCE && row.get()[1] != WireFault.SILENCE_AFTER_THE_HEAD);
    }

    /** Spoils the second request, or every request with the poisoned text. */
    private record Spoiler(WireFault fault, @Nullable String poison) implements Script {
        @Override
        public Fault faultOf(long number, List<String> texts) {
            return Fault.NONE;
        }

        @Override
        public @Nullable Wire wireOf(long number, List<String> texts, Supplier<byte[]> body) {
            if (poison == null) {
                return number == 2 ? fault.wire(body.get(), 3) : null;
            }
            int at = texts.indexOf(poison);
            return at < 0 ? null : fault.wire(body.get(), at);
        }
    }

    @ParameterizedTest
    @Execution(ExecutionMode.CONCURRENT)
    @MethodSource("vendorsAndFaults")
    void aFaultThatPassesCostsNobodyAnything(Vendor vendor, WireFault fault) {
        try (LoopbackServer server = LoopbackServer.start(new Spoiler(fault, null));
                LLMProvider embedder =
                        vendor.embedder(server.url(), WireFault.DIMENSION, BATCH_SIZE, policy(fault, 1));
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            BuildPipeline pipeline = pipeline(embedder, store);

            BuildReport report = pipeline.run(BuildRequest.all());

            assertThat(report.stoppedBy()).isNull();
            assertThat(report.state()).isEqualTo(BuildReport.State.COMPLETED);
            assertThat(report.succeeded()).isEqualTo(RECORDS);
            assertThat(server.requests()).isGreaterThan(RECORDS / BATCH_SIZE);
            assertRight(vendor, pipeline, store, Set.of());
        }
    }

    @ParameterizedTest
    @Execution(ExecutionMode.CONCURRENT)
    @MethodSource("vendorsAndLastingFaults")
    void aTextThatAlwaysMeetsAFaultIsChargedAloneAndLosesNothing(Vendor vendor, WireFault fault) {
        Set<Integer> charged = charged(fault);
        // What such an answer leaves in its connection can hit another request before the connection is dropped.
        int maxInFlight = fault == WireFault.LENGTH_TOO_SHORT ? 1 : 2;
        try (EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            try (LoopbackServer server = LoopbackServer.start(new Spoiler(fault, TEXTS.get(POISON)));
                    LLMProvider embedder = vendor.embedder(
                            server.url(), WireFault.DIMENSION, BATCH_SIZE, policy(fault, maxInFlight))) {
                BuildPipeline pipeline = pipeline(embedder, store);

                BuildReport report = pipeline.run(BuildRequest.all());

                assertThat(report.stoppedBy()).isNull();
                assertThat(report.succeeded()).isEqualTo(RECORDS - charged.size());
                assertThat(report.failed())
                        .isEqualTo(charged.isEmpty() ? Map.of() : Map.of(reason(vendor, fault), (long) charged.size()));
                assertRight(vendor, pipeline, store, charged);
            }
            try (LoopbackServer healthy = LoopbackServer.start();
                    LLMProvider embedder = vendor.embedder(
                            healthy.url(), WireFault.DIMENSION, BATCH_SIZE, policy(fault, maxInFlight))) {
                BuildPipeline pipeline = pipeline(embedder, store);

                assertThat(pipeline.run(BuildRequest.all()).succeeded()).isEqualTo(charged.size());
                assertRight(vendor, pipeline, store, Set.of());
            }
        }
    }

    private static CallPolicy policy(WireFault fault, int maxInFlight) {
        return new CallPolicy(1, fault.kind == Kind.TIMEOUT ? SHORT : UNHURRIED, maxInFlight);
    }

    /** Timeouts and broken connections are not split: the whole request batch waits for the next job. */
    private static Set<Integer> charged(WireFault fault) {
        Set<Integer> charged = new TreeSet<>();
        switch (fault.kind) {
            case BODY_OF_SEVERAL -> {}
            case CONNECTION, TIMEOUT ->
                IntStream.range(RECORDS - BATCH_SIZE, RECORDS).forEach(charged::add);
            case ONE_VECTOR, EVERY_DIMENSION, BODY, SERVER -> charged.add(POISON);
        }
        return charged;
    }

    /** Where the vendor's SDK keeps the other vectors of such an answer from being read, the answer is no answer. */
    private static final Set<WireFault> READ_AS_A_WHOLE_BY_GEMINI =
            Set.of(WireFault.NAN, WireFault.WORD_FOR_A_NUMBER, WireFault.NULL_VECTOR, WireFault.BROKEN_BASE64);

    private static Reason reason(Vendor vendor, WireFault fault) {
        // Alone, a missing vector is an answer without any.
        boolean bodyOnly =
                fault == WireFault.MISSING || (vendor == Vendor.GEMINI && READ_AS_A_WHOLE_BY_GEMINI.contains(fault));
        return switch (fault.kind) {
            case ONE_VECTOR -> bodyOnly ? Reason.EMBED_TRANSIENT : Reason.EMBED_PERMANENT;
            case EVERY_DIMENSION -> Reason.EMBED_PERMANENT;
            case BODY, BODY_OF_SEVERAL, SERVER, CONNECTION, TIMEOUT -> Reason.EMBED_TRANSIENT;
        };
    }

    private static BuildPipeline pipeline(LLMProvider embedder, EmbeddingStore store) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(IntStream.range(0, RECORDS)
                        .mapToObj(i -> SourceRecord.of(key(i).source(), key(i).id(), null, TEXTS.get(i)))
                        .toList()))
                .embedder(embedder)
                .store(store)
                .build();
    }

    private static RecordKey key(int number) {
        return new RecordKey("texts", "id-%02d".formatted(number));
    }

    /** Every record but the charged ones has its own vector and no attempt; the charged ones have one attempt. */
    private static void assertRight(Vendor vendor, BuildPipeline pipeline, EmbeddingStore store, Set<Integer> charged) {
        Map<RecordKey, StoredVector> stored = new HashMap<>();
        store.forEachVector(pipeline.fingerprint(), null, vector -> stored.put(vector.key(), vector));
        for (int i = 0; i < RECORDS; i++) {
            RecordKey key = key(i);
            String text = TEXTS.get(i);
            RecordTrace trace = store.explain(pipeline.fingerprint(), key).orElseThrow();
            if (charged.contains(i)) {
                assertThat(stored).doesNotContainKey(key);
                assertThat(trace.state()).isEqualTo(RecordState.FAILED);
                assertThat(trace.attempts()).isEqualTo(1);
                assertThat(Objects.requireNonNull(trace.detail())).isNotBlank().doesNotContain("text number");
            } else {
                assertThat(stored.get(key))
                        .isEqualTo(
                                new StoredVector(key, Sha256.ofText(text), vendor.vector(text, WireFault.DIMENSION)));
                assertThat(trace.state()).isEqualTo(RecordState.EMBEDDED);
                assertThat(trace.attempts()).isZero();
            }
        }
    }
}
