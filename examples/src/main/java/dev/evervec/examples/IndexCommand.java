package dev.evervec.examples;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.store.jdbc.VectorIndex;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Makes the index by which a large generation is searched. */
@Command(
        name = "index",
        description = {
            "Makes an HNSW index of the vectors, for searches in a PostgreSQL store with pgvector. Best done after the first build"
                    + " of a large table: an index slows every write down. Nobody has to wait meanwhile.",
            "If the index is there already, nothing is done."
        },
        footer = ExitCode.HELP)
final class IndexCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    IndexCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            Fingerprint fingerprint = wiring.fingerprint();
            VectorIndex index = wiring.existingStore().createVectorIndex(fingerprint);
            if (json) {
                shell.out().println(Json.line(json(fingerprint, index)));
            } else {
                shell.out().println(GenerationsCommand.describe(fingerprint));
                shell.out().println(describe(index));
            }
        }
        return ExitCode.OK;
    }

    private static String describe(VectorIndex index) {
        return switch (index.outcome()) {
            case CREATED -> "Made the index " + named(index);
            case REPLACED -> "Made the index " + named(index) + ", in place of one that was left unfinished";
            case FOUND -> "There is the index " + named(index) + " already";
        };
    }

    private static String named(VectorIndex index) {
        return index.name() + " (hnsw, " + index.over() + ", cosine)";
    }

    static ObjectNode json(Fingerprint fingerprint, VectorIndex index) {
        ObjectNode json = Json.object();
        json.put("generation", fingerprint.generation());
        json.put("index", index.name());
        json.put("over", index.over());
        json.put("outcome", index.outcome().name().toLowerCase(Locale.ROOT));
        return json;
    }
}
