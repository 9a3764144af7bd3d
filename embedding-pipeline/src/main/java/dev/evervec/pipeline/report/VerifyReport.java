package dev.evervec.pipeline.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How stored vectors compare with vectors computed anew from the records they belong to.
 *
 * @param generation the generation that the vectors belong to
 * @param sampled vectors taken at random: all the others of this report together
 * @param matched those whose cosine with the new vector is {@link #MATCH} or more
 * @param mismatched those whose cosine is lower
 * @param changed those whose record has another text by now; they are left out
 * @param unavailable those whose record, or the rewrite of it, is not there any more or cannot be read; they are left out
 * @param failed those that could not be computed anew
 * @param usage tokens used
 * @param costUsd what they cost, or null if the price is not known
 */
public record VerifyReport(
        String generation,
        int sampled,
        int matched,
        List<Mismatch> mismatched,
        int changed,
        int unavailable,
        List<Failure> failed,
        TokenUsage usage,
        @Nullable BigDecimal costUsd) {
    /** Least cosine of two vectors of one text. */
    public static final double MATCH = 0.99;

    /**
     * A vector that is not that of its record's text.
     *
     * @param key its record
     * @param cosine of the stored vector and the new one, from -1 to 1
     */
    public record Mismatch(RecordKey key, double cosine) {}

    /**
     * A vector that could not be computed anew.
     *
     * @param key its record
     * @param detail why, without any text of the record
     */
    public record Failure(RecordKey key, String detail) {}

    /**
     * Checks the books.
     *
     * @throws IllegalStateException if they do not balance
     */
    public VerifyReport {
        Objects.requireNonNull(generation, "generation");
        Objects.requireNonNull(usage, "usage");
        mismatched = List.copyOf(mismatched);
        failed = List.copyOf(failed);
        if (sampled != matched + mismatched.size() + changed + unavailable + failed.size()) {
            throw new IllegalStateException("the books of the verification do not balance: " + sampled + " sampled, "
                    + matched + " matched, " + mismatched.size() + " mismatched, " + changed + " changed, "
                    + unavailable + " unavailable, " + failed.size() + " failed");
        }
    }

    /** Whether every vector that was compared matched, and none failed to be; also true if there was none to compare. */
    public boolean passed() {
        return mismatched.isEmpty() && failed.isEmpty();
    }

    /** The report as one line of JSON, in snake_case; what is not known is null. */
    public String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("generation", generation);
        json.put("sampled", sampled);
        json.put("matched", matched);
        ArrayNode wrong = json.putArray("mismatched");
        for (Mismatch mismatch : mismatched) {
            put(wrong, mismatch.key()).put("cosine", mismatch.cosine());
        }
        json.put("changed", changed);
        json.put("unavailable", unavailable);
        ArrayNode notComputed = json.putArray("failed");
        for (Failure failure : failed) {
            put(notComputed, failure.key()).put("detail", failure.detail());
        }
        json.put("tokens", usage.totalTokens());
        json.put("cost_usd", costUsd);
        return PlainJson.line(json);
    }

    private static ObjectNode put(ArrayNode list, RecordKey key) {
        return list.addObject().put("source", key.source()).put("id", key.id());
    }
}
