package dev.evervec.examples.admin;

import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.function.LongSupplier;
import org.eclipse.jetty.http.HttpException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the bodies of requests: none larger than it should be, none of another type than it should be,
 * and none for longer than it should take. Thread-safe.
 */
final class Body {
    static final int MAX_BYTES = 64 * 1024;
    /** How many bodies of strangers are read at a time; far fewer than there are threads for requests. */
    static final int MOST_FROM_STRANGERS = 16;

    private static final int MOST_SKIPPED_BYTES = 1024 * 1024;
    private static final Duration LONGEST = Duration.ofSeconds(10);
    private static final Logger log = LoggerFactory.getLogger(Body.class);

    private final Semaphore strangers = new Semaphore(MOST_FROM_STRANGERS);
    private final LongSupplier nanos;

    /** {@code nanos}: a clock like {@link System#nanoTime}. */
    Body(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /**
     * The text of a JSON body, which may be empty.
     *
     * @throws Problem 408, 413, 415, or 400 if it is not UTF-8 or not complete
     */
    String json(Context request) {
        String body = text(request);
        if (!body.isEmpty()) {
            requireType(request, "application/json");
        }
        return body;
    }

    /**
     * What a form sent.
     *
     * @throws Problem 408, 413, 415, or 400 if it is no form
     */
    Map<String, String> form(Context request) {
        requireType(request, "application/x-www-form-urlencoded");
        return UrlEncoded.parse(text(request));
    }

    /**
     * The same of somebody who may not be allowed anything: they cannot keep all threads busy by sending slowly.
     *
     * @throws Problem also 503 if too many are sending
     */
    Map<String, String> formOfStranger(Context request) {
        if (!strangers.tryAcquire()) {
            throw Problem.tooBusy();
        }
        try {
            return form(request);
        } finally {
            strangers.release();
        }
    }

    private static void requireType(Context request, String wanted) {
        if (!wanted.equals(mediaType(request.contentType()))) {
            throw Problem.of(415, "unsupported_media_type", "the body must be of the type " + wanted);
        }
    }

    private static String mediaType(@Nullable String contentType) {
        return contentType == null ? "" : contentType.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
    }

    private String text(Context request) {
        try {
            return utf8(read(request.req().getInputStream()));
        } catch (IOException | HttpException.RuntimeException e) {
            log.debug("a body could not be read", e);
            throw Problem.invalid(null, "the body is not complete, or cannot be understood");
        }
    }

    /** All of it, if it is small and does not take too long. */
    byte[] read(InputStream in) throws IOException {
        long start = nanos.getAsLong();
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        byte[] buffer = new byte[8 * 1024];
        // Clients that are still sending would not read our answer, so what is too large is taken too.
        int total = 0;
        int count = in.read(buffer);
        while (count >= 0 && total <= MAX_BYTES + MOST_SKIPPED_BYTES) {
            total += count;
            if (total <= MAX_BYTES) {
                body.write(buffer, 0, count);
            }
            if (nanos.getAsLong() - start > LONGEST.toNanos()) {
                throw Problem.tooSlow();
            }
            count = in.read(buffer);
        }
        if (total > MAX_BYTES) {
            throw Problem.tooLarge();
        }
        return body.toByteArray();
    }

    private static String utf8(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw Problem.invalid(null, "the body is not UTF-8");
        }
    }
}
