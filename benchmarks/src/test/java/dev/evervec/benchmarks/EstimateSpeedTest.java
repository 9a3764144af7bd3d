package dev.evervec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EstimateSpeedTest {
    /** Says nothing about time: only that what is measured runs. */
    @Test
    void everyTextIsCounted(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("records.jsonl");
        EstimateSpeed.write(file, 300, 100);

        assertThat(EstimateSpeed.measured(file, folder.resolve("embeddings.db"), 300, 100))
                .startsWith("300 records of 100 characters: ")
                .containsPattern("; [1-9],\\d{3} tokens, standard error 0");
    }
}
