package dev.evervec.benchmarks.contest;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.models.embeddings.Embedding;
import com.openai.models.embeddings.EmbeddingCreateParams;
import java.io.IOException;
import java.util.List;

/** OpenAI's SDK as its documentation shows it. */
public final class RawSdk extends PooledContender {
    private final OpenAIClient client;

    /** One for the task. */
    public RawSdk(Task task) {
        super(task);
        this.client = OpenAIOkHttpClient.builder()
                .apiKey("none")
                .baseUrl(task.baseUrl())
                .build();
    }

    @Override
    protected int embed(List<String> batch) {
        EmbeddingCreateParams params = EmbeddingCreateParams.builder()
                .model(OwnProvider.MODEL)
                .inputOfArrayOfStrings(batch)
                .build();
        return client.embeddings().create(params).data().stream()
                .map(RawSdk::components)
                .toArray(float[][]::new)
                .length;
    }

    private static float[] components(Embedding embedding) {
        List<Float> numbers = embedding.embedding();
        float[] components = new float[numbers.size()];
        for (int i = 0; i < components.length; i++) {
            components[i] = numbers.get(i);
        }
        return components;
    }

    @Override
    public void close() throws IOException {
        super.close();
        client.close();
    }
}
