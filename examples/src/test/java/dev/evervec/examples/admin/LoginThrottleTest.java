package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.testkit.ManualClock;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class LoginThrottleTest {
    private static final InetAddress HERE = address("192.0.2.1");

    private final ManualClock clock = new ManualClock();
    private final LoginThrottle throttle = new LoginThrottle(clock);

    private static InetAddress address(String literal) {
        try {
            return InetAddress.getByName(literal);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    private void fail(InetAddress from, int times) {
        for (int i = 0; i < times; i++) {
            assertThat(throttle.attempt(from, () -> false)).isFalse();
        }
    }

    /** The seconds that it has to wait; a right secret is not even looked at. */
    private long wait(InetAddress from) {
        Problem problem = catchThrowableOfType(
                Problem.class,
                () -> throttle.attempt(from, () -> {
                    throw new AssertionError("looked at too early");
                }));
        assertThat(problem).isNotNull();
        assertThat(problem.status()).isEqualTo(429);
        return problem.retryAfterSeconds();
    }

    @Test
    void fiveWrongSecretsAreFreeAndThenEachWaitIsTwiceAsLongUpToThirtySeconds() {
        fail(HERE, 5);

        for (long seconds : new long[] {1, 2, 4, 8, 16, 30, 30}) {
            assertThat(wait(HERE)).isEqualTo(seconds);
            clock.advance(Duration.ofSeconds(seconds).minusMillis(1));
            assertThat(wait(HERE)).isEqualTo(1);
            clock.advance(Duration.ofMillis(1));
            fail(HERE, 1);
        }
    }

    @Test
    void whoComesTooEarlyDoesNotWaitLonger() {
        fail(HERE, 5);

        assertThat(wait(HERE)).isEqualTo(1);
        assertThat(wait(HERE)).isEqualTo(1);
        clock.advance(Duration.ofSeconds(1));

        assertThat(throttle.attempt(HERE, () -> true)).isTrue();
    }

    @Test
    void aRightSecretForgivesTheWrongOnes() {
        fail(HERE, 4);
        assertThat(throttle.attempt(HERE, () -> true)).isTrue();

        fail(HERE, 5);

        assertThat(wait(HERE)).isEqualTo(1);
    }

    @Test
    void addressesDoNotSlowEachOther() {
        fail(HERE, 5);

        fail(address("192.0.2.2"), 5);
        assertThat(throttle.attempt(address("192.0.2.3"), () -> true)).isTrue();
    }

    @Test
    void aNetworkOfIpv6IsOneCustomer() {
        fail(address("2001:db8::1"), 5);

        assertThat(wait(address("2001:db8::ffff:2"))).isEqualTo(1);
        fail(address("2001:db8:0:1::1"), 5);
    }

    @Test
    void wrongSecretsAreForgottenAfterAQuarterOfAnHour() {
        fail(HERE, 4);
        clock.advance(Duration.ofMinutes(15));

        fail(HERE, 5);

        assertThat(wait(HERE)).isEqualTo(1);
    }

    @Test
    void onlySoManyAddressesAreKept() {
        fail(HERE, 5);
        for (int i = 0; i < 10_000; i++) {
            fail(address("10.0." + i / 250 + "." + i % 250), 1);
        }

        assertThat(throttle.attempt(HERE, () -> true))
                .as("the one that failed longest ago is forgotten")
                .isTrue();
    }
}
