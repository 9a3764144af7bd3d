package dev.evervec.provider;

import java.util.Objects;

/**
 * Everything about a model that decides what it answers: two equal identities give interchangeable answers. Base URL and
 * key are not part of it.
 *
 * @param provider the provider's configured name, such as {@code openai}
 * @param model the model name as sent to the service
 * @param dimension components of a vector; 0 for a model that rewrites
 * @param taskType the task type that takes effect on documents; empty where the provider or model ignores it
 * @param normalization what is done to vectors: {@code none}, or {@code l2} if they leave the provider with length 1
 *     because it re-normalises them
 * @param temperature the sampling temperature as configured; empty for embeddings and where the service's default is used
 */
public record ModelIdentity(
        String provider, String model, int dimension, String taskType, String normalization, String temperature) {
    public ModelIdentity {
        Objects.requireNonNull(taskType, "taskType");
        Objects.requireNonNull(normalization, "normalization");
        Objects.requireNonNull(temperature, "temperature");
        if (provider.isBlank() || model.isBlank()) {
            throw new IllegalArgumentException("provider and model must not be blank");
        }
        if (dimension < 0) {
            throw new IllegalArgumentException("dimension must not be negative: " + dimension);
        }
    }

    /**
     * A model that embeds.
     *
     * @throws IllegalArgumentException if the dimension is not positive
     */
    public static ModelIdentity embedding(
            String provider, String model, int dimension, String taskType, String normalization) {
        if (dimension < 1) {
            throw new IllegalArgumentException("dimension must be positive: " + dimension);
        }
        return new ModelIdentity(provider, model, dimension, taskType, normalization, "");
    }

    /** A model that rewrites. */
    public static ModelIdentity rewriting(String provider, String model, String temperature) {
        return new ModelIdentity(provider, model, 0, "", "none", temperature);
    }
}
