package dev.evervec.provider.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.provider.LLMProvider;
import dev.evervec.testkit.LLMProviderContract;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract of all providers, against a server on this machine that answers in any order. */
final class OpenAiProviderContractTest extends LLMProviderContract {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static RawServer server;

    @BeforeAll
    static void start() {
        server = new RawServer(OpenAiProviderContractTest::answer);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Override
    protected LLMProvider embedder() {
        return new OpenAiProviderFactory()
                .create(Fixtures.embedding(server.url()).dimension(8).build());
    }

    @Override
    protected LLMProvider rewriter() {
        return new OpenAiProviderFactory()
                .create(Fixtures.rewriting(server.url()).build());
    }

    @Override
    protected String apiKey() {
        return Fixtures.KEY;
    }

    @Override
    protected double tolerance() {
        return 1e-6;
    }

    @Override
    protected int maxTextsToSend() {
        return OpenAiProfile.MAX_TEXTS;
    }

    private static RawServer.Reply answer(RawServer.Request request) {
        try {
            JsonNode body = JSON.readTree(request.body());
            return request.requestLine().contains("/embeddings ") ? vectors(body.get("input")) : text();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RawServer.Reply vectors(JsonNode texts) {
        List<String> entries = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            String base64 = Fixtures.base64(vectorOf(texts.get(i).asText()));
            entries.add(Fixtures.entry(i, "\"" + base64 + "\""));
        }
        Collections.shuffle(entries, new Random(entries.size()));
        return RawServer.Reply.json(200, Fixtures.answer(entries.toArray(String[]::new)));
    }

    private static float[] vectorOf(String text) {
        Random random = new Random(text.hashCode());
        float[] components = new float[8];
        for (int i = 0; i < components.length; i++) {
            components[i] = (float) random.nextGaussian();
        }
        return components;
    }

    private static RawServer.Reply text() {
        return RawServer.Reply.json(
                200, "{\"choices\":[{\"message\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\"}]}");
    }
}
