package dev.evervec.pipeline.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a build would do and cost, told without doing any of it.
 *
 * @param generation the generation that the vectors would belong to
 * @param sources by source, in the order of their names
 * @param total of all sources
 * @param expectedTime what the provider calls take at the configured quota and concurrency
 * @param budgetUsd most that the build may cost, or null for no cap
 * @param unreadable the first twenty records that cannot be read, and why
 * @param notes what an operator should know of the records, such as duplicate ids
 * @param assumptions what the figures rest on, in plain sentences
 */
public record BuildEstimate(
        String generation,
        List<Line> sources,
        Amounts total,
        Duration expectedTime,
        @Nullable BigDecimal budgetUsd,
        List<RecordOutcome> unreadable,
        List<String> notes,
        List<String> assumptions) {
    public BuildEstimate {
        Objects.requireNonNull(generation, "generation");
        Objects.requireNonNull(total, "total");
        Objects.requireNonNull(expectedTime, "expectedTime");
        sources = List.copyOf(sources);
        unreadable = List.copyOf(unreadable);
        notes = List.copyOf(notes);
        assumptions = List.copyOf(assumptions);
    }

    /**
     * One source.
     *
     * @param source its name
     * @param amounts its records and calls
     */
    public record Line(String source, Amounts amounts) {}

    /**
     * Records and calls. Of records with equal texts the first one that the scan meets is the one that pays.
     *
     * @param records readable records
     * @param withContent those whose content is not blank: {@code unchanged}, {@code toEmbed}, {@code emptyContent} and
     *     {@code tooLong} together
     * @param unchanged those that the build would not take: their vector is current, or they were given up
     * @param toEmbed those that would get a vector, bought or not
     * @param emptyContent those that would be skipped because nothing is left of them without their markup
     * @param tooLong those that would be skipped for their length
     * @param unreadable records that cannot be read or prepared; those of which not even the source is known count as of the
     *     default source
     * @param rewriting the rewrites
     * @param embedding the embeddings
     */
    public record Amounts(
            long records,
            long withContent,
            long unchanged,
            long toEmbed,
            long emptyContent,
            long tooLong,
            long unreadable,
            Calls rewriting,
            Calls embedding) {
        /**
         * Checks the books.
         *
         * @throws IllegalStateException if they do not balance
         */
        public Amounts {
            if (withContent != unchanged + toEmbed + emptyContent + tooLong || withContent > records) {
                throw new IllegalStateException("the books of the estimate do not balance: " + records + " records, "
                        + withContent + " with content, " + unchanged + " unchanged, " + toEmbed + " to embed, "
                        + emptyContent + " empty, " + tooLong + " too long");
            }
        }

        /** What it would cost in USD, or null if a price is not known. */
        public @Nullable BigDecimal costUsd() {
            return rewriting.usd() == null || embedding.usd() == null
                    ? null
                    : rewriting.usd().add(embedding.usd());
        }
    }

    /**
     * Calls of one capability.
     *
     * @param texts different texts that would be sent; what the store has already costs nothing
     * @param requests requests that carry them; of a source, the requests that it would need alone
     * @param inputTokens tokens sent
     * @param outputTokens tokens generated
     * @param estimated whether the tokens are an estimate: the model's tokenizer is not known, what will be generated is
     *     not, or only a sample was counted
     * @param standardError of the tokens sent, because only a sample of the texts was counted; 0 if all were
     * @param usd what the tokens cost, or null if the price is not known
     */
    public record Calls(
            long texts,
            long requests,
            long inputTokens,
            long outputTokens,
            boolean estimated,
            long standardError,
            @Nullable BigDecimal usd) {
        /** None. */
        public static final Calls NONE = new Calls(0, 0, 0, 0, false, 0, BigDecimal.ZERO);
    }

    /** Whether the cost is within the budget; null if there is no budget or the cost is not known. */
    public @Nullable Boolean fitsBudget() {
        BigDecimal cost = total.costUsd();
        return (budgetUsd == null || cost == null) ? null : cost.compareTo(budgetUsd) <= 0;
    }

    /** The estimate as one line of JSON, in snake_case; what is not known is null. */
    public String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("generation", generation);
        put(json, total);
        json.put("expected_secs", BigDecimal.valueOf(expectedTime.toMillis(), 3));
        json.put("budget_usd", budgetUsd);
        json.put("fits_budget", fitsBudget());
        ArrayNode bySource = json.putArray("sources");
        for (Line line : sources) {
            put(bySource.addObject().put("source", line.source()), line.amounts());
        }
        ArrayNode unread = json.putArray("unreadable_records");
        for (RecordOutcome outcome : unreadable) {
            unread.addObject()
                    .put("source", outcome.key().source())
                    .put("id", outcome.key().id())
                    .put("detail", outcome.detail());
        }
        notes.forEach(json.putArray("notes")::add);
        assumptions.forEach(json.putArray("assumptions")::add);
        return PlainJson.line(json);
    }

    private static void put(ObjectNode json, Amounts amounts) {
        json.put("records", amounts.records());
        json.put("with_content", amounts.withContent());
        json.put("unchanged", amounts.unchanged());
        json.put("to_embed", amounts.toEmbed());
        json.put("empty_content", amounts.emptyContent());
        json.put("too_long", amounts.tooLong());
        json.put("unreadable", amounts.unreadable());
        put(json.putObject("rewriting"), amounts.rewriting());
        put(json.putObject("embedding"), amounts.embedding());
        json.put("cost_usd", amounts.costUsd());
    }

    private static void put(ObjectNode json, Calls calls) {
        json.put("distinct_texts", calls.texts());
        json.put("requests", calls.requests());
        json.put("input_tokens", calls.inputTokens());
        json.put("output_tokens", calls.outputTokens());
        json.put("estimated", calls.estimated());
        json.put("standard_error", calls.standardError());
        json.put("cost_usd", calls.usd());
    }
}
