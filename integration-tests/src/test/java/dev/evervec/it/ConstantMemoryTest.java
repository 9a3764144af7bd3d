package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The heap does not grow with the number of records, also when the store is slow and every request holds a bad text. */
final class ConstantMemoryTest {
    private static final int FEW = 10_000;
    private static final int MANY = Integer.getInteger("evervec.records", 100_000);
    private static final long MIB = 1 << 20;

    @TempDir
    private Path folder;

    @ParameterizedTest(name = "rewriting {0}")
    @ValueSource(booleans = {false, true})
    void theHeapIsTheSameForManyRecordsAsForFew(boolean rewriting) throws Exception {
        long few = mostAlive(FEW, rewriting);
        long many = mostAlive(MANY, rewriting);

        assertThat(many).as("bytes alive with " + MANY + " records").isLessThanOrEqualTo(few + 8 * MIB);
    }

    private long mostAlive(int records, boolean rewriting) throws IOException, InterruptedException {
        Path own = Files.createDirectory(folder.resolve(records + "-" + rewriting));
        long start = System.nanoTime();
        Process process = Java.of(
                        GeneratedBuild.class,
                        List.of("-Xmx48m", "-XX:+UseSerialGC"),
                        Integer.toString(records),
                        Boolean.toString(rewriting),
                        own.toString())
                .start();
        try {
            List<String> lines =
                    process.inputReader(StandardCharsets.UTF_8).lines().toList();
            assertThat(process.waitFor())
                    .as("exit code of a build of " + records + " records")
                    .isZero();
            long alive = Long.parseLong(lines.get(lines.size() - 1));
            System.out.printf(
                    "%,d records%s: %.1f MiB alive at most, %d s%n",
                    records,
                    rewriting ? ", rewritten" : "",
                    (double) alive / MIB,
                    (System.nanoTime() - start) / 1_000_000_000);
            return alive;
        } finally {
            process.destroyForcibly();
        }
    }
}
