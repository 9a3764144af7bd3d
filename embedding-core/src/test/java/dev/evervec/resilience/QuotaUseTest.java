package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.resilience.VirtualService.Window;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How much of a service's quota is used and how much is refused, in virtual time. */
@Timeout(120)
final class QuotaUseTest {
    private static final OptionalInt NONE = OptionalInt.empty();
    private static final Duration BEGIN = Duration.ZERO;
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration THREE = Duration.ofMinutes(3);
    /** What comes of chance differs from run to run: goals are for their mean. */
    private static final int RUNS = 5;

    private final long seed = new Random().nextLong();

    QuotaUseTest() {
        System.out.println("QuotaUseTest seed " + seed);
    }

    private VirtualCallers callers(VirtualService service) {
        return new VirtualCallers(service, seed);
    }

    private Pacer pacer(VirtualCallers timing, OptionalInt requests, OptionalInt tokens) {
        return new Pacer(new Account("toy", requests, tokens), timing, new Random(seed));
    }

    private String where() {
        return "seed " + seed;
    }

    @Nested
    final class Configured {
        @ParameterizedTest
        @CsvSource({
            "BUCKET_OF_A_SECOND, 60", "BUCKET_OF_A_SECOND, 600", "BUCKET_OF_A_SECOND, 6000",
            "BUCKET_OF_A_MINUTE, 60", "BUCKET_OF_A_MINUTE, 600", "BUCKET_OF_A_MINUTE, 6000",
            "SLIDING_MINUTE, 60", "SLIDING_MINUTE, 600", "SLIDING_MINUTE, 6000",
            "FIXED_MINUTE, 60", "FIXED_MINUTE, 600", "FIXED_MINUTE, 6000"
        })
        void requestsAreUsedUpAndNoneIsRefused(Window window, int perMinute) {
            VirtualCallers callers =
                    callers(new VirtualService(window, perMinute, 0)).callers(64, Duration.ofMillis(200));

            callers.run(pacer(callers, OptionalInt.of(perMinute), NONE), THREE);

            assertThat(callers.refused(BEGIN, THREE)).as(where()).isZero();
            assertThat(callers.requestsUsed(perMinute, BEGIN, MINUTE))
                    .as(where())
                    .isGreaterThan(0.97);
            assertThat(callers.requestsUsed(perMinute, BEGIN, THREE))
                    .as(where())
                    .isGreaterThan(0.97);
        }

        /** As that of a new process, which loads classes and connects. */
        @Test
        void aSlowStartIsNotMadeUpForAllAtOnce() {
            VirtualCallers callers = callers(new VirtualService(Window.BUCKET_OF_A_SECOND, 600, 0))
                    .callers(24, Duration.ofMillis(100))
                    .startingSlowly(Duration.ofSeconds(3));

            callers.run(pacer(callers, OptionalInt.of(600), NONE), THREE);

            assertThat(callers.refused(BEGIN, THREE)).as(where()).isZero();
            assertThat(callers.requestsUsed(600, Duration.ofSeconds(3), MINUTE))
                    .as(where())
                    .isGreaterThan(0.97);
        }

        @ParameterizedTest
        @EnumSource(Window.class)
        void tokensAreUsedUpThoughTheyAreOnlyEstimatedBefore(Window window) {
            VirtualCallers callers = callers(new VirtualService(window, 0, 1_000_000))
                    .callers(16, Duration.ofMillis(300))
                    .tokensUpTo(4_000, 0.9);

            callers.run(pacer(callers, NONE, OptionalInt.of(1_000_000)), THREE);

            assertThat(callers.refused(BEGIN, THREE)).as(where()).isLessThanOrEqualTo(0.005);
            assertThat(callers.tokensUsed(1_000_000, BEGIN, THREE)).as(where()).isGreaterThan(0.97);
        }

        @Test
        void ofTwoQuotasTheScarcerOneIsUsedUp() {
            VirtualCallers callers = callers(new VirtualService(Window.SLIDING_MINUTE, 3_000, 1_000_000))
                    .callers(16, Duration.ofMillis(300))
                    .tokensUpTo(4_000, 1.1);

            callers.run(pacer(callers, OptionalInt.of(3_000), OptionalInt.of(1_000_000)), THREE);

            assertThat(callers.refused(BEGIN, THREE)).as(where()).isLessThanOrEqualTo(0.005);
            assertThat(callers.tokensUsed(1_000_000, BEGIN, THREE)).as(where()).isGreaterThan(0.97);
        }

        @Test
        void tooHighALimitIsFoundOut() {
            VirtualCallers callers = callers(new VirtualService(Window.BUCKET_OF_A_SECOND, 600, 0));

            callers.run(pacer(callers, OptionalInt.of(1_200), NONE), THREE);

            assertThat(callers.refused(BEGIN, THREE)).as(where()).isLessThanOrEqualTo(0.02);
            assertThat(callers.requestsUsed(600, BEGIN, THREE)).as(where()).isGreaterThan(0.9);
        }
    }

    @Nested
    final class Told {
        @ParameterizedTest
        @EnumSource(Window.class)
        void isAsGoodAsConfigured(Window window) {
            VirtualCallers callers = callers(new VirtualService(window, 600, 0)).tellingQuota();

            callers.run(pacer(callers, NONE, NONE), THREE);

            assertThat(callers.refused(BEGIN, THREE)).as(where()).isLessThanOrEqualTo(0.005);
            assertThat(callers.requestsUsed(600, BEGIN, MINUTE)).as(where()).isGreaterThan(0.97);
            assertThat(callers.requestsUsed(600, BEGIN, THREE)).as(where()).isGreaterThan(0.97);
        }

        @ParameterizedTest
        @EnumSource(Window.class)
        void isAsGoodForTokens(Window window) {
            double refused = 0;
            double used = 0;
            for (int run = 0; run < RUNS; run++) {
                VirtualCallers callers = new VirtualCallers(new VirtualService(window, 0, 1_000_000), seed + run)
                        .tellingQuota()
                        .tokensUpTo(4_000, 1.1);

                callers.run(pacer(callers, NONE, NONE), THREE);

                refused += callers.refused(BEGIN, THREE) / RUNS;
                used += callers.tokensUsed(1_000_000, BEGIN, THREE) / RUNS;
            }

            assertThat(refused).as(where()).isLessThanOrEqualTo(0.005);
            assertThat(used).as(where()).isGreaterThan(0.97);
        }

        @ParameterizedTest
        @ValueSource(ints = {1_200, 300})
        void aChangeIsFollowedAtOnce(int changed) {
            VirtualService service = new VirtualService(Window.BUCKET_OF_A_SECOND, 600, 0);
            VirtualCallers callers = callers(service)
                    .callers(16, Duration.ofMillis(200))
                    .tellingQuota()
                    .at(MINUTE, () -> service.requests.change(changed));

            callers.run(pacer(callers, NONE, NONE), THREE);

            Duration soon = MINUTE.plusSeconds(2);
            assertThat(callers.requestsUsed(changed, soon, THREE)).as(where()).isGreaterThan(0.97);
            assertThat(callers.refused(soon, THREE)).as(where()).isZero();
            assertThat(callers.refused(BEGIN, THREE)).as(where()).isLessThanOrEqualTo(0.01);
        }

        @Test
        void whatOthersLeaveOfTheQuotaIsUsedWithoutRefusals() {
            VirtualService service = new VirtualService(Window.BUCKET_OF_A_MINUTE, 600, 0);
            VirtualCallers callers = callers(service).tellingQuota();
            for (int call = 0; call < 1_200; call++) {
                callers.at(Duration.ofMillis(call * 200L), () -> service.requests.take(1, callers.nanoTime()));
            }

            callers.run(pacer(callers, NONE, NONE), Duration.ofMinutes(4));

            assertThat(callers.refused(BEGIN, Duration.ofMinutes(4)))
                    .as(where())
                    .isLessThanOrEqualTo(0.02);
            assertThat(callers.requestsUsed(300, Duration.ofMinutes(3), Duration.ofMinutes(4)))
                    .as(where())
                    .isGreaterThan(0.95);
        }
    }

    @Nested
    final class FoundOut {
        @ParameterizedTest
        @CsvSource({
            "BUCKET_OF_A_SECOND, 600, false", "BUCKET_OF_A_SECOND, 600, true",
            "BUCKET_OF_A_SECOND, 6000, false", "BUCKET_OF_A_SECOND, 6000, true",
            "BUCKET_OF_A_MINUTE, 600, false", "BUCKET_OF_A_MINUTE, 600, true",
            "SLIDING_MINUTE, 600, false", "SLIDING_MINUTE, 600, true",
            "SLIDING_MINUTE, 6000, false", "SLIDING_MINUTE, 6000, true",
            "FIXED_MINUTE, 600, false", "FIXED_MINUTE, 600, true",
            "FIXED_MINUTE, 6000, false", "FIXED_MINUTE, 6000, true"
        })
        void aQuotaIsUsedAndLittleIsRefused(Window window, int perMinute, boolean tellingWait) {
            double refused = 0;
            double usedAtFirst = 0;
            double usedThen = 0;
            for (int run = 0; run < RUNS; run++) {
                VirtualCallers callers = new VirtualCallers(new VirtualService(window, perMinute, 0), seed + run)
                        .callers(perMinute == 600 ? 8 : 64, Duration.ofMillis(200));
                if (tellingWait) {
                    callers.tellingWait();
                }

                callers.run(pacer(callers, NONE, NONE), THREE);

                refused += callers.refused(BEGIN, THREE) / RUNS;
                usedAtFirst += callers.requestsUsed(perMinute, BEGIN, MINUTE) / RUNS;
                usedThen += callers.requestsUsed(perMinute, MINUTE, THREE) / RUNS;
            }

            assertThat(refused).as(where()).isLessThanOrEqualTo(0.02);
            assertThat(usedAtFirst).as(where()).isGreaterThan(0.9);
            assertThat(usedThen).as(where()).isGreaterThan(0.9);
        }

        @Test
        void aQuotaOfTextsIsUsedToo() {
            VirtualCallers callers = callers(new VirtualService(Window.BUCKET_OF_A_SECOND, 60_000, 0))
                    .textsPerCall(100);

            callers.run(pacer(callers, NONE, NONE), THREE);

            assertThat(callers.refused(BEGIN, THREE)).as(where()).isLessThanOrEqualTo(0.02);
            assertThat(callers.requestsUsed(60_000, MINUTE, THREE)).as(where()).isGreaterThan(0.9);
        }

        @Test
        void aQuotaOfTokensIsUsedByCallsThatAreMoreOrLessAlike() {
            VirtualCallers callers = callers(new VirtualService(Window.BUCKET_OF_A_SECOND, 0, 1_200_000))
                    .tokensUpTo(4_000, 1);

            callers.run(pacer(callers, NONE, NONE), THREE);

            assertThat(callers.refused(BEGIN, THREE)).as(where()).isLessThanOrEqualTo(0.05);
            assertThat(callers.tokensUsed(1_200_000, MINUTE, THREE)).as(where()).isGreaterThan(0.8);
        }

        @ParameterizedTest
        @CsvSource({"1200, 0", "1200, 3", "1200, 6", "1200, 9", "300, 0", "300, 3", "300, 6", "300, 9"})
        void aChangeIsFollowedWithinTenSeconds(int changed, int seconds) {
            VirtualService service = new VirtualService(Window.BUCKET_OF_A_SECOND, 600, 0);
            Duration change = MINUTE.plusSeconds(seconds);
            VirtualCallers callers = callers(service)
                    .callers(16, Duration.ofMillis(200))
                    .tellingWait()
                    .at(change, () -> service.requests.change(changed));
            Duration end = change.plusSeconds(70);

            callers.run(pacer(callers, NONE, NONE), end);

            Duration followed = change.plusSeconds(10);
            assertThat(callers.requestsUsed(changed, followed, end)).as(where()).isGreaterThan(0.9);
            assertThat(callers.refused(followed, end)).as(where()).isLessThanOrEqualTo(0.025);
            assertThat(callers.refused(BEGIN, end)).as(where()).isLessThanOrEqualTo(0.03);
        }

        @ParameterizedTest
        @CsvSource({
            "BUCKET_OF_A_SECOND, 10, 0.15", "BUCKET_OF_A_SECOND, 20, 0.1", "BUCKET_OF_A_SECOND, 60, 0.05",
            "BUCKET_OF_A_MINUTE, 10, 0.15", "BUCKET_OF_A_MINUTE, 20, 0.1", "BUCKET_OF_A_MINUTE, 60, 0.05"
        })
        void aSmallQuotaIsNotTriedAllTheTime(Window window, int perMinute, double mostRefused) {
            double refused = 0;
            double used = 0;
            Duration end = Duration.ofMinutes(10);
            for (int run = 0; run < RUNS; run++) {
                VirtualCallers callers = new VirtualCallers(new VirtualService(window, perMinute, 0), seed + run);

                callers.run(pacer(callers, NONE, NONE), end);

                refused += callers.refused(THREE, end) / RUNS;
                used += callers.requestsUsed(perMinute, THREE, end) / RUNS;
            }

            assertThat(refused).as(where()).isLessThanOrEqualTo(mostRefused);
            assertThat(used).as(where()).isGreaterThan(0.7);
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void whatWasUsedUpForLongIsUsedAgainSoon(boolean tellingWait) {
            VirtualService service = new VirtualService(Window.BUCKET_OF_A_SECOND, 600, 0);
            Duration back = Duration.ofMinutes(50);
            VirtualCallers callers = callers(service);
            callers.at(
                    MINUTE, () -> service.requests.take(600 * back.minus(MINUTE).toMinutes(), callers.nanoTime()));
            if (tellingWait) {
                callers.tellingWait();
            }

            callers.run(pacer(callers, NONE, NONE), back.plus(THREE));

            Duration soon = back.plusSeconds(tellingWait ? 10 : 60);
            assertThat(callers.requestsUsed(600, soon, back.plus(THREE)))
                    .as(where())
                    .isGreaterThan(0.9);
        }

        @Test
        void whatWasHardlyAnythingForHoursAndIsMuchAgainIsFollowedWithinMinutes() {
            VirtualService service = new VirtualService(Window.BUCKET_OF_A_SECOND, 600, 0);
            Duration back = Duration.ofHours(2);
            VirtualCallers callers = callers(service)
                    .at(MINUTE, () -> service.requests.change(1))
                    .at(back, () -> service.requests.change(600));
            Duration soon = back.plusMinutes(6);

            callers.run(pacer(callers, NONE, NONE), soon.plus(THREE));

            assertThat(callers.requestsUsed(600, soon, soon.plus(THREE)))
                    .as(where())
                    .isGreaterThan(0.9);
        }

        /** A quota is tried once in 50 calls, which are ten seconds where it was 300 a minute. */
        @ParameterizedTest
        @CsvSource({"600, 1200, 10", "300, 600, 10.5", "600, 300, 4"})
        void itDoesNotMatterWhenItChanges(int before, int after, double mostSeconds) {
            for (int phase = 0; phase < 30; phase++) {
                VirtualService service = new VirtualService(Window.BUCKET_OF_A_SECOND, before, 0);
                Duration change = MINUTE.plusMillis(500L * phase);
                VirtualCallers callers = new VirtualCallers(service, seed + phase)
                        .callers(16, Duration.ofMillis(100))
                        .at(change, () -> service.requests.change(after));
                if (phase % 2 == 0) {
                    callers.tellingWait();
                }

                callers.run(pacer(callers, NONE, NONE), change.plusSeconds(30));

                assertThat(secondsUntilFollowed(callers, change, after))
                        .as("%s, changed at %s", where(), change)
                        .isLessThanOrEqualTo(mostSeconds);
            }
        }

        /** The first moment from which on, for some seconds, nine tenths of the quota are used and hardly anything is refused. */
        private double secondsUntilFollowed(VirtualCallers callers, Duration change, int perMinute) {
            for (int millis = 0; millis <= 26_000; millis += 250) {
                Duration from = change.plusMillis(millis);
                Duration to = from.plusSeconds(4);
                boolean mostIsUsed = callers.requestsUsed(perMinute, from, to) >= 0.9;
                if (mostIsUsed && callers.refused(from, to) * perMinute / 15 <= 1.01) {
                    return millis / 1_000.0;
                }
            }
            return Double.POSITIVE_INFINITY;
        }
    }
}
