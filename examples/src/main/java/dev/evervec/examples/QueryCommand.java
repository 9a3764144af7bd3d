package dev.evervec.examples;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.examples.TextTable.Column;
import dev.evervec.pipeline.EmbeddingGenerator;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.NearestQuery;
import dev.evervec.pipeline.store.Neighbour;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.InputKind;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows which records are nearest to a text, so that a person can see whether the vectors are good. */
@Command(
        name = "query",
        description = {
            "Embeds a text as a query, without rewriting, and shows the records whose vectors are nearest to it, best first:"
                    + " similarity (the cosine, from -1 to 1), source, id and title.",
            "A check of the vectors, not a search engine. One call to the provider, which goes into the bill."
        },
        footer =
                "%nExit codes: 0 done; 1 no record is as near as that; 2 wrong usage or configuration, or a store that cannot"
                        + " be used or has no vectors.")
final class QueryCommand implements Callable<Integer> {
    private static final int TITLE_CHARACTERS = 60;

    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Parameters(paramLabel = "TEXT", description = "The text; put it in quotes.")
    private String text = "";

    @Option(
            names = "--source",
            paramLabel = "SOURCE",
            description = "Only records of this source. Without it, or with all: every source.")
    private @Nullable String source;

    @Option(
            names = "--top-k",
            paramLabel = "N",
            defaultValue = "10",
            description = "How many records at most, from 1 to 1,000. Default: ${DEFAULT-VALUE}.")
    private int topK;

    @Option(
            names = "--min-similarity",
            paramLabel = "X",
            defaultValue = "-1",
            description = "Only records with this similarity or more, from -1 to 1. Default: whatever it is.")
    private double minSimilarity;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    QueryCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        check();
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            Fingerprint fingerprint = wiring.fingerprint();
            EmbeddingStore store = wiring.existingStore();
            requireVectors(store, fingerprint);
            List<Neighbour> nearest = store.nearest(
                    fingerprint, new NearestQuery(embedded(wiring, store), wantedSource(), topK, minSimilarity));
            Map<RecordKey, SourceRecord> records = nearest.isEmpty() ? Map.of() : records(wiring, nearest);
            if (json) {
                shell.out().println(Json.line(json(fingerprint, nearest, records)));
            } else if (nearest.isEmpty()) {
                shell.out()
                        .println(
                                minSimilarity > -1
                                        ? "No record is as near as " + minSimilarity
                                        : "No record has a vector");
            } else {
                print(nearest, records);
            }
            return nearest.isEmpty() ? ExitCode.FAILED : ExitCode.OK;
        }
    }

    /** Before anything is paid for. */
    private void check() {
        if (text.isBlank()) {
            throw new UsageException("the text is blank: there is nothing to look for");
        }
        if (topK < 1 || topK > NearestQuery.MAX_TOP_K) {
            throw new UsageException("--top-k must be from 1 to " + NearestQuery.MAX_TOP_K + ", not " + topK);
        }
        if (!(minSimilarity >= -1 && minSimilarity <= 1)) {
            throw new UsageException("--min-similarity must be from -1 to 1, not " + minSimilarity);
        }
    }

    private void requireVectors(EmbeddingStore store, Fingerprint fingerprint) {
        if (store.sample(fingerprint, 1, 0).isEmpty()) {
            throw new UsageException(
                    "the store has no vectors of " + GenerationsCommand.describe(fingerprint) + ": run a build first");
        }
        StatsCommand.of(source, store.stats(fingerprint));
    }

    private Embedding embedded(Wiring wiring, EmbeddingStore store) {
        return Objects.requireNonNull(EmbeddingGenerator.of(wiring.embedder())
                .withStore(store)
                .generate(List.of(text), InputKind.QUERY)
                .embeddings()
                .get(0));
    }

    private @Nullable String wantedSource() {
        return RecordKey.ALL_SOURCES.equals(source) ? null : source;
    }

    /** The records as they are now, for their titles; without them the answer is as good. */
    private Map<RecordKey, SourceRecord> records(Wiring wiring, List<Neighbour> nearest) {
        try {
            return wiring.records()
                    .fetch(nearest.stream()
                            .map(neighbour -> new RecordRef(neighbour.key(), Locator.NONE))
                            .toList())
                    .records();
        } catch (SourceException | UsageException e) {
            shell.err().println("evervec: without titles, because " + e.getMessage());
            return Map.of();
        }
    }

    private void print(List<Neighbour> nearest, Map<RecordKey, SourceRecord> records) {
        TextTable table = new TextTable(
                Column.number("similarity"), Column.text("source"), Column.text("id"), Column.text("title"));
        for (Neighbour neighbour : nearest) {
            String title = title(neighbour, records);
            table.row(
                    String.format(Locale.ROOT, "%.4f", neighbour.similarity()),
                    neighbour.key().source(),
                    neighbour.key().id(),
                    title == null ? "" : onOneLine(title));
        }
        table.print(shell.out());
    }

    private static @Nullable String title(Neighbour neighbour, Map<RecordKey, SourceRecord> records) {
        SourceRecord record = records.get(neighbour.key());
        return record == null ? null : record.title();
    }

    /** What a title holds must neither break the table nor steer the terminal. */
    private static String onOneLine(String title) {
        String line = title.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
        return line.codePointCount(0, line.length()) <= TITLE_CHARACTERS
                ? line
                : line.substring(0, line.offsetByCodePoints(0, TITLE_CHARACTERS - 1)) + "…";
    }

    private static ObjectNode json(
            Fingerprint fingerprint, List<Neighbour> nearest, Map<RecordKey, SourceRecord> records) {
        ObjectNode json = Json.object();
        json.put("generation", fingerprint.generation());
        ArrayNode list = json.putArray("nearest");
        for (Neighbour neighbour : nearest) {
            list.addObject()
                    .put("similarity", rounded(neighbour.similarity()))
                    .put("source", neighbour.key().source())
                    .put("id", neighbour.key().id())
                    .put("title", title(neighbour, records));
        }
        return json;
    }

    /** To what is the same whatever computes it. */
    private static double rounded(double similarity) {
        return Math.round(similarity * 1e6) / 1e6;
    }
}
