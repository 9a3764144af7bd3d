package dev.evervec.examples.admin;

import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the bodies of requests: none larger than it should be, none of another type than it should be. */
final class Body {
    static final int MAX_BYTES = 64 * 1024;
    private static final long MOST_SKIPPED_BYTES = 1024 * 1024;

    private Body() {}

    /**
     * The text of a JSON body, which may be empty.
     *
     * @throws Problem 413, 415, or 400 if it is not UTF-8
     */
    static String json(Context request) throws IOException {
        String body = text(request);
        if (!body.isEmpty()) {
            requireType(request, "application/json");
        }
        return body;
    }

    /**
     * What a form sent.
     *
     * @throws Problem 413, 415, or 400 if it is no form
     */
    static Map<String, String> form(Context request) throws IOException {
        requireType(request, "application/x-www-form-urlencoded");
        return UrlEncoded.parse(text(request));
    }

    private static void requireType(Context request, String wanted) {
        if (!wanted.equals(mediaType(request.contentType()))) {
            throw Problem.of(415, "unsupported_media_type", "the body must be of the type " + wanted);
        }
    }

    private static String mediaType(@Nullable String contentType) {
        return contentType == null ? "" : contentType.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
    }

    private static String text(Context request) throws IOException {
        InputStream in = request.req().getInputStream();
        byte[] bytes = in.readNBytes(MAX_BYTES + 1);
        if (bytes.length > MAX_BYTES) {
            // Clients that are still sending would not read our answer.
            in.skip(MOST_SKIPPED_BYTES);
            throw Problem.tooLarge();
        }
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
