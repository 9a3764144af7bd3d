package dev.evervec.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.TransientProviderException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a scripted provider counts is right however its callers overlap; on real threads, in many rounds. */
@Timeout(60)
class ScriptedProviderConcurrencyTest {
    private static final int CALLERS = 3;
    private static final int CALLS_OF_EACH = 5;

    private static boolean succeeds(ScriptedProvider provider) {
        try {
            provider.embed(EmbedRequest.documents(List.of("a")));
            return true;
        } catch (TransientProviderException e) {
            return false;
        }
    }

    @Test
    void everyCallIsCountedAndAFaultForSomeCallsIsMetByThatMany() throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(CALLERS);
        try {
            for (int round = 0; round < 300; round++) {
                ScriptedProvider provider = ScriptedProvider.builder()
                        .dimension(1)
                        .faults(FaultScript.nextCalls(4, Fault.serverError()))
                        .build();
                CyclicBarrier together = new CyclicBarrier(CALLERS);
                List<Future<Integer>> succeeded = new ArrayList<>();
                for (int i = 0; i < CALLERS; i++) {
                    succeeded.add(callers.submit(() -> {
                        together.await();
                        int count = 0;
                        for (int call = 0; call < CALLS_OF_EACH; call++) {
                            count += succeeds(provider) ? 1 : 0;
                        }
                        return count;
                    }));
                }
                int sum = 0;
                for (Future<Integer> count : succeeded) {
                    sum += count.get();
                }

                assertThat(sum).isEqualTo(CALLERS * CALLS_OF_EACH - 4);
                assertThat(provider.embedCalls()).isEqualTo(CALLERS * CALLS_OF_EACH);
                assertThat(provider.timesSent("a")).isEqualTo(CALLERS * CALLS_OF_EACH);
                assertThat(provider.faultsMet().values()).containsExactly(4);
                assertThat(provider.callsInProgress()).isZero();
                assertThat(provider.maxConcurrentCalls()).isBetween(1, CALLERS);
            }
        } finally {
            callers.shutdownNow();
            assertThat(callers.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }
    }
}
