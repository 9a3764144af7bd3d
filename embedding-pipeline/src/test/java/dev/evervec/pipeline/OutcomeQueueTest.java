package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutcomeQueueTest {
    private static RecordOutcome outcome(int number) {
        Reason[] reasons = Reason.values();
        String detail = number % 1000 == 0 ? "ä€😀".repeat(20_000) : "detail " + number + " \uD800";
        return new RecordOutcome(
                new RecordKey("source-" + number % 3, "id-" + number), reasons[number % reasons.length], detail);
    }

    private static List<RecordOutcome> outcomes(int from, int count) {
        return IntStream.range(from, from + count)
                .mapToObj(OutcomeQueueTest::outcome)
                .toList();
    }

    private static List<RecordOutcome> takeAll(OutcomeQueue queue) {
        List<RecordOutcome> all = new ArrayList<>();
        while (!queue.isEmpty()) {
            all.addAll(queue.take());
        }
        return all;
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void whateverIsTakenWhenItComesInTheOrderInWhichItWasAdded(long seed) {
        Random random = new Random(seed);
        Deque<RecordOutcome> expected = new ArrayDeque<>();
        int added = 0;
        try (OutcomeQueue queue = new OutcomeQueue()) {
            for (int step = 0; step < 60; step++) {
                if (random.nextInt(3) > 0) {
                    List<RecordOutcome> some = outcomes(added, random.nextInt(3000));
                    added += some.size();
                    expected.addAll(some);
                    queue.add(some);
                } else {
                    queue.take().forEach(taken -> assertThat(taken).isEqualTo(expected.poll()));
                }
            }

            assertThat(takeAll(queue)).containsExactlyElementsOf(expected);
            assertThat(queue.lost()).isZero();
        }
    }

    @Test
    void aHandfulNeedsNoDisk() {
        try (OutcomeQueue queue = new OutcomeQueue(() -> {
            throw new IOException("not to be used");
        })) {
            queue.add(outcomes(0, OutcomeQueue.IN_MEMORY));

            assertThat(takeAll(queue)).containsExactlyElementsOf(outcomes(0, OutcomeQueue.IN_MEMORY));
            assertThat(queue.isEmpty()).isTrue();
        }
    }

    @Test
    void aDiskThatCannotBeUsedCostsOnlyWhatDoesNotFitIntoMemory() {
        try (OutcomeQueue queue = new OutcomeQueue(() -> {
            throw new IOException("disk full");
        })) {
            queue.add(outcomes(0, OutcomeQueue.IN_MEMORY + 10));
            List<RecordOutcome> first = takeAll(queue);
            queue.add(outcomes(5000, 3));

            assertThat(first).hasSize(OutcomeQueue.IN_MEMORY);
            assertThat(queue.lost()).isEqualTo(10);
            assertThat(takeAll(queue)).containsExactlyElementsOf(outcomes(5000, 3));
        }
    }

    @Test
    void aFileThatWasCutShortCostsNoMoreThanWhatWasInIt(@TempDir Path folder) throws Exception {
        // On a file system that lets an open file keep its name, another program may truncate it.
        Path file = Files.createFile(folder.resolve("outcomes"));
        Path hardLink = folder.resolve("link");
        Files.createLink(hardLink, file);
        try (OutcomeQueue queue = new OutcomeQueue(() -> file)) {
            queue.add(outcomes(0, OutcomeQueue.IN_MEMORY + 10));
            Files.writeString(hardLink, "");

            assertThat(takeAll(queue)).hasSize(OutcomeQueue.IN_MEMORY);
            assertThat(queue.lost()).isEqualTo(10);
        }
    }

    @Test
    void nothingIsLeftOnDisk(@TempDir Path folder) throws Exception {
        try (OutcomeQueue queue = new OutcomeQueue(() -> Files.createTempFile(folder, "", ""))) {
            queue.add(outcomes(0, 2 * OutcomeQueue.IN_MEMORY));
            takeAll(queue);
            queue.add(outcomes(0, 2 * OutcomeQueue.IN_MEMORY));
        }

        assertThat(folder).isEmptyDirectory();
    }
}
