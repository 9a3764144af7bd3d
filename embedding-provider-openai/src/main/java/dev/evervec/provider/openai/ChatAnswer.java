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
    private final Exchange exchange;
    private final OpenAiErrors errors;
    private final StringBuilder content = new StringBuilder();
    private boolean message;
    private boolean refused;
    private String finishReason = "";
    private long promptTokens = -1;
    private long completionTokens = -1;
    private @Nullable ErrorBody error;

    ChatAnswer(Exchange exchange, OpenAiErrors errors) {
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
        if (refused) {
            throw unusable("the model refused to answer");
        }
        switch (finishReason) {
            case "content_filter" -> throw unusable("the content filter stopped the answer");
            case "length", "max_tokens" -> throw unusable("the answer was cut off at the model's token limit");
            default -> {
                // Everything else ("stop", absent, unknown) leaves the text as the model meant it.
            }
        }
        if (!message) {
            throw errors.malformed("the answer has no message", exchange.httpStatus, exchange.headers, null);
        }
        return new RewriteResponse(Thoughts.removedFrom(content.toString()), usage(estimate));
    }

    private PermanentProviderException unusable(String what) {
        return PermanentProviderException.item(what, exchange.httpStatus, errors.requestId(exchange.headers));
    }

    private TokenUsage usage(LongSupplier estimate) {
        if (promptTokens >= 0 && completionTokens >= 0) {
            return TokenUsage.reported(promptTokens, completionTokens);
        }
        return TokenUsage.estimated(
                promptTokens >= 0 ? promptTokens : estimate.getAsLong(),
                completionTokens >= 0 ? completionTokens : TokenEstimate.of(content.toString()));
    }

    private void document(JsonParser parser) throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw errors.malformed("the answer is no JSON object", exchange.httpStatus, exchange.headers, null);
        }
        while (Json.nextField(parser)) {
            switch (parser.currentName()) {
                case "choices" -> choices(parser);
                case "usage" -> usageFields(parser);
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

    private void usageFields(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            parser.skipChildren();
            return;
        }
        while (Json.nextField(parser)) {
            switch (parser.currentName()) {
                case "prompt_tokens" -> promptTokens = Json.count(parser);
                case "completion_tokens" -> completionTokens = Json.count(parser);
                default -> parser.skipChildren();
            }
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
