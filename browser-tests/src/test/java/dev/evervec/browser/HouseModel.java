package dev.evervec.browser;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An OpenAI-compatible service on this machine. Tests hold its answers or take it down; it refuses texts that say so, and
 * keeps the texts whose vectors it gave. The vector is a function of the text. Thread-safe.
 */
final class HouseModel implements AutoCloseable {
    /** In a text: it gets no vector. */
    static final String UNEMBEDDABLE = "unembeddable";

    /** In a text: it is not rewritten. */
    static final String UNREWRITABLE = "unrewritable";

    static final int TOKENS_PER_TEXT = 1000;
    private static final int DIMENSION = 8;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpServer http;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Valve rewrites = new Valve();
    private final Valve embeddings = new Valve();
    private final AtomicInteger requests = new AtomicInteger();
    private final List<String> embedded = new ArrayList<>(); // guarded by this
    private volatile boolean tolerant;
    private volatile boolean down;

    private HouseModel(HttpServer http) {
        this.http = http;
    }

    static HouseModel start() {
        try {
            HttpServer http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            HouseModel model = new HouseModel(http);
            http.setExecutor(model.threads);
            http.createContext("/v1/embeddings", model.endpoint(model.embeddings, UNEMBEDDABLE, model::vectors));
            http.createContext("/v1/chat/completions", model.endpoint(model.rewrites, UNREWRITABLE, HouseModel::chat));
            http.start();
            return model;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String url() {
        return "http://127.0.0.1:" + http.getAddress().getPort() + "/v1";
    }

    int dimension() {
        return DIMENSION;
    }

    Valve rewrites() {
        return rewrites;
    }

    Valve embeddings() {
        return embeddings;
    }

    /** From now on no text is refused any more. */
    void refuseNothing() {
        tolerant = true;
    }

    /** From now on every request is answered with 503. */
    void goDown() {
        down = true;
    }

    void comeBack() {
        down = false;
    }

    /** The requests that came so far. */
    int requests() {
        return requests.get();
    }

    /** The texts whose vectors were given so far, in that order. */
    synchronized List<String> embedded() {
        return List.copyOf(embedded);
    }

    private interface Answer {
        JsonNode to(JsonNode request);
    }

    private HttpHandler endpoint(Valve valve, String refusedWord, Answer answer) {
        return exchange -> {
            try (exchange) {
                requests.incrementAndGet();
                JsonNode request = JSON.readTree(exchange.getRequestBody());
                if (down) {
                    send(exchange, 503, error("down for maintenance", "unavailable"));
                } else if (valve.pass()) {
                    boolean refused = !tolerant && request.toString().contains(refusedWord);
                    send(
                            exchange,
                            refused ? 400 : 200,
                            refused ? error("refused", "content_policy") : answer.to(request));
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
    }

    private static JsonNode error(String message, String code) {
        ObjectNode error = JSON.createObjectNode();
        error.putObject("error").put("message", message).put("code", code);
        return error;
    }

    /** An answer to a chat is its last message, made somewhat longer. */
    private static JsonNode chat(JsonNode request) {
        JsonNode messages = request.path("messages");
        String said = messages.path(messages.size() - 1).path("content").asText();
        ObjectNode answer = JSON.createObjectNode().put("object", "chat.completion");
        ObjectNode choice =
                answer.putArray("choices").addObject().put("index", 0).put("finish_reason", "stop");
        choice.putObject("message").put("role", "assistant").put("content", "rewritten: " + said);
        answer.putObject("usage")
                .put("prompt_tokens", TOKENS_PER_TEXT)
                .put("completion_tokens", TOKENS_PER_TEXT)
                .put("total_tokens", 2 * TOKENS_PER_TEXT);
        return answer;
    }

    private JsonNode vectors(JsonNode request) {
        List<String> texts = new ArrayList<>();
        request.path("input").forEach(text -> texts.add(text.asText()));
        ObjectNode answer = JSON.createObjectNode().put("object", "list").put("model", "house-model");
        ArrayNode data = answer.putArray("data");
        for (int i = 0; i < texts.size(); i++) {
            ArrayNode vector =
                    data.addObject().put("object", "embedding").put("index", i).putArray("embedding");
            for (int component = 0; component < DIMENSION; component++) {
                vector.add(1 + (texts.get(i).hashCode() >> component & 3));
            }
        }
        int tokens = TOKENS_PER_TEXT * texts.size();
        answer.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
        synchronized (this) {
            embedded.addAll(texts);
        }
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
        rewrites.open();
        embeddings.open();
        http.stop(0);
        threads.shutdownNow();
    }
}
