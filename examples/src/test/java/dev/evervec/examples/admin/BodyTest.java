package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** How much is read, and for how long. */
class BodyTest {
    private final AtomicLong now = new AtomicLong();
    private final Body body = new Body(now::get);

    /** A byte at a time, so long after each other. */
    private InputStream trickle(String text, Duration pause) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)) {
            @Override
            public synchronized int read(byte[] into, int from, int most) {
                now.addAndGet(pause.toNanos());
                return super.read(into, from, Math.min(1, most));
            }
        };
    }

    @Test
    void bytesMayComeOneByOne() throws Exception {
        assertThat(body.read(trickle("secret=a", Duration.ofSeconds(1))))
                .asString()
                .isEqualTo("secret=a");
    }

    @Test
    void whoSendsForeverIsSentAway() {
        InputStream in = trickle("x".repeat(5000), Duration.ofSeconds(4));

        Problem problem = catchThrowableOfType(Problem.class, () -> body.read(in));

        assertThat(problem.status()).isEqualTo(408);
        assertThat(now).hasValue(Duration.ofSeconds(12).toNanos());
    }

    @Test
    void onlySoMuchOfWhatIsTooLargeIsTaken() throws Exception {
        InputStream in = new ByteArrayInputStream(new byte[4 * 1024 * 1024]);

        Problem problem = catchThrowableOfType(Problem.class, () -> body.read(in));

        assertThat(problem.status()).isEqualTo(413);
        assertThat(in.available()).isGreaterThan(2 * 1024 * 1024);
    }

    @Test
    void theLargestBodyIsReadWhole() throws Exception {
        assertThat(body.read(new ByteArrayInputStream(new byte[Body.MAX_BYTES])))
                .hasSize(Body.MAX_BYTES);
    }
}
