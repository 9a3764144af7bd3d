package dev.evervec.pipeline.store;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * The records of one source by state. From the first complete scan on embedded, pending, skipped and failed always add up to
 * {@code withContent}, also while a build scans, after changes that were embedded live, and if records that had vanished were
 * left in the ledger.
 *
 * @param source the source
 * @param total records in the source: those with content, and those without that the last complete scan has met; null before
 *     the first one
 * @param withContent records in the ledger: their raw content was not blank when it was last looked at; null before the first
 *     complete scan
 * @param embedded records with a vector of their current text
 * @param pending new and changed records
 * @param skipped records left out for a reason
 * @param failed records that failed
 * @param asOf end of the last complete scan, or null before the first
 */
public record SourceStats(
        String source,
        @Nullable Long total,
        @Nullable Long withContent,
        long embedded,
        long pending,
        long skipped,
        long failed,
        @Nullable Instant asOf) {
    /** One line of JSON: the components by their names in snake case; what is not known is null. */
    public String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("source", source);
        json.put("total", total);
        json.put("with_content", withContent);
        json.put("embedded", embedded);
        json.put("pending", pending);
        json.put("skipped", skipped);
        json.put("failed", failed);
        json.put(
                "as_of",
                asOf == null ? null : asOf.truncatedTo(ChronoUnit.MILLIS).toString());
        return json.toString();
    }
}
