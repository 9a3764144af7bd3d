package dev.evervec.provider.openai;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.evervec.provider.TokenUsage;
import java.io.IOException;
import java.util.function.LongSupplier;

/** The {@code usage} of an answer, as far as it has one. Not thread-safe; one per answer. */
final class ReportedUsage {
    private static final long NOT_TOLD = -1;

    private long promptTokens = NOT_TOLD;
    private long completionTokens = NOT_TOLD;
    private long totalTokens = NOT_TOLD;

    /** Reads the value that the parser stands on. */
    void read(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            parser.skipChildren();
            return;
        }
        while (Json.nextField(parser)) {
            switch (parser.currentName()) {
                case "prompt_tokens" -> promptTokens = count(parser);
                case "completion_tokens" -> completionTokens = count(parser);
                case "total_tokens" -> totalTokens = count(parser);
                default -> parser.skipChildren();
            }
        }
    }

    private static long count(JsonParser parser) throws IOException {
        if (!parser.currentToken().isNumeric()) {
            parser.skipChildren();
            return NOT_TOLD;
        }
        double count = parser.getDoubleValue();
        return Double.isNaN(count) ? NOT_TOLD : (long) count;
    }

    /** Of embedded texts; some services tell the total only. */
    TokenUsage ofEmbedding(LongSupplier estimate) {
        return TokenUsage.reportedOrEstimated(promptTokens > 0 ? promptTokens : totalTokens, 0, estimate, () -> 0);
    }

    /** Of a prompt and what was written. */
    TokenUsage ofChat(LongSupplier promptEstimate, LongSupplier writtenEstimate) {
        return TokenUsage.reportedOrEstimated(promptTokens, completionTokens, promptEstimate, writtenEstimate);
    }
}
