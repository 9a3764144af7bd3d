package dev.evervec.benchmarks.contest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.benchmarks.stub.StubServer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class ContendersTest {
    private static final Map<String, String> SERVICE = Map.of("dimension", "8", "rewrite-latency", "1");

    /** They fail by themselves if a vector is missing. */
    @ParameterizedTest
    @ValueSource(classes = {BareSocket.class, RawSdk.class, OwnProvider.class, WholePipeline.class, BareLoop.class})
    void getsAVectorForEachText(Class<? extends Contender> type) throws Exception {
        try (StubServer server = StubServer.start(SERVICE);
                Contender contender = Contest.contender(type.getName(), task(server, 0))) {
            contender.prepare(25);
            contender.run(25);
            contender.prepare(35);
            contender.run(35);
        }
    }

    @Test
    void rewritesIfAsked() throws Exception {
        try (StubServer server = StubServer.start(SERVICE);
                Contender contender = new WholePipeline(task(server, 3))) {
            contender.prepare(5);
            contender.run(5);
        }
    }

    @Test
    void runsInAProcessOfItsOwn() throws Exception {
        try (StubServer server = StubServer.start(SERVICE);
                ContestProcess process = ContestProcess.start(
                        List.of("-Xmx64m"),
                        System.getProperty("java.class.path"),
                        BareSocket.class.getName(),
                        task(server, 0))) {
            Round round = process.run(25);

            assertThat(round.texts()).isEqualTo(25);
            assertThat(round.wallNanos()).isPositive();
            assertThat(round.allocatedBytes()).isPositive();
            assertThat(round.peakBytes()).isPositive();
            assertThat(process.run(5).texts()).isEqualTo(5);
        }
    }

    @Test
    void consumptionIsWhatWasAllocatedAndKept() throws Exception {
        byte[][] kept = new byte[64][];

        Consumption.Taken taken = new Consumption().measure(() -> {
            for (int i = 0; i < 256; i++) {
                kept[i % kept.length] = new byte[1 << 20];
            }
        });

        assertThat(taken.allocatedBytes()).isGreaterThan(200L << 20);
        assertThat(taken.peakBytes()).isGreaterThan(30L << 20);
        assertThat(List.of(kept)).hasSize(64);
    }

    private static Task task(StubServer server, int rewrites) {
        return new Task("http://127.0.0.1:" + server.port() + "/v1", 8, 10, 2, 40, rewrites);
    }
}
