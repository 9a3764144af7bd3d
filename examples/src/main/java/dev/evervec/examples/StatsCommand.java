package dev.evervec.examples;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.SourceStats;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.store.jdbc.VectorStorage;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows how many records of each source are in which state. */
@Command(
        name = "stats",
        description = {
            "Shows how many records of each source are embedded, pending, skipped and failed.",
            "These four add up to the records with content."
        },
        footer = ExitCode.HELP)
final class StatsCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(
            names = "--source",
            paramLabel = "SOURCE",
            description = "Only this source. Without it, or with all: every source.")
    private @Nullable String source;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    StatsCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            Fingerprint fingerprint = wiring.fingerprint();
            JdbcStore store = wiring.existingStore();
            List<SourceStats> sources = of(source, store.stats(fingerprint));
            VectorStorage vectors = store.vectorStorage(fingerprint).orElse(null);
            if (json) {
                shell.out().println(Json.line(json(fingerprint, sources, vectors)));
            } else {
                print(fingerprint, sources);
                if (vectors != null) {
                    shell.out().println("Vectors: " + describe(vectors) + ", in " + store.location());
                }
            }
        }
        return ExitCode.OK;
    }

    /** The wanted sources; refuses one that is not there. */
    static List<SourceStats> of(@Nullable String wanted, List<SourceStats> all) {
        if (wanted == null || wanted.equals(RecordKey.ALL_SOURCES)) {
            return all;
        }
        List<SourceStats> found =
                all.stream().filter(s -> s.source().equals(wanted)).toList();
        if (found.isEmpty()) {
            throw unknownSource(wanted, all.stream().map(SourceStats::source).toList());
        }
        return found;
    }

    static UsageException unknownSource(String wanted, List<String> known) {
        String choice = known.isEmpty()
                ? "no source has records yet"
                : "known are " + known.stream().sorted().collect(Collectors.joining(", "));
        return new UsageException("there is no source " + wanted + ": " + choice);
    }

    private void print(Fingerprint fingerprint, List<SourceStats> sources) {
        shell.out().println(GenerationsCommand.describe(fingerprint));
        if (sources.isEmpty()) {
            shell.out().println("No records yet: run a build first");
            return;
        }
        shell.out().println();
        SourceTable.print(sources, shell.out());
        sources.stream()
                .map(SourceStats::asOf)
                .filter(Objects::nonNull)
                .max((a, b) -> a.compareTo(b))
                .ifPresent(asOf -> {
                    shell.out().println();
                    shell.out().println("Last complete scan: " + Json.time(asOf));
                });
    }

    private static String describe(VectorStorage vectors) {
        return "table " + vectors.table() + ", " + vectors.type() + ", "
                + (vectors.index() == null ? "no index" : "index " + vectors.index());
    }

    private static ObjectNode json(
            Fingerprint fingerprint, List<SourceStats> sources, @Nullable VectorStorage vectors) {
        ObjectNode json = Json.object();
        json.put("generation", fingerprint.generation());
        ArrayNode list = json.putArray("sources");
        sources.forEach(source -> list.addRawValue(new RawValue(source.toJson())));
        if (vectors == null) {
            json.putNull("vectors");
        } else {
            json.putObject("vectors")
                    .put("table", vectors.table())
                    .put("type", vectors.type())
                    .put("index", vectors.index());
        }
        return json;
    }
}
