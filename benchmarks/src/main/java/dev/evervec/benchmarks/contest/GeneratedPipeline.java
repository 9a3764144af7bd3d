package dev.evervec.benchmarks.contest;

import dev.evervec.pipeline.source.RecordSource;
import java.io.IOException;

/** The whole pipeline with records that are made while it reads them, so that no file is in its way. */
public final class GeneratedPipeline extends WholePipeline {
    private final int characters;

    /** One for the task. */
    public GeneratedPipeline(Task task) throws IOException {
        super(task);
        this.characters = task.characters();
    }

    @Override
    RecordSource source(int texts) {
        return new GeneratedSource(texts, characters);
    }
}
