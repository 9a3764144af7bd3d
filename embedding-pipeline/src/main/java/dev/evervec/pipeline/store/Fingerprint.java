package dev.evervec.pipeline.store;

import dev.evervec.provider.ModelIdentity;
import java.util.Objects;

/**
 * Everything that decides what a vector is: two vectors with the same fingerprint may be compared.
 *
 * @param embedding the embedding model
 * @param rewrite fingerprint of the rewriting (provider, model, temperature, prompt); empty without rewriting
 */
public record Fingerprint(ModelIdentity embedding, String rewrite) {
    public Fingerprint {
        Objects.requireNonNull(rewrite, "rewrite");
        if (embedding.dimension() < 1) {
            throw new IllegalArgumentException("the model does not embed: " + embedding.model());
        }
    }

    /** The fingerprint of a rewriting: changes with provider, model, temperature or prompt. */
    public static String ofRewrite(ModelIdentity model, String promptTemplate) {
        return Sha256.ofText(String.join(
                        "\u0000",
                        model.provider(),
                        model.model(),
                        model.temperature(),
                        Sha256.ofText(promptTemplate).hex()))
                .hex();
    }

    /** The name of the generation of vectors with this fingerprint: 8 hex digits. */
    public String generation() {
        return Sha256.ofText(String.join(
                        "\u0000",
                        embedding.provider(),
                        embedding.model(),
                        Integer.toString(embedding.dimension()),
                        embedding.taskType(),
                        embedding.normalization(),
                        rewrite))
                .hex()
                .substring(0, 8);
    }
}
