package dev.evervec.provider.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.Secret;
import dev.evervec.testkit.LLMProviderContract;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The contract of every provider, against a server on 127.0.0.1 whose vectors depend on the texts alone. */
class GeminiContractTest extends LLMProviderContract {
    private static final String KEY = "contract-key-4711";
    private static final ObjectMapper JSON = new ObjectMapper();

    // Daemons: the contract looks for threads that are none.
    private final ExecutorService workers = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "contract-server");
        thread.setDaemon(true);
        return thread;
    });
    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0);
        server.setExecutor(workers);
        server.createContext("/v1beta/models/gemini-embedding-001:batchEmbedContents", this::embed);
        server.createContext("/v1beta/models/gemini-2.0-flash:generateContent", this::generate);
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
        workers.shutdownNow();
    }

    @Override
    protected LLMProvider embedder() {
        return provider(Capability.EMBEDDING, "gemini-embedding-001");
    }

    @Override
    protected LLMProvider rewriter() {
        return provider(Capability.REWRITE, "gemini-2.0-flash");
    }

    @Override
    protected String apiKey() {
        return KEY;
    }

    @Override
    protected double tolerance() {
        return 1e-6;
    }

    private LLMProvider provider(Capability capability, String model) {
        return new GeminiProviderFactory()
                .create(ProviderSettings.builder(capability, "gemini", model)
                        .apiKey(Secret.of(KEY))
                        .baseUrl("http://127.0.0.1:" + server.getAddress().getPort())
                        .dimension(64)
                        .taskType("RETRIEVAL_DOCUMENT")
                        .queryTaskType("RETRIEVAL_QUERY")
                        .build());
    }

    private void embed(HttpExchange exchange) throws IOException {
        ObjectNode answer = JSON.createObjectNode();
        ArrayNode embeddings = answer.putArray("embeddings");
        for (JsonNode request : JSON.readTree(exchange.getRequestBody()).get("requests")) {
            Random random =
                    new Random(request.at("/content/parts/0/text").asText().hashCode());
            ArrayNode values = embeddings.addObject().putArray("values");
            for (int i = request.get("outputDimensionality").asInt(); i > 0; i--) {
                values.add(random.nextGaussian());
            }
        }
        send(exchange, answer);
    }

    private void generate(HttpExchange exchange) throws IOException {
        JsonNode prompt = JSON.readTree(exchange.getRequestBody()).at("/contents/0/parts/0/text");
        ObjectNode answer = JSON.createObjectNode();
        ObjectNode candidate = answer.putArray("candidates").addObject();
        candidate.put("finishReason", "STOP");
        candidate
                .putObject("content")
                .putArray("parts")
                .addObject()
                .put("text", "Short: " + prompt.asText().length());
        send(exchange, answer);
    }

    private static void send(HttpExchange exchange, JsonNode answer) throws IOException {
        byte[] body = JSON.writeValueAsBytes(answer);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
