package dev.evervec.examples;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * An OpenAI-compatible service on this machine: a vector for every text, 10 tokens each, unless it is told to refuse texts
 * that contain a word. It keeps its texts for tests to look at.
 */
final class EmbeddingServer implements AutoCloseable {
    static final int TOKENS_PER_TEXT = 10;
    private static final int DIMENSION = 8;

    private final HttpServer server;
    private final List<String> embedded = new ArrayList<>(); // guarded by this
    private volatile String refusedWord = "\0";
    private volatile Runnable beforeEachAnswer = () -> {};

    private EmbeddingServer(HttpServer server) {
        this.server = server;
    }

    static EmbeddingServer start() {
        try {
            HttpServer http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            EmbeddingServer server = new EmbeddingServer(http);
            http.createContext("/", server::answer);
            http.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void refuse(String word) {
        refusedWord = word;
    }

    void refuseNothing() {
        refusedWord = "\0";
    }

    void beforeEachAnswer(Runnable action) {
        beforeEachAnswer = action;
    }

    /** The texts that were embedded so far. */
    synchronized List<String> embedded() {
        return List.copyOf(embedded);
    }

    /** A configuration for it over {@code records.jsonl}; the tables come after [llm.models.embedding]. */
    String config(String price, String tables) {
        return """
                [llm]
                provider = "openai"
                base_url = "http://127.0.0.1:%d/v1"

                [llm.models.embedding]
                name = "house-model"
                dim = %d
                %s

                [records]
                jsonl = "records.jsonl"

                [store]
                url = "jdbc:sqlite:embeddings.db"

                %s
                """.formatted(server.getAddress().getPort(), DIMENSION, price, tables);
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            JsonNode request = Cli.JSON.readTree(exchange.getRequestBody());
            List<String> texts = new ArrayList<>();
            request.path("input").forEach(text -> texts.add(text.asText()));
            beforeEachAnswer.run();
            if (texts.stream().anyMatch(text -> text.contains(refusedWord))) {
                send(exchange, 400, Cli.parse("{\"error\":{\"message\":\"refused\",\"code\":\"content_policy\"}}"));
            } else {
                keep(texts);
                send(exchange, 200, vectors(texts));
            }
        }
    }

    private synchronized void keep(List<String> texts) {
        embedded.addAll(texts);
    }

    private static JsonNode vectors(List<String> texts) {
        ObjectNode answer = Cli.JSON.createObjectNode().put("object", "list").put("model", "house-model");
        ArrayNode data = answer.putArray("data");
        for (int i = 0; i < texts.size(); i++) {
            ObjectNode vector = data.addObject().put("object", "embedding").put("index", i);
            ArrayNode components = vector.putArray("embedding");
            for (int j = 0; j < DIMENSION; j++) {
                components.add(1 + (texts.get(i).hashCode() >> j & 3));
            }
        }
        int tokens = TOKENS_PER_TEXT * texts.size();
        answer.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
        return answer;
    }

    private static void send(HttpExchange exchange, int status, JsonNode body) throws IOException {
        byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
