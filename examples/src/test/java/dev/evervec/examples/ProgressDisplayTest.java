package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.examples.Cli.Result;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.progress.BuildProgress.Stage;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is shown while a build runs: a bar on a terminal, lines elsewhere. */
class ProgressDisplayTest {
    private static final Instant START = Instant.parse("2026-01-02T03:04:05Z");
    private static final Stage NO_REWRITING = Stage.NONE;

    private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
    private final PrintStream err = new PrintStream(shown, true, StandardCharsets.UTF_8);

    private static BuildProgress progress(
            Phase phase, Stage rewrite, Stage embed, int seconds, @Nullable Duration eta) {
        return new BuildProgress(
                "job",
                phase,
                rewrite,
                embed,
                START,
                START.plusSeconds(seconds),
                eta,
                null,
                0,
                0,
                null,
                null,
                0,
                Map.of());
    }

    private String shown() {
        return shown.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aLineSaysHowManyAreDoneHowFastAndHowLongItMayTake() {
        BuildProgress progress =
                progress(Phase.EMBEDDING, NO_REWRITING, new Stage(59_344, 170_000, 12), 100, Duration.ofSeconds(187));

        assertThat(ProgressLines.line(progress))
                .isEqualTo("embedding: 59,344 of 170,000 done, 593.4/s, about 3:07 left");
    }

    @Test
    void aLineOfTheFirstSecondGuessesNothing() {
        BuildProgress progress = progress(Phase.SCANNING, NO_REWRITING, new Stage(3, 70, 0), 0, null);

        assertThat(ProgressLines.line(progress)).isEqualTo("scanning: 3 of 70 done");
    }

    @Test
    void aLineShowsBothStagesWhenTextsAreRewritten() {
        BuildProgress progress =
                progress(Phase.REWRITING, new Stage(45, 100, 2), new Stage(20, 98, 0), 10, Duration.ofSeconds(39));

        assertThat(ProgressLines.line(progress))
                .isEqualTo("rewriting: rewrite 45 of 100, embed 20 of 98 done, 2.0/s, about 0:39 left");
    }

    @ParameterizedTest
    @EnumSource(
            value = Phase.class,
            names = {"COMPLETED", "FAILED", "CANCELLED"})
    void atTheEndThereIsNeitherRateNorTimeLeft(Phase phase) {
        BuildProgress over = progress(phase, NO_REWRITING, new Stage(66_000, 66_000, 9), 3_725, Duration.ZERO);

        assertThat(ProgressLines.line(over)).isEqualTo(phase.code() + " after 1:02:05");
        assertThat(new ProgressBar(err, false).line(over))
                .startsWith(phase.code())
                .doesNotContain("ETA", "/s");
    }

    @Test
    void linesComeAtEachNewPhaseAndElseEveryFiveSeconds() {
        ProgressLines lines = new ProgressLines(err);
        lines.onStart("monday");
        lines.onProgress(progress(Phase.SCANNING, NO_REWRITING, Stage.NONE, 0, null));
        lines.onProgress(progress(Phase.SCANNING, NO_REWRITING, new Stage(0, 10, 0), 1, null));
        lines.onProgress(progress(Phase.SCANNING, NO_REWRITING, new Stage(1, 10, 0), 2, null));
        lines.onProgress(progress(Phase.EMBEDDING, NO_REWRITING, new Stage(2, 10, 0), 3, null));
        lines.onProgress(progress(Phase.EMBEDDING, NO_REWRITING, new Stage(3, 10, 0), 7, null));
        lines.onProgress(progress(Phase.EMBEDDING, NO_REWRITING, new Stage(8, 10, 0), 8, null));
        lines.finish();
        lines.onProgress(progress(Phase.EMBEDDING, NO_REWRITING, new Stage(9, 10, 0), 60, null));

        assertThat(shown().lines())
                .containsExactly(
                        "job monday",
                        "scanning: 0 of 10 done",
                        "embedding: 2 of 10 done, 0.7/s",
                        "embedding: 8 of 10 done, 1.0/s");
    }

    private static BuildProgress heldUp(int seconds) {
        Stage embed = new Stage(500, 2_000, 0);
        Instant now = START.plusSeconds(seconds);
        return new BuildProgress(
                "job",
                Phase.EMBEDDING,
                NO_REWRITING,
                embed,
                START,
                now,
                null,
                null,
                9,
                9,
                null,
                "HTTP 503",
                0,
                Map.of());
    }

    @Test
    void whatHoldsTheJobUpIsShownAtOnceAndInsteadOfTheTimeLeft() {
        ProgressLines lines = new ProgressLines(err);
        lines.onProgress(progress(Phase.EMBEDDING, NO_REWRITING, new Stage(500, 2_000, 0), 10, null));
        lines.onProgress(heldUp(11));
        lines.onProgress(heldUp(12));

        assertThat(shown().lines())
                .containsExactly(
                        "embedding: 500 of 2,000 done, 50.0/s",
                        "embedding: 500 of 2,000 done, 45.5/s, waiting: HTTP 503");
        assertThat(new ProgressBar(err, false).line(heldUp(10))).endsWith("500/2,000  50/s  waiting: HTTP 503");
    }

    @Test
    void theBarShowsPhaseShareRateAndTimeLeft() {
        BuildProgress progress =
                progress(Phase.EMBEDDING, NO_REWRITING, new Stage(500, 2_000, 0), 10, Duration.ofSeconds(30));

        assertThat(new ProgressBar(err, false).line(progress))
                .isEqualTo("embedding  [######------------------]  25 %  500/2,000  50/s  ETA 0:30");
    }

    @Test
    void whenTextsAreRewrittenThereAreTwoBars() {
        BuildProgress progress =
                progress(Phase.REWRITING, new Stage(50, 100, 2), new Stage(20, 98, 0), 10, Duration.ofSeconds(39));

        assertThat(new ProgressBar(err, false).line(progress))
                .isEqualTo("rewriting  rewrite [#####-----]  50 %  embed [##--------]  20 %  20/98  2/s  ETA 0:39");
    }

    @Test
    void timeThatCannotBeToldIsAQuestionMark() {
        BuildProgress progress = progress(Phase.SCANNING, NO_REWRITING, new Stage(0, 0, 0), 0, null);

        assertThat(new ProgressBar(err, false).line(progress)).endsWith("  0 %  0/0  ETA ?");
    }

    @Test
    void theBarIsWrittenOverAndGoesAwayAtTheEnd() {
        ProgressBar bar = new ProgressBar(err, false);
        bar.onProgress(progress(Phase.EMBEDDING, NO_REWRITING, new Stage(1, 2, 0), 1, null));
        bar.finish();
        bar.onProgress(progress(Phase.EMBEDDING, NO_REWRITING, new Stage(2, 2, 0), 2, null));

        assertThat(shown())
                .startsWith("\r\u001B[K")
                .endsWith("\r\u001B[K")
                .contains("1/2")
                .doesNotContain("2/2", "\n");
    }

    @Test
    void aBuildOnATerminalShowsTheBarInColour(@TempDir Path folder) {
        Result build = new Cli(folder).onTerminal(Map.of(), "build");

        assertThat(build.code()).isZero();
        assertThat(build.err()).contains("\u001B[32m#", "70/70").endsWith("\r\u001B[K");
        assertThat(build.out()).doesNotContain("\u001B");
    }

    @Test
    void noColorIsRespected(@TempDir Path folder) {
        assertThat(new Cli(folder).onTerminal(Map.of("NO_COLOR", "1"), "build").err())
                .contains("[####", "70/70")
                .doesNotContain("\u001B[32m");
    }

    @Test
    void aDumbTerminalGetsLines() {
        assertThat(Terminal.isTerminal(Map.of("TERM", "dumb"))).isFalse();
    }
}
