package dev.evervec.provider.openai;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.Thoughts;
import dev.evervec.provider.TokenEstimate;
import dev.evervec.provider.TokenUsage;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads the answer to a chat completion. Not thread-safe; one per answer.
 */
final class ChatAnswer {
    private final int maxOutputTokens;
    private final Exchange exchange;
    private final OpenAiErrors errors;
    private final ReportedUsage usage = new ReportedUsage();
    private final StringBuilder content = new StringBuilder();
    private boolean message;
    private boolean refused;
    private String finishReason = "";
    private @Nullable ErrorBody error;

    /** The answer to a request with this limit of generated tokens, or 0 for none. */
    ChatAnswer(int maxOutputTokens, Exchange exchange, OpenAiErrors errors) {
        this.maxOutputTokens = maxOutputTokens;
        this.exchange = exchange;
        this.errors = errors;
    }

    /**
     * Reads the answer to its end.
     *
     * @param estimate the tokens of the prompt, asked for only if the service does not say
     * @throws PermanentProviderException if the model refused, a filter cut in or the text is incomplete
     * @throws IOException if the body breaks off or is no JSON; a Jackson exception is the latter
     */
    RewriteResponse read(InputStream body, LongSupplier estimate) throws IOException {
        try (JsonParser parser = Json.FACTORY.createParser(body)) {
            document(parser);
        }
        if (error != null) {
            throw errors.refusedWithOk(new Refusal(exchange.httpStatus, exchange.headers, error), 0);
        }
        TokenUsage used = usage.ofChat(estimate, () -> TokenEstimate.of(content.toString()));
        if (refused) {
            throw unusable("the model refused to answer", used);
        }
        switch (finishReason) {
            case "content_filter" -> throw unusable("the content filter stopped the answer", used);
            case "length", "max_tokens" -> throw unusable("the answer was cut off at " + limitInWords(), used);
            default -> {
                // Everything else ("stop", absent, unknown) leaves the text as the model meant it.
            }
        }
        if (!message) {
            throw errors.malformed("the answer has no message", exchange.httpStatus, exchange.headers, null);
        }
        return new RewriteResponse(Thoughts.removedFrom(content.toString()), used);
    }

    private String limitInWords() {
        return maxOutputTokens == 0
                ? "the model's token limit"
                : "the token limit (max_output_tokens is " + maxOutputTokens + ")";
    }

    private PermanentProviderException unusable(String what, TokenUsage used) {
        return PermanentProviderException.unusable(what, exchange.httpStatus, errors.requestId(exchange.headers), used);
    }

    private void document(JsonParser parser) throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw errors.malformed("the answer is no JSON object", exchange.httpStatus, exchange.headers, null);
        }
        while (Json.nextField(parser)) {
            switch (parser.currentName()) {
                case "choices" -> choices(parser);
                case "usage" -> usage.read(parser);
                case "error" -> error = parser.currentToken() == JsonToken.VALUE_NULL ? error : ErrorBody.read(parser);
                case "base_resp" -> baseResp(parser);
                default -> parser.skipChildren();
            }
        }
    }

    /** MiniMax reports errors inside a 200 as a status other than 0. */
    private void baseResp(JsonParser parser) throws IOException {
        ErrorBody status = ErrorBody.read(parser);
        if (status.numericCode() > 0) {
            error = status;
        }
    }

    /** Only the first choice counts; more than one is never asked for. */
    private void choices(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            parser.skipChildren();
            return;
        }
        boolean first = true;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (first && parser.currentToken() == JsonToken.START_OBJECT) {
                choice(parser);
            } else {
                parser.skipChildren();
            }
            first = false;
        }
    }

    private void choice(JsonParser parser) throws IOException {
        while (Json.nextField(parser)) {
            String name = parser.currentName();
            if (name.equals("message") && parser.currentToken() == JsonToken.START_OBJECT) {
                message = true;
                message(parser);
            } else if (name.equals("finish_reason") && parser.currentToken() == JsonToken.VALUE_STRING) {
                finishReason = parser.getText().toLowerCase(Locale.ROOT);
            } else {
                parser.skipChildren();
            }
        }
    }

    private void message(JsonParser parser) throws IOException {
        while (Json.nextField(parser)) {
            switch (parser.currentName()) {
                case "content" -> content(parser);
                case "refusal" ->
                    refused |= parser.currentToken() == JsonToken.VALUE_STRING
                            && !parser.getText().isBlank();
                default -> parser.skipChildren();
            }
        }
    }

    /** Text, nothing, or a list of parts, of which the text parts count. */
    private void content(JsonParser parser) throws IOException {
        if (parser.currentToken() == JsonToken.VALUE_STRING) {
            content.append(parser.getText());
        } else if (parser.currentToken() == JsonToken.START_ARRAY) {
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (parser.currentToken() == JsonToken.START_OBJECT) {
                    part(parser);
                } else {
                    parser.skipChildren();
                }
            }
        } else {
            parser.skipChildren();
        }
    }

    private void part(JsonParser parser) throws IOException {
        while (Json.nextField(parser)) {
            String name = parser.currentName();
            if (name.equals("text") && parser.currentToken() == JsonToken.VALUE_STRING) {
                content.append(parser.getText());
            } else if (name.equals("refusal")) {
                refused = true;
                parser.skipChildren();
            } else {
                parser.skipChildren();
            }
        }
    }
}
