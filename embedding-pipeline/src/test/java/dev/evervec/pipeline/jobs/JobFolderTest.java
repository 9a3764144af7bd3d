package dev.evervec.pipeline.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.progress.BuildProgress.Stage;
import dev.evervec.pipeline.progress.JobLog;
import dev.evervec.pipeline.store.JobScope;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What other processes, or this one before it was started again, have left in the folder for logs. */
@Timeout(60)
class JobFolderTest {
    private static final BuildProgress PROGRESS = new BuildProgress(
            "elsewhere",
            Phase.EMBEDDING,
            new Stage(45, 100, 2),
            new Stage(20, 98, 0),
            Instant.parse("2026-01-02T03:04:05.006Z"),
            Instant.parse("2026-01-02T03:05:05Z"),
            Duration.ofMillis(12_500),
            3.5,
            12,
            48_213,
            new BigDecimal("0.00096426"),
            "an outage: 503 \"down\"",
            0,
            Map.of());

    private final Office office = new Office();

    @TempDir
    private Path logs;

    private EmbeddingJobs jobs;

    @BeforeEach
    void aJobRunsElsewhere() {
        office.beginElsewhere("elsewhere", JobScope.ALL);
        jobs = office.jobs(office.pipeline(Office.provider().build()).logs(logs).build());
    }

    @AfterEach
    void close() {
        office.close();
    }

    private void progressFile(String json) throws IOException {
        Files.writeString(logs.resolve("elsewhere.progress.json"), json);
    }

    private JobStatus status() {
        return jobs.status().orElseThrow();
    }

    // ---- progress ----

    @Test
    void theProgressOfAnotherProcessIsReadFromItsFile() throws Exception {
        progressFile(PROGRESS.toJson() + "\n");

        assertThat(status().progress()).isEqualTo(PROGRESS);
        assertThat(status().phase()).isEqualTo(Phase.EMBEDDING);
        assertThat(status().here()).isFalse();
    }

    @Test
    void anInterruptedJobShowsWhatItWasDoing() throws Exception {
        progressFile(PROGRESS.toJson());
        office.store.killRunningJob();

        assertThat(status()).matches(JobStatus::resumable).matches(job -> job.phase() == Phase.EMBEDDING);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "null",
                "[]",
                "7",
                "{}",
                "\u0000\u0000\u0000",
                "{\"job_id\":\"elsewhere\",\"phase\":\"embedding\"}",
                "{\"job_id\":\"elsewhere\",\"phase\":7}"
            })
    void aDamagedProgressFileGivesAnUnknownPhase(String json) throws Exception {
        progressFile(json);

        assertThat(status().phase()).isNull();
        assertThat(status().toJson()).contains("\"phase\":\"unknown\"", "\"embed_progress\":null");
    }

    @Test
    void whatIsNoProgressFileOfThisJobGivesAnUnknownPhase() throws Exception {
        Path file = logs.resolve("elsewhere.progress.json");
        assertThat(status().phase()).as("missing").isNull();

        progressFile(PROGRESS.toJson().replace("elsewhere", "another"));
        assertThat(status().phase()).as("foreign").isNull();

        progressFile(PROGRESS.toJson() + " ".repeat(100_000));
        assertThat(status().phase()).as("huge").isNull();

        progressFile(PROGRESS.toJson() + PROGRESS.toJson());
        assertThat(status().phase()).as("twice").isNull();

        Files.delete(file);
        Files.createDirectory(file);
        assertThat(status().phase()).as("a folder").isNull();

        Files.delete(file);
        Path target = Files.writeString(logs.resolve("target"), PROGRESS.toJson());
        Files.createSymbolicLink(file, target);
        assertThat(status().phase()).as("a link").isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"cost_usd\":1e999999999",
                "\"cost_usd\":1e-999999999",
                "\"cost_usd\":-1",
                "\"cost_usd\":\"1\"",
                "\"eta_secs\":1e30",
                "\"records_per_sec\":1e400",
                "\"tokens\":-1",
                "\"tokens\":1e3",
                "\"tokens\":99999999999999999999",
                "\"started_at\":\"+1000000001-01-01T00:00:00Z\"",
                "\"phase\":\"SCANNING\"",
                "\"phase\":\"unknown\"",
                "\"held_up_by\":[]"
            })
    void noValueThatNobodyWroteComesThrough(String member) throws Exception {
        String key = member.substring(0, member.indexOf(':') + 1);
        String json = PROGRESS.toJson()
                .replaceFirst(Pattern.quote(key) + "(\"[^\"\\\\]*(\\\\.[^\"\\\\]*)*\"|[^,}]*)", member);
        assertThat(json).contains(member);
        progressFile(json);

        assertThat(status().phase()).isNull();
    }

    @Test
    void anOlderOrNewerVersionsFileIsRead() {
        String older =
                "{\"job_id\":\"a\",\"phase\":\"scanning\",\"rewrite_progress\":{\"done\":0,\"total\":0,\"skipped\":0},"
                        + "\"embed_progress\":{\"done\":1,\"total\":2},\"started_at\":\"2026-01-02T03:04:05Z\","
                        + "\"updated_at\":\"2026-01-02T03:04:05Z\",\"eta_secs\":null,\"tokens\":0,\"cost_usd\":null}";

        assertThat(BuildProgress.ofJson(older)).isPresent();
        assertThat(BuildProgress.ofJson(PROGRESS.toJson().replaceFirst("\\{", "{\"new\":{\"deep\":[1,{}]},")))
                .contains(PROGRESS);
    }

    @Test
    void cutOffAndWithFlippedBitsAProgressFileIsReadOrUnknownAndNeverAnError() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        byte[] whole = (PROGRESS.toJson() + "\n").getBytes(StandardCharsets.UTF_8);
        JobFolder folder = new JobFolder(logs);
        int read = 0;
        for (int i = 0; i < 1_500; i++) {
            byte[] bytes = Arrays.copyOf(whole, random.nextBoolean() ? whole.length : random.nextInt(whole.length));
            for (int flips = random.nextInt(4); flips > 0 && bytes.length > 0; flips--) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            Files.write(logs.resolve("elsewhere.progress.json"), bytes);

            var progress = folder.progress("elsewhere");

            progress.ifPresent(any -> {
                assertThat(any.jobId()).as("seed %d", seed).isEqualTo("elsewhere");
                assertThat(any.toJson()).as("seed %d", seed).hasSizeLessThan(1_000);
            });
            read += progress.isPresent() ? 1 : 0;
        }
        assertThat(read).as("of 1,500 with seed %d", seed).isBetween(1, 1_450);
    }

    // ---- logs ----

    private JobOutput output() {
        return jobs.output("elsewhere").orElseThrow();
    }

    private void log(String text) throws IOException {
        Files.writeString(logs.resolve("elsewhere.log"), text);
    }

    @Test
    void theLogOfAnotherProcessIsReadFromItsFile() throws Exception {
        assertThat(output()).isEqualTo(new JobOutput("elsewhere", "", false, false));

        log("one\ntwo <script>alert(1)</script>\n");
        assertThat(output()).isEqualTo(new JobOutput("elsewhere", "one\ntwo <script>alert(1)</script>\n", false, true));
    }

    @Test
    void aLogThatIsALinkIsNotFollowed() throws Exception {
        Path secret = Files.writeString(logs.resolve("secret"), "secret");
        Files.createSymbolicLink(logs.resolve("elsewhere.log"), secret);

        assertThat(output().found()).isFalse();
    }

    @Test
    void ofALongLogTheLastMegabyteIsShownFromTheBeginningOfALine() throws Exception {
        String line = "0123456789\u00e9\ud83d\ude00\u4e2d abcdefghijklmnopqrstuvwxyz\n";
        int bytes = line.getBytes(StandardCharsets.UTF_8).length;
        log(line.repeat(2 * JobLog.MAX_BYTES / bytes));

        JobOutput output = output();

        assertThat(output.truncated()).isTrue();
        assertThat(output.log()).isEqualTo(line.repeat(JobLog.MAX_BYTES / bytes));
    }

    @Test
    void aLogIsCutWhereALineBeginsOrElseACharacter() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 8; i++) {
            StringBuilder text = new StringBuilder();
            int lineLength = 1 + random.nextInt(i % 4 == 0 ? 3_000_000 : 5_000);
            int target = JobLog.MAX_BYTES + random.nextInt(10) - 5 + (i % 2) * random.nextInt(300_000);
            int written = 0;
            while (written < target) {
                String next =
                        text.length() % lineLength == lineLength - 1 ? "\n" : random.nextBoolean() ? "a" : "\u4e2d";
                text.append(next);
                written += next.getBytes(StandardCharsets.UTF_8).length;
            }
            log(text.toString());

            String expected = expected(text.toString());
            assertThat(output().log().equals(expected))
                    .as("round %d, seed %d", i, seed)
                    .isTrue();
            assertThat(output().truncated()).isEqualTo(expected.length() < text.length());
        }
    }

    /** The longest end of whole lines within a megabyte; if there is none, of whole characters. */
    private static String expected(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int from = Math.max(0, bytes.length - JobLog.MAX_BYTES);
        for (int begin = from; begin < bytes.length; begin++) {
            if (begin == 0 || bytes[begin - 1] == '\n') {
                return new String(bytes, begin, bytes.length - begin, StandardCharsets.UTF_8);
            }
        }
        while ((bytes[from] & 0xC0) == 0x80) {
            from++;
        }
        return new String(bytes, from, bytes.length - from, StandardCharsets.UTF_8);
    }

    @Test
    void aCharacterThatIsNotYetWrittenToItsEndIsLeftOut() throws Exception {
        byte[] text = "line\n\ud83d\ude00".getBytes(StandardCharsets.UTF_8);
        for (int bytes = 6; bytes < text.length; bytes++) {
            Files.write(logs.resolve("elsewhere.log"), Arrays.copyOf(text, bytes));
            assertThat(output().log()).isEqualTo("line\n");
        }
        Files.write(logs.resolve("elsewhere.log"), text);
        assertThat(output().log()).isEqualTo("line\n\ud83d\ude00");
    }

    @Test
    void aJobThatRanHereIsShownFromItsFileInTheNextProcess() {
        office.store.killRunningJob();
        String id = jobs.trigger(JobRequest.ALL);
        JobStatus ended = Office.awaitEnd(jobs, id);
        String log = jobs.output(id).orElseThrow().log();
        EmbeddingJobs restarted = office.jobs(
                office.pipeline(Office.provider().build()).logs(logs).build());

        assertThat(restarted.output(id)).contains(new JobOutput(id, log, false, true));
        JobStatus later = restarted.status().orElseThrow();
        assertThat(later.info()).isEqualTo(ended.info());
        assertThat(later.here()).isFalse();
        assertThat(later.progress().embed()).isEqualTo(ended.progress().embed());
    }
}
