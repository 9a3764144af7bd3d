package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.it.LoopbackServer.End;
import dev.evervec.it.LoopbackServer.Fault;
import dev.evervec.it.LoopbackServer.Script;
import dev.evervec.it.LoopbackServer.Wire;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A key is revoked while a build runs: what still goes out, what is charged, and what the operator is told. */
final class RevokedKeyTest {
    private static final int RECORDS = 1_500;
    private static final int BATCH_SIZE = 4;
    private static final int DIMENSION = 8;
    private static final long GOOD_REQUESTS = 60;

    @TempDir
    Path folder;

    /** Refuses the key from one request on. */
    private record Revocation(Vendor vendor) implements Script {
        @Override
        public Fault faultOf(long number, List<String> texts) {
            return Fault.NONE;
        }

        @Override
        public @Nullable Wire wireOf(long number, List<String> texts, Supplier<byte[]> body) {
            if (number <= GOOD_REQUESTS) {
                return null;
            }
            String answer = vendor == Vendor.OPENAI
                    ? "{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"Incorrect API key provided\"}}"
                    : "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\",\"message\":\"API key not valid.\","
                            + "\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}";
            String head = "HTTP/1.1 " + (vendor == Vendor.OPENAI ? 401 : 400) + " -\r\nContent-Length: ";
            return new Wire(
                    (head + answer.length() + "\r\n\r\n" + answer).getBytes(StandardCharsets.US_ASCII), End.KEEP);
        }
    }

    /** Counts the calls that begin after one has come back with the refusal. */
    private static final class Watch implements LLMProvider {
        private final LLMProvider provider;
        private final AtomicBoolean refused = new AtomicBoolean();
        private final AtomicInteger late = new AtomicInteger();

        Watch(LLMProvider provider) {
            this.provider = provider;
        }

        @Override
        public EmbedResponse embed(EmbedRequest request) {
            if (refused.get()) {
                late.incrementAndGet();
            }
            try {
                return provider.embed(request);
            } catch (PermanentProviderException e) {
                refused.set(true);
                throw e;
            }
        }

        @Override
        public ModelIdentity model() {
            return provider.model();
        }

        @Override
        public ProviderLimits limits() {
            return provider.limits();
        }

        @Override
        public CallPolicy callPolicy() {
            return provider.callPolicy();
        }

        @Override
        public void close() {
            provider.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"OPENAI, 8", "OPENAI, 32", "GEMINI, 8", "GEMINI, 32"})
    void aRevokedKeyStopsTheBuildAndChargesNobody(Vendor vendor, int maxInFlight) {
        try (LoopbackServer server = LoopbackServer.start(new Revocation(vendor));
                Watch embedder = new Watch(vendor.embedder(
                        server.url(), DIMENSION, BATCH_SIZE, new CallPolicy(3, Duration.ofMinutes(2), maxInFlight)));
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(InMemorySource.of(IntStream.range(0, RECORDS)
                            .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                            .toList()))
                    .embedder(embedder)
                    .store(store)
                    .build();

            BuildReport report = pipeline.run(BuildRequest.all());

            assertThat(report.state()).isEqualTo(BuildReport.State.FAILED);
            assertThat(report.stopCause().orElseThrow())
                    .contains("check api_key")
                    .doesNotContain(Vendor.KEY)
                    .doesNotContain("text number");
            assertThat(report.succeeded()).isEqualTo(GOOD_REQUESTS * BATCH_SIZE);
            assertThat(report.failed().keySet()).containsExactly(Reason.ABORTED);
            // The scan, which goes on beside the first requests, ends with the job.
            assertThat(report.totalPending()).isBetween(report.succeeded() + 1, (long) RECORDS);
            assertThat(report.requests()).isEqualTo(server.requests());
            assertThat(embedder.late).hasValueLessThanOrEqualTo(5);
            assertThat(server.requests() - GOOD_REQUESTS)
                    .as("refused: what was in flight, and no more than 5 after it")
                    .isLessThanOrEqualTo(maxInFlight + 5);
            List<RecordTrace> traces = IntStream.range(0, RECORDS)
                    .mapToObj(i -> SourceRecord.of("id-" + i, "x").key())
                    .flatMap(key -> store.explain(pipeline.fingerprint(), key).stream())
                    .toList();
            assertThat(traces).hasSize((int) report.totalPending());
            assertThat(traces).allMatch(trace -> trace.attempts() == 0);
            assertThat(traces).extracting(RecordTrace::state).containsOnly(RecordState.EMBEDDED, RecordState.PENDING);
        }
    }
}
