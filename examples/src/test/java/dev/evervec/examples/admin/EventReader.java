package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Reads server-sent events as a browser does. */
final class EventReader implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpResponse<InputStream> response;
    private final BufferedReader lines;

    private EventReader(HttpResponse<InputStream> response) {
        this.response = response;
        this.lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8));
    }

    /** One event. */
    record Event(String name, JsonNode data) {}

    static EventReader open(AdminHost host, String... headers) {
        try {
            EventReader reader = new EventReader(host.client()
                    .send(host.request("GET", AdminHost.API + "events", null, headers), BodyHandlers.ofInputStream()));
            assertThat(reader.response.statusCode()).isEqualTo(200);
            return reader;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    HttpResponse<InputStream> response() {
        return response;
    }

    /** The next line, or null at the end of the stream. */
    @Nullable
    String line() {
        try {
            return lines.readLine();
        } catch (IOException e) {
            return null;
        }
    }

    /** The next event; whatever else comes is passed over. */
    Event next() {
        String name = "";
        for (String line = line(); line != null; line = line()) {
            if (line.startsWith("event: ")) {
                name = line.substring("event: ".length());
            } else if (line.startsWith("data: ")) {
                return new Event(name, json(line.substring("data: ".length())));
            }
        }
        throw new AssertionError("the stream has ended");
    }

    private static JsonNode json(String text) {
        try {
            return JSON.readTree(text);
        } catch (IOException e) {
            throw new AssertionError("no JSON: " + text, e);
        }
    }

    /** The data of the first event of this name that is so. */
    JsonNode await(String name, Predicate<JsonNode> wanted) {
        while (true) {
            Event event = next();
            if (event.name().equals(name) && wanted.test(event.data())) {
                return event.data();
            }
        }
    }

    @Override
    public void close() {
        try {
            response.body().close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
