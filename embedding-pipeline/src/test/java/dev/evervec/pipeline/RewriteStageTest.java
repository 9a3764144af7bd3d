package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Backoff;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Which rewrites are asked for, with time in the test's hands. */
class RewriteStageTest {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();
    private static final ProviderException REFUSAL = PermanentProviderException.item("refused", 200, null);
    private static final ProviderException TIMEOUT = TransientProviderException.noAnswer("timeout", null);

    private final Map<String, Reason> notRewritten = new LinkedHashMap<>();
    private final Deque<RewriteCall<String>> sent = new ArrayDeque<>();
    private int probes;
    private long now = SECOND;
    private final RewriteStage<String> stage = stage(0);

    private RewriteStage<String> stage(int retries) {
        SplittableRandom random = new SplittableRandom(7);
        return new RewriteStage<>(
                item -> BigDecimal.ZERO,
                new CallPolicy(retries, Duration.ofSeconds(60), 8),
                new Gate(BuildSettings.DEFAULT, Backoff.DEFAULT, random),
                Purse.unlimited(),
                Backoff.DEFAULT,
                random,
                (item, reason, detail) ->
                        assertThat(notRewritten.put(item, reason)).isNull());
    }

    private RewriteCall<String> next() {
        stage.pump(now, sent::addLast, signal -> probes++);
        return sent.removeFirst();
    }

    @Test
    void equalTextsShareOneCallAndItsAnswer() {
        stage.offer("text", "a");
        RewriteCall<String> call = next();
        stage.offer("text", "b"); // while the call is under way
        stage.offer("other", "c");

        assertThat(next().item).isEqualTo("c");
        assertThat(stage.rewritten(call, now)).containsExactly("a", "b");
        assertThat(sent).isEmpty();
    }

    @Test
    void equalTextsShareARefusal() {
        stage.offer("other", "c");
        stage.rewritten(next(), now);
        stage.offer("text", "a");
        stage.offer("text", "b");
        now += SECOND;
        RewriteCall<String> call = next();
        stage.gate.callSucceeded(now, now);

        stage.failed(call, REFUSAL, now);

        assertThat(notRewritten).isEqualTo(Map.of("a", Reason.REWRITE_ERROR, "b", Reason.REWRITE_ERROR));
        assertThat(stage.isEmpty()).isTrue();
    }

    @Test
    void aTextThatIsOverIsAskedForAgainByTheNextOne() {
        stage.offer("text", "a");
        stage.rewritten(next(), now);

        stage.offer("text", "b");

        assertThat(next().items()).containsExactly("b");
    }

    @Test
    void aCallThatWasNotNeededLeavesNothingBehind() {
        stage.offer("text", "a");
        stage.offer("text", "b");

        assertThat(stage.withdrawn(next(), now)).containsExactly("a", "b");

        assertThat(stage.isEmpty()).isTrue();
        assertThat(stage.nothingOut()).isTrue();
    }

    @Test
    void aTimeoutIsTriedAgainAtLeastOnce() {
        stage.offer("text", "a");
        stage.offer("text", "b");
        for (int tries = 0; tries < 2; tries++) {
            assertThat(notRewritten).isEmpty();
            RewriteCall<String> call = next();
            stage.gate.callSucceeded(now, now); // others succeed
            stage.failed(call, TIMEOUT, now);
            now += SECOND;
        }

        assertThat(notRewritten).isEqualTo(Map.of("a", Reason.REWRITE_TIMEOUT, "b", Reason.REWRITE_TIMEOUT));
    }

    @Test
    void everyItemIsDrained() {
        stage.offer("text", "a");
        stage.offer("text", "b");
        stage.offer("other", "c");
        RewriteCall<String> call = next();
        stage.failed(call, TIMEOUT, now);

        assertThat(stage.drain()).containsExactlyInAnyOrderElementsOf(List.of("a", "b"));
        assertThat(stage.rewritten(sent.removeFirst(), now)).containsExactly("c");
        assertThat(stage.isEmpty()).isTrue();
    }
}
