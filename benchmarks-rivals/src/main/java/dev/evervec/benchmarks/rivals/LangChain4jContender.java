package dev.evervec.benchmarks.rivals;

import dev.evervec.benchmarks.contest.PooledContender;
import dev.evervec.benchmarks.contest.Task;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel.OpenAiEmbeddingModelBuilder;
import java.util.List;

/** LangChain4j, whose model gives {@code float[]}. */
abstract class LangChain4jContender extends PooledContender {
    private final EmbeddingModel model;

    LangChain4jContender(Task task, int threads, EmbeddingModel model) {
        super(task, threads);
        this.model = model;
    }

    /** As its documentation begins. */
    static OpenAiEmbeddingModelBuilder documented(Task task) {
        return OpenAiEmbeddingModel.builder()
                .baseUrl(task.baseUrl())
                .apiKey("none")
                .modelName("text-embedding-3-small");
    }

    @Override
    protected final int embed(List<String> batch) {
        List<TextSegment> segments = batch.stream().map(TextSegment::from).toList();
        return model.embedAll(segments).content().size();
    }
}
