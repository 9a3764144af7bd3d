package dev.evervec.examples.admin;

import static dev.evervec.examples.admin.AdminHost.API;
import static dev.evervec.examples.admin.AdminHost.LIMIT;
import static dev.evervec.examples.admin.AdminHost.SECRET;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.admin.EventReader.Event;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Events as they come over the wire. */
@Timeout(120)
class EventsHttpTest {
    private AdminHost host;

    @BeforeEach
    void start(@TempDir Path folder) {
        host = new AdminHost(folder);
    }

    @AfterEach
    void close() {
        host.close();
    }

    private EventReader open() {
        return EventReader.open(host, "x-admin-secret", SECRET);
    }

    @Test
    void aStreamBeginsWithStatusAndStatsAndTellsHowToComeBack() {
        try (EventReader events = open()) {
            var headers = events.response().headers();
            assertThat(headers.firstValue("content-type")).hasValue("text/event-stream; charset=utf-8");
            assertThat(headers.firstValue("cache-control")).hasValue("no-store");
            assertThat(events.line()).isEqualTo("retry: 3000");

            Event status = events.next();
            Event stats = events.next();

            assertThat(status.name()).isEqualTo("status");
            assertThat(status.data().toString()).isEqualTo("{\"job\":null}");
            assertThat(stats.name()).isEqualTo("stats");
            assertThat(stats.data().has("sources")).isTrue();
        }
    }

    @Test
    void everyOpenPageSeesAJobBeginAndEnd() {
        try (EventReader one = open();
                EventReader two = open()) {
            String id = host.begin("{}");
            host.gate.awaitWaiting(1, LIMIT);

            for (EventReader events : List.of(one, two)) {
                JsonNode running = events.await(
                        "status", data -> data.at("/job/state").asText().equals("running"));
                assertThat(running.at("/job/job_id").asText()).isEqualTo(id);
            }
            host.gate.open();

            for (EventReader events : List.of(one, two)) {
                events.await("status", data -> data.at("/job/state").asText().equals("completed"));
                JsonNode stats = events.await(
                        "stats", data -> data.at("/sources/0/embedded").asInt() == 10);
                assertThat(stats.at("/sources/1/embedded").asInt()).isEqualTo(1);
            }
        }
    }

    @Test
    void aClientThatReadsNothingHoldsUpNobody() throws Exception {
        URI url = URI.create(host.server().url());
        List<Socket> dead = new ArrayList<>();
        try (EventReader quick = open()) {
            for (int i = 0; i < 10; i++) {
                Socket socket = new Socket();
                socket.setReceiveBufferSize(1);
                socket.connect(new java.net.InetSocketAddress(url.getHost(), url.getPort()));
                socket.getOutputStream()
                        .write(("GET " + API + "events HTTP/1.1\r\nHost: x\r\nx-admin-secret: " + SECRET + "\r\n\r\n")
                                .getBytes(StandardCharsets.US_ASCII));
                dead.add(socket);
            }
            host.gate.open();
            host.begin("{}");

            quick.await("status", data -> data.at("/job/state").asText().equals("completed"));
        } finally {
            for (Socket socket : dead) {
                socket.close();
            }
        }
    }

    @Test
    void theSixtyFifthStreamIsRefusedAndAPlaceThatIsLeftIsFree() {
        List<EventReader> readers = new ArrayList<>();
        try {
            for (int i = 0; i < 64; i++) {
                readers.add(open());
            }
            host.get("events").problem(503, "too_many_streams");
            assertThat(host.get("status").status()).isEqualTo(200);
        } finally {
            readers.forEach(EventReader::close);
        }
    }

    @Test
    void closingTheServerEndsEveryStream() {
        try (EventReader one = open();
                EventReader two = open()) {
            one.next();
            two.next();

            host.server().close();

            for (EventReader events : List.of(one, two)) {
                String line = events.line();
                while (line != null) {
                    line = events.line();
                }
            }
        }
    }

    @Test
    void aStreamEndsWithItsSession() {
        String cookie = host.logIn();
        host.gate.open();
        try (EventReader events = EventReader.open(host, "cookie", cookie)) {
            events.await("stats", data -> true);
            host.clock.advance(Duration.ofHours(12));
            host.begin("{}");

            String line = events.line();
            while (line != null) {
                line = events.line();
            }
        }
        host.send("GET", API + "events", null, "cookie", cookie).problem(401, "unauthorized");
    }
}
