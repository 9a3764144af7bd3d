package dev.evervec.benchmarks.rivals;

import dev.evervec.benchmarks.contest.PooledContender;
import dev.evervec.benchmarks.contest.Task;
import java.util.List;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.openai.OpenAiEmbeddingModel;
import org.springframework.ai.openai.OpenAiEmbeddingOptions;

/** Spring AI without Boot, called from a pool; its model gives {@code float[]}. */
public final class SpringAi extends PooledContender {
    private final EmbeddingModel model;

    /** One for the task. */
    public SpringAi(Task task) {
        super(task);
        this.model = OpenAiEmbeddingModel.builder()
                .options(OpenAiEmbeddingOptions.builder()
                        .baseUrl(task.baseUrl())
                        .apiKey("none")
                        .model("text-embedding-3-small")
                        .build())
                .build();
    }

    @Override
    protected int embed(List<String> batch) {
        return model.embed(batch).size();
    }
}
