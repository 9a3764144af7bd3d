package dev.evervec.provider.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.evervec.provider.RetryAfter;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What an error body says in its marked fields. The message may echo texts of the request: it is kept for recognising known
 * wordings and must not be shown.
 *
 * @param message the service's own words; empty if there are none
 * @param statusWord such as {@code INVALID_ARGUMENT}; empty if there is none, or none that is safe to show
 * @param reason such as {@code API_KEY_INVALID}; empty likewise
 * @param retryDelay how long to wait, or null if it does not say
 * @param quotaIds the quotas that are used up
 */
record Refusal(
        String message,
        String statusWord,
        String reason,
        @Nullable Duration retryDelay,
        List<String> quotaIds) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9_.-]{1,64}");
    private static final Pattern SECONDS = Pattern.compile("\\d{1,9}(\\.\\d{1,9})?s");
    /** In a message that quotes the details, with whatever escapes. */
    private static final Pattern QUOTED_QUOTA =
            Pattern.compile("quotaId[\\\\\"' ]{1,8}:[\\\\\"' ]{1,8}([A-Za-z0-9_.-]{1,200})");

    /** Reads an error body; one that is no JSON, or another JSON than expected, says nothing. */
    static Refusal parse(byte[] body) {
        JsonNode error = errorOf(body);
        String reason = "";
        Duration retryDelay = null;
        List<String> quotaIds = new ArrayList<>();
        for (JsonNode detail : error.path("details")) {
            reason = reason.isEmpty() ? token(detail.path("reason")) : reason;
            retryDelay = retryDelay == null ? duration(detail.path("retryDelay")) : retryDelay;
            for (JsonNode violation : detail.path("violations")) {
                String quotaId = token(violation.path("quotaId"));
                if (!quotaId.isEmpty()) {
                    quotaIds.add(quotaId);
                }
            }
        }
        // Some proxies pass the details on as a part of the message only.
        String message = error.path("message").asText("");
        QUOTED_QUOTA.matcher(message).results().forEach(quoted -> quotaIds.add(quoted.group(1)));
        return new Refusal(
                message,
                token(error.path("status")),
                reason,
                retryDelay == null ? RetryAfter.inWords(message) : retryDelay,
                List.copyOf(quotaIds));
    }

    /** The status that an error body names for itself, or 0 if it is none or names none. */
    static int statusNamedIn(byte[] body) {
        int code = errorOf(body).path("code").asInt();
        return code >= 400 && code < 600 ? code : 0;
    }

    private static JsonNode errorOf(byte[] body) {
        try {
            JsonNode root = JSON.readTree(body);
            // Some of the vendor's endpoints wrap the error in an array.
            return (root.isArray() ? root.path(0) : root).path("error");
        } catch (IOException notJson) {
            return MissingNode.getInstance();
        }
    }

    private static String token(JsonNode node) {
        return node.isTextual() && TOKEN.matcher(node.asText()).matches() ? node.asText() : "";
    }

    private static @Nullable Duration duration(JsonNode node) {
        if (!node.isTextual() || !SECONDS.matcher(node.asText()).matches()) {
            return null;
        }
        String text = node.asText();
        return Duration.ofMillis(new BigDecimal(text.substring(0, text.length() - 1))
                .movePointRight(3)
                .setScale(0, RoundingMode.CEILING)
                .longValueExact());
    }

    /** Says nothing about the message, which may echo a text. */
    @Override
    public String toString() {
        return "Refusal[" + statusWord + " " + reason + "]";
    }
}
