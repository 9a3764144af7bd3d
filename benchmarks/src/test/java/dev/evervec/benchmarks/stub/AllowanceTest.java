package dev.evervec.benchmarks.stub;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.benchmarks.stub.Allowance.Window;
import org.junit.jupiter.api.Test;

class AllowanceTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void bucketHoldsOneSecondsWorthAndIsRefilledAllTheTime() {
        Allowance allowance = new Allowance(Window.BUCKET, 600, 0);

        allowance.take(10, 0);

        assertThat(allowance.untilAllowed(1, 0)).isEqualTo(SECOND / 10);
        assertThat(allowance.untilAllowed(1, SECOND / 10)).isZero();
        assertThat(allowance.remaining(50 * SECOND)).isEqualTo(10);
    }

    @Test
    void bucketAllowsWhatIsMoreThanItHoldsWhenNothingIsOwed() {
        Allowance allowance = new Allowance(Window.BUCKET, 600, 0);

        allowance.take(25, 0);

        assertThat(allowance.untilAllowed(25, 0)).isEqualTo(5 * SECOND / 2);
        assertThat(allowance.untilAllowed(25, 5 * SECOND / 2)).isZero();
    }

    @Test
    void slidingMinuteForgetsWhatIsAMinuteOld() {
        Allowance allowance = new Allowance(Window.SLIDING, 3, 0);

        allowance.take(1, 0);
        allowance.take(2, 20 * SECOND);

        assertThat(allowance.untilAllowed(1, 30 * SECOND)).isEqualTo(30 * SECOND);
        assertThat(allowance.untilAllowed(2, 30 * SECOND)).isEqualTo(50 * SECOND);
        assertThat(allowance.untilAllowed(1, 60 * SECOND)).isZero();
    }

    @Test
    void fixedMinuteBeginsAnewAsAWhole() {
        Allowance allowance = new Allowance(Window.FIXED, 3, 0);

        allowance.take(3, 59 * SECOND);

        assertThat(allowance.untilAllowed(1, 59 * SECOND)).isEqualTo(SECOND);
        assertThat(allowance.untilAllowed(3, 60 * SECOND)).isZero();
    }

    @Test
    void changedLimitHoldsAtOnce() {
        Allowance allowance = new Allowance(Window.SLIDING, 10, 0);
        allowance.take(5, 0);

        allowance.change(5);

        assertThat(allowance.untilAllowed(1, SECOND)).isEqualTo(59 * SECOND);
    }

    @Test
    void noLimitAllowsEverything() {
        Allowance allowance = new Allowance(Window.BUCKET, 0, 0);

        allowance.take(1_000_000, 0);

        assertThat(allowance.untilAllowed(1_000_000, 0)).isZero();
    }
}
