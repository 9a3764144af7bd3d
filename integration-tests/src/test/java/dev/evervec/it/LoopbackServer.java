package dev.evervec.it;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.provider.Embedding;
import dev.evervec.testkit.ScriptedProvider;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Both vendors' services on one port of 127.0.0.1, as far as builds use them: OpenAI's embeddings (base64 or numbers, as
 * asked) and chat completions, Gemini's batchEmbedContents and generateContent.
 *
 * <p>OpenAI's answers are billed by the {@link ReferenceTokenizer}, and chat answers cut off at the limit that is asked for.
 *
 * <p>The vector of a text is {@link ScriptedProvider#vectorOf(String, String, int)}, the answer to a prompt
 * {@link ScriptedProvider#rewriteOf}: whoever knows model, text and dimension can say what must have been stored. A
 * {@link Script} decides what goes wrong. HTTP is done by hand on plain sockets, for resets and for a small heap. Each
 * connection has a daemon thread; {@link #close()} ends them all.
 */
final class LoopbackServer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern GEMINI =
            Pattern.compile("/v1beta/models/([^/:]+):(batchEmbedContents|generateContent)");
    private static final Pattern CONTENT_LENGTH = Pattern.compile("\\d{1,9}");
    private static final int OPENAI_DIMENSION = 1_536;
    private static final int GEMINI_DIMENSION = 3_072;

    /** What may go wrong with a request. */
    enum Fault {
        NONE,
        /** 429 that asks for a wait of no time. */
        TOO_MANY_REQUESTS,
        /** 500. */
        SERVER_ERROR,
        /** 400 that blames no text by name. */
        BAD_REQUEST,
        /** The connection is reset instead of an answer. */
        RESET,
        /** The right vectors, the last first, each with its index; Gemini's have none and come as they should. */
        SHUFFLED
    }

    /** Decides about each request. Called by many threads. */
    @FunctionalInterface
    interface Script {
        /**
         * The fault for this request.
         *
         * @param number counts requests from 1, in the order of arrival
         * @param texts the texts to be embedded, or the prompt
         */
        Fault faultOf(long number, List<String> texts);

        /**
         * What is sent byte by byte in place of an answer; null, as it is unless overridden, lets {@link #faultOf} decide.
         *
         * @param body makes the body of the right answer
         */
        default @Nullable Wire wireOf(long number, List<String> texts, Supplier<byte[]> body) {
            return null;
        }
    }

    /**
     * What goes over the wire, head and body, and what becomes of the connection then.
     *
     * @param bytes right or wrong, HTTP or not
     * @param end the connection's
     */
    record Wire(byte[] bytes, End end) {}

    /** What becomes of a connection. */
    enum End {
        KEEP,
        CLOSE,
        RESET,
        /** Nothing more is sent until the client leaves. */
        SILENCE,
        /** A blank from time to time until the client leaves. */
        TRICKLE
    }

    private static final int TRICKLE_MILLIS = 50;

    /**
     * A request as it came.
     *
     * @param target path and query
     * @param headers by name in lower case
     * @param body as text
     * @param texts the texts to be embedded, or the prompt
     */
    record Received(String target, Map<String, String> headers, String body, List<String> texts) {}

    private final ServerSocket socket;
    private final Script script;
    private final boolean recording;
    private final ExecutorService threads;
    private final Set<Socket> connections = ConcurrentHashMap.newKeySet();
    private final List<Received> received = Collections.synchronizedList(new ArrayList<>());
    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong texts = new AtomicLong();
    private final Map<Fault, AtomicLong> faults = new ConcurrentHashMap<>();

    private LoopbackServer(Script script, boolean recording) throws IOException {
        this.socket = new ServerSocket(0, 100, InetAddress.getByName("127.0.0.1"));
        this.script = script;
        this.recording = recording;
        AtomicInteger number = new AtomicInteger();
        this.threads = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "loopback-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /** A server without faults that keeps what it received. */
    static LoopbackServer start() {
        return start((number, texts) -> Fault.NONE);
    }

    /** A server with faults that keeps what it received. */
    static LoopbackServer start(Script script) {
        return start(script, true);
    }

    private static LoopbackServer start(Script script, boolean recording) {
        try {
            LoopbackServer server = new LoopbackServer(script, recording);
            server.threads.execute(server::accept);
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException("no server can be opened on 127.0.0.1", e);
        }
    }

    /**
     * A process of its own without faults: says its port on standard output, and at the end of its standard input how many
     * requests and texts it answered. So it never outlives the process that started it.
     */
    public static void main(String[] args) throws IOException {
        try (LoopbackServer server = start((number, texts) -> Fault.NONE, false)) {
            System.out.println(server.socket.getLocalPort());
            while (System.in.read() >= 0) {
                // Waits for the end of the input.
            }
            System.out.println(server.requests() + " " + server.texts.get());
        }
    }

    /** The address without a path: Gemini's base URL. */
    String url() {
        return "http://127.0.0.1:" + socket.getLocalPort();
    }

    /** OpenAI's base URL. */
    String openAiUrl() {
        return url() + "/v1";
    }

    /** How many requests came so far. */
    long requests() {
        return requests.get();
    }

    /** Every request so far, in the order of arrival. */
    List<Received> received() {
        synchronized (received) {
            return List.copyOf(received);
        }
    }

    /** How often this fault has happened. */
    long faults(Fault fault) {
        AtomicLong count = faults.get(fault);
        return count == null ? 0 : count.get();
    }

    /** The vector that a build stores for the text when OpenAI embeds it. */
    static Embedding openAiVector(String model, String text, int dimension) {
        return ScriptedProvider.vectorOf(model, text, dimension);
    }

    /**
     * The vector that a build stores for the text when Gemini embeds it: {@code gemini-embedding-001} comes unnormalised
     * below its full size, so the adapter brings it to length 1 once more.
     */
    static Embedding geminiVector(String model, String text, int dimension) {
        return ScriptedProvider.vectorOf(model, text, dimension).normalized();
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket connection = socket.accept();
                connection.setTcpNoDelay(true);
                connections.add(connection);
                threads.execute(() -> serve(connection));
            } catch (IOException e) {
                if (!socket.isClosed()) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            InputStream in = new BufferedInputStream(connection.getInputStream(), 1 << 16);
            OutputStream out = connection.getOutputStream();
            Reply reply = new Reply();
            for (Request request = Request.read(in); request != null; request = Request.read(in)) {
                End end = answer(request, reply);
                reply.sendTo(out);
                if (end != End.KEEP) {
                    finish(connection, end);
                    return;
                }
            }
        } catch (IOException e) {
            // The client has gone, or this server is being closed.
        } finally {
            connections.remove(connection);
        }
    }

    private static void finish(Socket connection, End end) throws IOException {
        if (end == End.RESET) {
            connection.setSoLinger(true, 0);
        } else if (end == End.SILENCE) {
            connection.getInputStream().read();
        } else if (end == End.TRICKLE) {
            trickle(connection);
        }
    }

    /** Until the client closes the connection, which ends the waiting at once. */
    private static void trickle(Socket connection) throws IOException {
        connection.setSoTimeout(TRICKLE_MILLIS);
        for (int read = 0; read >= 0; ) {
            try {
                read = connection.getInputStream().read();
            } catch (SocketTimeoutException stillThere) {
                connection.getOutputStream().write(' ');
            }
        }
    }

    /** Fills the reply and says what becomes of the connection after it. */
    private End answer(Request request, Reply reply) throws IOException {
        JsonNode body = JSON.readTree(request.body());
        Matcher gemini = GEMINI.matcher(request.path());
        Task task;
        if (request.path().equals("/v1/embeddings")) {
            task = new OpenAiEmbedding(body);
        } else if (request.path().equals("/v1/chat/completions")) {
            task = new OpenAiChat(body);
        } else if (gemini.matches()) {
            String model = gemini.group(1);
            task = gemini.group(2).equals("generateContent")
                    ? new GeminiGeneration(body)
                    : new GeminiEmbedding(model, body);
        } else {
            reply.begin(404, "").text("{}");
            return End.KEEP;
        }
        List<String> sent = task.texts();
        if (recording) {
            received.add(new Received(
                    request.target(), request.headers(), new String(request.body(), StandardCharsets.UTF_8), sent));
        }
        texts.addAndGet(sent.size());
        long number = requests.incrementAndGet();
        Wire wire = script.wireOf(number, sent, () -> {
            task.answer(reply.begin(200, ""), Fault.NONE);
            return reply.body.toByteArray();
        });
        if (wire != null) {
            reply.raw = wire.bytes();
            return wire.end();
        }
        Fault fault = script.faultOf(number, sent);
        faults.computeIfAbsent(fault, any -> new AtomicLong()).incrementAndGet();
        switch (fault) {
            case RESET -> {
                reply.raw = new byte[0];
                return End.RESET;
            }
            case TOO_MANY_REQUESTS ->
                reply.begin(429, "Retry-After: 0\r\n").text(error(429, "RESOURCE_EXHAUSTED", "slow down"));
            case SERVER_ERROR -> reply.begin(500, "").text(error(500, "INTERNAL", "no luck today"));
            case BAD_REQUEST -> reply.begin(400, "").text(error(400, "INVALID_ARGUMENT", "one of the inputs is bad"));
            case NONE, SHUFFLED -> task.answer(reply.begin(200, ""), fault);
        }
        return End.KEEP;
    }

    /** In the shape of either vendor, which differ in fields that the other one lacks. */
    private static String error(int code, String status, String message) {
        return "{\"error\":{\"code\":" + code + ",\"status\":\"" + status + "\",\"type\":\""
                + status.toLowerCase(Locale.ROOT) + "\",\"message\":\"" + message + "\"}}";
    }

    @Override
    public void close() {
        try {
            socket.close();
            for (Socket connection : connections) {
                connection.close();
            }
            threads.shutdown();
            threads.awaitTermination(10, TimeUnit.SECONDS);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- what is asked ----

    private interface Task {
        List<String> texts();

        void answer(Reply reply, Fault fault);
    }

    private record OpenAiEmbedding(JsonNode body) implements Task {
        @Override
        public List<String> texts() {
            return strings(body.path("input"));
        }

        @Override
        public void answer(Reply reply, Fault fault) {
            String model = body.path("model").asText();
            int dimension = body.path("dimensions").asInt(OPENAI_DIMENSION);
            boolean base64 = body.path("encoding_format").asText().equals("base64");
            List<String> texts = texts();
            reply.text("{\"object\":\"list\",\"data\":[");
            for (int i = 0; i < texts.size(); i++) {
                int at = fault == Fault.SHUFFLED ? texts.size() - 1 - i : i;
                Embedding vector = ScriptedProvider.vectorOf(model, texts.get(at), dimension);
                reply.text(i == 0 ? "" : ",").text("{\"object\":\"embedding\",\"index\":" + at + ",\"embedding\":");
                if (base64) {
                    reply.text("\"")
                            .bytes(Base64.getEncoder().encode(vector.toLittleEndian()))
                            .text("\"");
                } else {
                    reply.numbers(vector);
                }
                reply.text("}");
            }
            int tokens =
                    texts.stream().mapToInt(ReferenceTokenizer.CL100K::count).sum();
            reply.text("],\"model\":\"" + model + "\",\"usage\":{\"prompt_tokens\":" + tokens + ",\"total_tokens\":"
                    + tokens + "}}");
        }
    }

    private record OpenAiChat(JsonNode body) implements Task {
        @Override
        public List<String> texts() {
            return strings(body.at("/messages/0/content"));
        }

        @Override
        public void answer(Reply reply, Fault fault) {
            String prompt = texts().get(0);
            String rewrite = ScriptedProvider.rewriteOf(prompt);
            int written = ReferenceTokenizer.O200K.count(rewrite);
            int most = body.path("max_completion_tokens")
                    .asInt(body.path("max_tokens").asInt(written));
            boolean cut = written > most;
            int prompted = ReferenceTokenizer.ofPrompt(prompt);
            reply.text(
                            "{\"id\":\"1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
                                    + "\"finish_reason\":\"" + (cut ? "length" : "stop")
                                    + "\",\"message\":{\"role\":\"assistant\",\"content\":")
                    .json(cut ? rewrite.substring(0, rewrite.length() / 2) : rewrite)
                    .text("}}],\"usage\":{\"prompt_tokens\":" + prompted + ",\"completion_tokens\":"
                            + Math.min(written, most) + ",\"total_tokens\":" + (prompted + Math.min(written, most))
                            + "}}");
        }
    }

    private record GeminiEmbedding(String model, JsonNode body) implements Task {
        @Override
        public List<String> texts() {
            List<String> texts = new ArrayList<>();
            body.path("requests")
                    .forEach(one -> texts.add(one.at("/content/parts/0/text").asText()));
            return texts;
        }

        @Override
        public void answer(Reply reply, Fault fault) {
            int dimension = body.at("/requests/0/outputDimensionality").asInt(GEMINI_DIMENSION);
            reply.text("{\"embeddings\":[");
            String separator = "";
            for (String text : texts()) {
                reply.text(separator)
                        .text("{\"values\":")
                        .numbers(ScriptedProvider.vectorOf(model, text, dimension))
                        .text("}");
                separator = ",";
            }
            reply.text("]}");
        }
    }

    private record GeminiGeneration(JsonNode body) implements Task {
        @Override
        public List<String> texts() {
            return List.of(body.at("/contents/0/parts/0/text").asText());
        }

        @Override
        public void answer(Reply reply, Fault fault) {
            reply.text(
                            "{\"candidates\":[{\"finishReason\":\"STOP\",\"content\":{\"role\":\"model\",\"parts\":[{\"text\":")
                    .json(ScriptedProvider.rewriteOf(texts().get(0)))
                    .text("}]}}],\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":1,"
                            + "\"totalTokenCount\":2}}");
        }
    }

    private static List<String> strings(JsonNode node) {
        if (node.isTextual()) {
            return List.of(node.asText());
        }
        List<String> strings = new ArrayList<>(node.size());
        node.forEach(one ->
                strings.add(one.isTextual() ? one.asText() : one.path("text").asText()));
        return strings;
    }

    // ---- HTTP ----

    private record Request(String target, Map<String, String> headers, byte[] body) {
        /** The next request, or null at the end of the connection. */
        static @Nullable Request read(InputStream in) throws IOException {
            String start = line(in);
            if (start == null) {
                return null;
            }
            Map<String, String> headers = new TreeMap<>();
            for (String line = line(in); line != null && !line.isEmpty(); line = line(in)) {
                int colon = line.indexOf(':');
                headers.put(
                        line.substring(0, colon).toLowerCase(Locale.ROOT),
                        line.substring(colon + 1).strip());
            }
            return new Request(start.split(" ")[1], headers, body(in, headers));
        }

        private static byte[] body(InputStream in, Map<String, String> headers) throws IOException {
            String length = headers.getOrDefault("content-length", "");
            if (CONTENT_LENGTH.matcher(length).matches()) {
                return in.readNBytes(Integer.parseInt(length));
            }
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            if (headers.getOrDefault("transfer-encoding", "").equals("chunked")) {
                int size;
                do {
                    String head = line(in);
                    if (head == null) {
                        throw new EOFException("in a chunked body");
                    }
                    size = Integer.parseInt(head, 16);
                    body.write(in.readNBytes(size));
                    line(in);
                } while (size > 0);
            }
            return body.toByteArray();
        }

        private static @Nullable String line(InputStream in) throws IOException {
            StringBuilder line = new StringBuilder();
            int at = in.read();
            if (at < 0) {
                return null;
            }
            for (; at >= 0 && at != '\n'; at = in.read()) {
                if (at != '\r') {
                    line.append((char) at);
                }
            }
            return line.toString();
        }

        String path() {
            int query = target.indexOf('?');
            return query < 0 ? target : target.substring(0, query);
        }
    }

    /** One answer at a time, in a buffer that is used again. */
    private static final class Reply {
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();
        private String head = "";
        private byte @Nullable [] raw;

        Reply begin(int status, String headers) {
            body.reset();
            raw = null;
            head = "HTTP/1.1 " + status + " -\r\nContent-Type: application/json\r\n" + headers;
            return this;
        }

        Reply text(String ascii) {
            return bytes(ascii.getBytes(StandardCharsets.US_ASCII));
        }

        Reply json(String string) {
            return text("\"")
                    .bytes(JsonStringEncoder.getInstance().quoteAsUTF8(string))
                    .text("\"");
        }

        Reply bytes(byte[] bytes) {
            body.writeBytes(bytes);
            return this;
        }

        Reply numbers(Embedding vector) {
            StringBuilder numbers = new StringBuilder(vector.dimension() * 14).append('[');
            for (int i = 0; i < vector.dimension(); i++) {
                numbers.append(i == 0 ? "" : ",").append(vector.get(i));
            }
            return text(numbers.append(']').toString());
        }

        void sendTo(OutputStream out) throws IOException {
            if (raw != null) {
                out.write(raw);
                out.flush();
                return;
            }
            out.write((head + "Content-Length: " + body.size() + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            body.writeTo(out);
            out.flush();
        }
    }
}
