package dev.evervec.examples;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.config.LlmConfig;
import dev.evervec.config.RewriteSettings;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Embeds one text, beside all records. */
@Command(
        name = "embed-text",
        description = {
            "Embeds one plain text as a document and prints JSON: embedding, rewritten (null without rewriting), model, dim.",
            "Nothing is stored."
        },
        footer = "%nExit codes: 0 done; 1 the provider failed; 2 wrong usage or configuration.")
final class EmbedTextCommand implements Callable<Integer> {
    private static final String TEXT = "{text}";
    private static final String TITLE = "{title}";

    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Parameters(paramLabel = "TEXT", description = "The text; put it in quotes.")
    private String text = "";

    EmbedTextCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        if (text.isBlank()) {
            throw new UsageException("the text is blank: there is nothing to embed");
        }
        LlmConfig loaded = config.load(shell);
        try (Wiring wiring = Wiring.of(loaded)) {
            String rewritten = rewritten(loaded, wiring.rewriter());
            Embedding embedding = wiring.embedder().embed(rewritten == null ? text : rewritten);
            shell.out().println(Json.line(json(wiring.embedder(), embedding, rewritten)));
        }
        return ExitCode.OK;
    }

    private @Nullable String rewritten(LlmConfig loaded, @Nullable LLMProvider rewriter) {
        if (rewriter == null) {
            return null;
        }
        String template = loaded.rewrite().map(RewriteSettings::promptTemplate).orElse(TEXT);
        String rewritten = rewriter.rewrite(fill(template));
        if (rewritten.isBlank()) {
            throw new UsageException("the rewrite came back blank: there is nothing to embed");
        }
        return rewritten;
    }

    /** The title first: what the text says must not be taken for a placeholder. */
    private String fill(String template) {
        return template.replace(TITLE, "").replace(TEXT, text);
    }

    private static ObjectNode json(LLMProvider embedder, Embedding embedding, @Nullable String rewritten) {
        ObjectNode json = Json.object();
        ArrayNode components = json.putArray("embedding");
        for (int i = 0; i < embedding.dimension(); i++) {
            components.add(embedding.get(i));
        }
        json.put("rewritten", rewritten);
        json.put("model", embedder.model().model());
        json.put("dim", embedding.dimension());
        return json;
    }
}
