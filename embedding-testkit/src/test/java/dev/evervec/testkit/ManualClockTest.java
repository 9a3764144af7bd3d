package dev.evervec.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.time.ZoneId;
import org.junit.jupiter.api.Test;

final class ManualClockTest {
    private final ManualClock clock = new ManualClock();

    @Test
    void standsStillUntilItIsMoved() {
        assertThat(clock.instant()).isEqualTo(ManualClock.START).isEqualTo(clock.instant());
        assertThat(clock.advance(Duration.ofSeconds(5)))
                .isEqualTo(clock.instant())
                .isEqualTo(ManualClock.START.plusSeconds(5));
    }

    @Test
    void clocksOfOtherZonesMoveAlong() {
        ManualClock elsewhere = clock.withZone(ZoneId.of("Asia/Tokyo"));
        clock.advance(Duration.ofDays(1));
        assertThat(elsewhere.instant()).isEqualTo(clock.instant());
        assertThat(elsewhere.getZone()).isEqualTo(ZoneId.of("Asia/Tokyo"));
    }

    @Test
    void goesBackOnlyWhenSet() {
        assertThatIllegalArgumentException().isThrownBy(() -> clock.advance(Duration.ofMillis(-1)));
        clock.set(ManualClock.START.minusSeconds(1));
        assertThat(clock.millis()).isEqualTo(ManualClock.START.toEpochMilli() - 1_000);
    }
}
