package dev.evervec.benchmarks.rivals;

import static org.assertj.core.api.Assertions.assertThatCode;

import dev.evervec.benchmarks.contest.Contender;
import dev.evervec.benchmarks.contest.Task;
import dev.evervec.benchmarks.stub.StubServer;
import java.util.Map;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class RivalsTest {
    @ParameterizedTest
    @ValueSource(classes = {LangChain4jDefaults.class, LangChain4jAlone.class, LangChain4jBase64.class, SpringAi.class})
    void getsAVectorForEachText(Class<? extends Contender> type) throws Exception {
        try (StubServer server = StubServer.start(Map.of("dimension", "8"))) {
            Task task = new Task("http://127.0.0.1:" + server.port() + "/v1", 8, 10, 2, 40, 0);
            try (Contender contender = type.getConstructor(Task.class).newInstance(task)) {
                assertThatCode(() -> contender.run(25)).doesNotThrowAnyException();
            }
        }
    }
}
