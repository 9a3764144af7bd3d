package dev.evervec.examples;

import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.GenerationInfo;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Deletes an old generation. */
@Command(
        name = "prune",
        description = {
            "Deletes a generation: its vectors and what is known of its records. Asks nothing.",
            "The generation of the configuration is refused. The file of an SQLite store keeps its size; the space is used"
                    + " again."
        },
        footer = ExitCode.HELP)
final class PruneCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Parameters(paramLabel = "GENERATION", description = "Its name: 8 hex digits, as listed by generations.")
    private String generation = "";

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    PruneCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            EmbeddingStore store = wiring.existingStore();
            if (generation.equals(wiring.fingerprint().generation())) {
                throw new UsageException("generation " + generation
                        + " is the one that the configuration uses, and is not pruned: configure another model first");
            }
            long vectors = store.prune(generation).orElseThrow(() -> unknown(store));
            report(vectors);
        }
        return ExitCode.OK;
    }

    private UsageException unknown(EmbeddingStore store) {
        String known = store.generations().stream().map(GenerationInfo::name).collect(Collectors.joining(", "));
        return new UsageException("there is no generation " + generation + ": "
                + (known.isEmpty() ? "the store has none yet" : "the store has " + known));
    }

    private void report(long vectors) {
        if (json) {
            shell.out()
                    .println(Json.line(
                            Json.object().put("generation", generation).put("vectors_deleted", vectors)));
        } else {
            shell.out().println("Deleted generation " + generation + " with " + SourceTable.count(vectors, "vector"));
        }
    }
}
