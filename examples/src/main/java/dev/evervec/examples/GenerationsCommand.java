package dev.evervec.examples;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.examples.TextTable.Column;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.GenerationInfo;
import dev.evervec.provider.ModelIdentity;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists the generations of the store. */
@Command(
        name = "generations",
        description = {
            "Lists the generations of vectors in the store, newest first.",
            "A generation is all vectors of one model, dimension, task type, normalisation and rewriting; a change of any of"
                    + " them starts a new one beside the old one, which stays until it is pruned."
        },
        footer = ExitCode.HELP)
final class GenerationsCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    GenerationsCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            String current = wiring.fingerprint().generation();
            List<GenerationInfo> generations = wiring.existingStore().generations();
            if (json) {
                shell.out().println(Json.line(json(generations, current)));
            } else if (generations.isEmpty()) {
                shell.out().println("No generations yet: run a build first");
            } else {
                print(generations, current);
            }
        }
        return ExitCode.OK;
    }

    /** A generation in words. */
    static String describe(Fingerprint fingerprint) {
        ModelIdentity model = fingerprint.embedding();
        return "Generation " + fingerprint.generation() + ": " + model.provider() + " " + model.model() + ", "
                + model.dimension() + " dimensions"
                + (model.taskType().isEmpty() ? "" : ", " + model.taskType())
                + (fingerprint.rewrite().isEmpty() ? "" : ", rewritten");
    }

    private void print(List<GenerationInfo> generations, String current) {
        TextTable table = new TextTable(
                Column.text("generation"),
                Column.text("provider"),
                Column.text("model"),
                Column.number("dim"),
                Column.text("rewritten"),
                Column.number("vectors"),
                Column.text("created"),
                Column.text("current"));
        for (GenerationInfo generation : generations) {
            ModelIdentity model = generation.fingerprint().embedding();
            table.row(
                    generation.name(),
                    model.provider(),
                    model.model(),
                    Integer.toString(model.dimension()),
                    generation.fingerprint().rewrite().isEmpty() ? "no" : "yes",
                    SourceTable.count(generation.vectors()),
                    String.valueOf(Json.time(generation.createdAt())),
                    generation.name().equals(current) ? "yes" : "no");
        }
        table.print(shell.out());
    }

    private static ObjectNode json(List<GenerationInfo> generations, String current) {
        ObjectNode json = Json.object();
        ArrayNode list = json.putArray("generations");
        for (GenerationInfo generation : generations) {
            ModelIdentity model = generation.fingerprint().embedding();
            list.addObject()
                    .put("name", generation.name())
                    .put("provider", model.provider())
                    .put("model", model.model())
                    .put("dim", model.dimension())
                    .put("task_type", model.taskType())
                    .put("normalization", model.normalization())
                    .put("rewrite", generation.fingerprint().rewrite())
                    .put("vectors", generation.vectors())
                    .put("created_at", Json.time(generation.createdAt()))
                    .put("current", generation.name().equals(current));
        }
        return json;
    }
}
