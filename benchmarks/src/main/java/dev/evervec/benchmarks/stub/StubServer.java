package dev.evervec.benchmarks.stub;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * An embeddings service on 127.0.0.1 that costs next to nothing itself. It speaks OpenAI's form at {@code /v1/embeddings} and
 * {@code /v1/chat/completions} and Gemini's at {@code /v1beta/models/MODEL:batchEmbedContents}; what it is like, say
 * {@link StubSettings}, which {@code POST /control?name=value} changes while it runs, but for {@code port}, {@code life},
 * {@code dimension} and {@code window}. {@code GET /stats} tells what it was asked for, and {@code POST /control?reset=true}
 * lets it count anew.
 *
 * <p>Each connection has a thread, as a real service has more of everything than a client can ask for. Thread-safe.
 */
public final class StubServer implements AutoCloseable {
    private static final int NO_LIMIT = 1_000_000;
    private static final String REWRITE =
            "{\"id\":\"stub\",\"object\":\"chat.completion\",\"created\":0,\"model\":\"stub\",\"choices\":[{\"index\":0,"
                    + "\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":\"What the text says, in short.\"}}],"
                    + "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":8,\"total_tokens\":108}}";

    private final ServerSocketChannel server;
    private final Set<SocketChannel> clients = ConcurrentHashMap.newKeySet();
    private final Map<Vectors.Form, Vectors> vectors = new EnumMap<>(Vectors.Form.class);
    private final StubQuota quota;
    private final StubStats stats = new StubStats(System.nanoTime());
    private volatile StubSettings settings;
    private volatile Semaphore slots;

    private StubServer(ServerSocketChannel server, StubSettings settings) {
        this.server = server;
        this.settings = settings;
        this.quota = new StubQuota(settings, System.nanoTime());
        this.slots = slots(settings);
        for (Vectors.Form form : Vectors.Form.values()) {
            vectors.put(form, new Vectors(form, settings.number("dimension")));
        }
    }

    /** Arguments: those of {@link StubSettings}, as {@code --name=value}. Its first line is the port. Ends with its parent. */
    public static void main(String[] args) throws IOException {
        StubSettings settings = StubSettings.ofArguments(args);
        ProcessHandle parent = ProcessHandle.current().parent().orElseThrow();
        System.out.println(start(settings).port());
        parent.onExit()
                .completeOnTimeout(parent, settings.number("life"), TimeUnit.SECONDS)
                .join();
        System.exit(0);
    }

    /** A server in this process, with settings as {@link StubProcess} takes them. */
    public static StubServer start(Map<String, String> settings) throws IOException {
        return start(StubSettings.of(settings));
    }

    private static StubServer start(StubSettings settings) throws IOException {
        ServerSocketChannel channel = ServerSocketChannel.open();
        channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), settings.number("port")), 1024);
        StubServer server = new StubServer(channel, settings);
        thread("stub-accept", server::accept);
        return server;
    }

    public int port() {
        return server.socket().getLocalPort();
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel client = server.accept();
                clients.add(client);
                stats.connected();
                thread("stub-connection", () -> serve(client));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void serve(SocketChannel client) {
        try (client) {
            client.setOption(StandardSocketOptions.TCP_NODELAY, true);
            Wire wire = new Wire(client);
            for (Wire.RequestLine request = wire.read(); request != null; request = wire.read()) {
                answer(request, wire);
            }
        } catch (IOException e) {
            // The client is gone, which is its own affair.
        } finally {
            clients.remove(client);
        }
    }

    private void answer(Wire.RequestLine request, Wire wire) throws IOException {
        String path = request.target().split("\\?", 2)[0];
        if (path.endsWith("/embeddings")) {
            embeddings(wire, false);
        } else if (path.endsWith(":batchEmbedContents")) {
            embeddings(wire, true);
        } else if (path.endsWith("/chat/completions")) {
            park(System.nanoTime() + settings.millisInNanos("rewrite-latency"));
            whole(wire, "200 OK", "", REWRITE);
        } else if (path.equals("/stats")) {
            whole(wire, "200 OK", "", stats.told());
        } else if (path.equals("/control")) {
            control(wire, request.target());
        } else {
            whole(wire, "404 Not Found", "", "{\"error\":{\"message\":\"no such path\"}}");
        }
    }

    // ---- embeddings ----

    private void embeddings(Wire wire, boolean gemini) throws IOException {
        long arrived = System.nanoTime();
        StubSettings now = settings;
        RequestScan scan = RequestScan.of(wire.body(), wire.bodyLength());
        long tokens = Math.max(scan.texts(), scan.bytes() / now.number("bytes-per-token"));
        long units = now.countsTexts() ? scan.texts() : 1;
        StubQuota.Verdict verdict = quota.ask(units, tokens, arrived);
        if (verdict.refused()) {
            stats.refused(arrived);
            refuse(wire, verdict, gemini);
            return;
        }
        stats.begun(units, scan.texts(), tokens, arrived);
        work(now, scan.texts());
        park(System.nanoTime() + now.millisInNanos("latency"));
        stats.answered(System.nanoTime() - arrived);
        ByteBuffer tail = Wire.ascii(
                gemini
                        ? "]}"
                        : "],\"model\":\"stub\",\"usage\":{\"prompt_tokens\":" + tokens + ",\"total_tokens\":" + tokens
                                + "}}");
        Vectors.Form form = form(gemini, scan.base64());
        ByteBuffer entries = of(form).ofTexts(scan.texts());
        ByteBuffer opening = form.opening();
        int length = opening.remaining() + entries.remaining() + tail.remaining();
        wire.write(head("200 OK", quotaHeaders(), length), opening, entries, tail);
    }

    private void work(StubSettings now, int texts) {
        long nanos = now.workNanos(texts);
        if (nanos == 0) {
            return;
        }
        Semaphore slot = slots;
        slot.acquireUninterruptibly();
        try {
            park(System.nanoTime() + nanos);
        } finally {
            slot.release();
        }
    }

    private static Vectors.Form form(boolean gemini, boolean base64) {
        if (gemini) {
            return Vectors.Form.GEMINI;
        }
        return base64 ? Vectors.Form.OPENAI_BASE64 : Vectors.Form.OPENAI_FLOATS;
    }

    private Vectors of(Vectors.Form form) {
        Vectors all = vectors.get(form);
        if (all == null) {
            throw new IllegalStateException("no vectors as " + form);
        }
        return all;
    }

    private void refuse(Wire wire, StubQuota.Verdict verdict, boolean gemini) throws IOException {
        boolean tells = settings.isSet("retry-after");
        long millis = (verdict.waitNanos() + 999_999) / 1_000_000;
        if (gemini) {
            String retryInfo =
                    ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"%d.%03ds\"}]"
                            .formatted(millis / 1_000, millis % 1_000);
            whole(
                    wire,
                    "429 Too Many Requests",
                    "",
                    "{\"error\":{\"code\":429,\"message\":\"Resource has been exhausted (e.g. check quota).\",\"status\":"
                            + "\"RESOURCE_EXHAUSTED\"" + (tells ? retryInfo : "") + "}}");
            return;
        }
        String retryAfter = "retry-after-ms: " + millis + "\r\nretry-after: " + (millis + 999) / 1_000 + "\r\n";
        whole(
                wire,
                "429 Too Many Requests",
                quotaHeaders() + (tells ? retryAfter : ""),
                "{\"error\":{\"message\":\"Rate limit reached\",\"type\":\""
                        + (verdict.byTokens() ? "tokens" : "requests")
                        + "\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}");
    }

    private String quotaHeaders() {
        return settings.isSet("headers") ? quota.headers(System.nanoTime()) : "";
    }

    // ---- control ----

    private void control(Wire wire, String target) throws IOException {
        try {
            Map<String, String> given = parameters(target);
            if (given.remove("reset") != null) {
                stats.reset(System.nanoTime());
            }
            change(given);
            whole(wire, "200 OK", "", "");
        } catch (IllegalArgumentException e) {
            whole(wire, "400 Bad Request", "", "not understood");
        }
    }

    private synchronized void change(Map<String, String> given) {
        StubSettings changed = settings.with(given);
        if (given.containsKey("slots")) {
            slots = slots(changed);
        }
        quota.change(changed);
        settings = changed;
    }

    private static Map<String, String> parameters(String target) {
        Map<String, String> given = new HashMap<>();
        String[] parts = target.split("\\?", 2);
        for (String pair : parts.length > 1 ? parts[1].split("&", -1) : new String[0]) {
            String[] nameAndValue = pair.split("=", 2);
            given.put(
                    nameAndValue[0], URLDecoder.decode(nameAndValue[nameAndValue.length - 1], StandardCharsets.UTF_8));
        }
        return given;
    }

    private static Semaphore slots(StubSettings settings) {
        int count = settings.number("slots");
        return new Semaphore(count == 0 ? NO_LIMIT : count, true);
    }

    // ---- answers ----

    private static void whole(Wire wire, String status, String headers, String body) throws IOException {
        ByteBuffer bytes = Wire.ascii(body);
        wire.write(head(status, headers, bytes.remaining()), bytes);
    }

    private static ByteBuffer head(String status, String headers, int length) {
        return Wire.ascii("HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n" + headers + "Content-Length: "
                + length + "\r\n\r\n");
    }

    private static void park(long until) {
        for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private static void thread(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (SocketChannel client : clients) {
            client.close();
        }
    }
}
