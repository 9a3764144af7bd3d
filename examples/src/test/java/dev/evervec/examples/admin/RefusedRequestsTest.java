package dev.evervec.examples.admin;

import static dev.evervec.examples.admin.AdminHost.API;
import static dev.evervec.examples.admin.AdminHost.LIMIT;
import static dev.evervec.examples.admin.AdminHost.SECRET;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.admin.AdminHost.Answer;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the endpoints refuse, even from whoever has the secret. All tests share a host, and none leaves a job there. */
@Timeout(120)
class RefusedRequestsTest {
    @TempDir
    static Path folder;

    private static AdminHost host;

    @BeforeAll
    static void start() {
        host = new AdminHost(folder);
    }

    @AfterAll
    static void close() {
        host.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"source\":\"nowhere\"}|source",
                "{\"batch_size\":0}|batch_size",
                "{\"batch_size\":257}|batch_size",
                "{\"filter\":\"\"}|filter",
                "{\"budget_usd\":-1}|budget_usd",
                "{\"rebuild\":\"yes\"}|rebuild"
            })
    void aWrongRequestIsRefusedWithTheKeyThatIsWrong(String json, String field) {
        JsonNode problem = host.post("trigger", json).problem(400, "invalid");

        assertThat(problem.get("field").asText()).isEqualTo(field);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"colour\":1}", "[]", "{", "{\"source\":\"a\",\"source\":\"b\"}", "null", "1"})
    void whatIsNoRequestIsRefused(String json) {
        host.post("trigger", json).problem(400, "invalid");
        host.post("retry-failed", json).problem(400, "invalid");
        assertThat(host.get("history").json().get("jobs")).isEmpty();
    }

    @Test
    void aTriggerWithoutABodyIsRefused() {
        host.post("trigger", null).problem(400, "invalid");
    }

    @Test
    void aBodyMustBeJsonAndSmall() {
        String large = "{\"filter\":\"" + "x".repeat(64 * 1024) + "\"}";

        host.send("POST", API + "trigger", "{}", "x-admin-secret", SECRET).problem(415, "unsupported_media_type");
        host.send("POST", API + "trigger", "{}", "x-admin-secret", SECRET, "content-type", "text/plain")
                .problem(415, "unsupported_media_type");
        host.send("POST", API + "trigger", "{}", "x-admin-secret", SECRET, "content-type", "application/jsonx")
                .problem(415, "unsupported_media_type");
        host.post("trigger", large).problem(413, "too_large");
        host.post("x/cancel", large).problem(413, "too_large");
    }

    @Test
    void aBodyOfUnknownLengthIsBoundedToo() throws Exception {
        String head = "POST " + API + "trigger HTTP/1.1\r\nHost: x\r\nx-admin-secret: " + SECRET
                + "\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        String chunk = "4000\r\n" + " ".repeat(0x4000) + "\r\n";

        assertThat(raw(head + chunk.repeat(4) + "1\r\n \r\n0\r\n\r\n")).startsWith("HTTP/1.1 413");
        assertThat(raw(head + chunk.repeat(4) + "0\r\n\r\n")).startsWith("HTTP/1.1 400");
    }

    @Test
    void aBodyThatIsNotUtf8IsRefused() throws Exception {
        String head = "POST " + API + "trigger HTTP/1.1\r\nHost: x\r\nx-admin-secret: " + SECRET
                + "\r\ncontent-type: application/json\r\ncontent-length: 15\r\nconnection: close\r\n\r\n";

        assertThat(raw(head + "{\"filter\":\"\u00ff\u00fe\"}"))
                .startsWith("HTTP/1.1 400")
                .contains("UTF-8");
    }

    /** Sends these Latin-1 characters as they are; returns all that comes back. */
    private String raw(String request) throws IOException {
        URI url = URI.create(host.server().url());
        try (Socket socket = new Socket(url.getHost(), url.getPort())) {
            socket.setSoTimeout((int) LIMIT.toMillis());
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            socket.getOutputStream().flush();
            InputStream in = socket.getInputStream();
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "history?limit=0",
                "history?limit=501",
                "history?limit=ten",
                "history?limit=",
                "history?limit=1&limit=2",
                "history?limits=3",
                "costs?days=0",
                "costs?days=3661",
                "costs?days=1&zone=UTC",
                "stats?source=books",
                "status?x",
                "health?y=1",
                "events?z=1",
                "a/output?limit=1"
            })
    void unknownParametersAndValuesOutOfRangeAreRefused(String path) {
        host.get(path).problem(400, "invalid");
    }

    @Test
    void whateverIsNotThereIsNotFound() {
        host.get("nothing").problem(404, "not_found");
        host.get("").problem(404, "not_found");
        host.get("stats/").problem(404, "not_found");
        host.get("no-such-job/output").problem(404, "unknown_job");
        host.post("no-such-job/cancel", null).problem(404, "unknown_job");
        assertThat(host.send("GET", "/nothing", null).status()).isEqualTo(404);
        assertThat(host.send("GET", "/admin/assets/messages_en.properties", null)
                        .status())
                .isEqualTo(404);
        assertThat(host.send("GET", "/admin/assets/package-info.class", null).status())
                .isEqualTo(404);
    }

    @ParameterizedTest
    @CsvSource({
        "PUT,stats",
        "POST,stats",
        "DELETE,history",
        "GET,trigger",
        "PATCH,retry-failed",
        "GET,a/cancel",
        "POST,a/output",
        "TRACE,health",
        "QUERY,status"
    })
    void otherMethodsAreNotAllowed(String method, String path) {
        Answer answer = host.send(method, API + path, null, "x-admin-secret", SECRET);

        answer.problem(405, "method_not_allowed");
        assertThat(answer.header("allow")).contains("OPTIONS");
    }

    @Test
    void headAndOptionsBehave() {
        Answer head = host.send("HEAD", API + "stats", null, "x-admin-secret", SECRET);
        Answer options = host.send("OPTIONS", API + "stats", null, "x-admin-secret", SECRET);
        Answer events = host.send("HEAD", API + "events", null, "x-admin-secret", SECRET);

        assertThat(head.status()).isEqualTo(200);
        assertThat(head.body()).isEmpty();
        assertThat(head.header("content-length")).isEqualTo(host.get("stats").header("content-length"));
        assertThat(options.status()).isEqualTo(204);
        assertThat(options.header("allow")).isEqualTo("GET, HEAD, OPTIONS");
        assertThat(host.send("OPTIONS", API + "trigger", null, "x-admin-secret", SECRET)
                        .header("allow"))
                .isEqualTo("POST, OPTIONS");
        assertThat(events.status()).isEqualTo(200);
        assertThat(events.body()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "..%2f..%2fetc%2fpasswd/output",
                "%2e%2e/output",
                "..%5c..%5cx/output",
                "a%2fb/output",
                "a%00b/output",
                ".hidden/output",
                "%252e%252e/output",
                "a;b/output",
                "a%20b/output"
            })
    void noJobIdReachesTheFileSystemThatIsNone(String path) {
        Answer answer = host.get(path);

        assertThat(answer.status()).isIn(400, 404);
        assertThat(answer.json().get("code").asText()).isIn("invalid", "unknown_job", "not_found");
        assertThat(host.post(path.replace("/output", "/cancel"), null).status()).isIn(400, 404);
    }

    @Test
    void aPathThatLeavesItsFolderIsNoFile() throws Exception {
        for (String path : List.of(
                "/admin/assets/../../../application.properties",
                "/admin/assets/..%2f..%2fexample.toml",
                "/admin/assets/%2e%2e/%2e%2e/example.toml",
                "/admin/assets//etc/passwd",
                "/admin/api/embeddings/../../../../etc/passwd/output")) {
            String answer = raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nx-admin-secret: " + SECRET
                    + "\r\nconnection: close\r\n\r\n");

            assertThat(answer).as(path).matches("(?s)HTTP/1\\.1 40[04] .*");
        }
    }

    @Test
    void whatIsNoRequestAtAllIsRefusedWithoutALookInside() throws Exception {
        for (String request : List.of(
                "GET /admin/login\u0000 HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /admin/login HTTP/1.1\r\n\r\n",
                "GET /" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\nx: " + "y".repeat(20_000) + "\r\n\r\n",
                "nonsense\r\n\r\n")) {
            String answer = raw(request);

            assertThat(answer).matches("(?s)HTTP/1\\.1 4[0-9][0-9] .*");
            assertThat(answer.toLowerCase(Locale.ROOT)).doesNotContain("jetty", "javalin", "exception", "\tat ");
        }
    }

    @Test
    void aVersionThatDoesNotExistIsNotOurFailure() throws Exception {
        assertThat(raw("GET / HTTP/9.9\r\nHost: x\r\n\r\n")).startsWith("HTTP/1.1 505");
    }

    @Test
    void thereAreNoWebSocketsAndNoSessionsForThem() throws Exception {
        String upgrade = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        for (String path : List.of("/", "/nothing", "/admin/login", API + "events")) {
            String answer = raw("GET " + path + " HTTP/1.1\r\n" + upgrade + "Sec-WebSocket-Version: 13\r\n\r\n");

            assertThat(answer).as(path).startsWith("HTTP/1.1 400");
            assertThat(answer.toLowerCase(Locale.ROOT)).as(path).doesNotContain("set-cookie", "jsessionid");
        }
        assertThat(raw("GET /nothing HTTP/1.1\r\n" + upgrade + "Connection: close\r\n\r\n")
                        .toLowerCase(Locale.ROOT))
                .startsWith("http/1.1 404")
                .doesNotContain("set-cookie");
    }

    @Test
    void aBodyThatBreaksOffIsRefused() throws Exception {
        String head = "POST /admin/login HTTP/1.1\r\nHost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n";

        assertThat(raw(head + "transfer-encoding: chunked\r\n\r\nzz\r\n")).startsWith("HTTP/1.1 400");
        URI url = URI.create(host.server().url());
        try (Socket socket = new Socket(url.getHost(), url.getPort())) {
            socket.setSoTimeout((int) LIMIT.toMillis());
            socket.getOutputStream()
                    .write((head + "content-length: 50\r\n\r\nsecret=").getBytes(StandardCharsets.ISO_8859_1));
            socket.shutdownOutput();

            assertThat(socket.getInputStream().readAllBytes()).asString().startsWith("HTTP/1.1 400");
        }
    }

    @Test
    void noHeaderTurnsARequestIntoAnother() {
        host.send("GET", API + "trigger", null, "x-admin-secret", SECRET, "x-http-method-override", "POST")
                .problem(400, "invalid");
    }
}
