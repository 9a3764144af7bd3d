package dev.evervec.pipeline.store;

import dev.evervec.provider.Embedding;

/**
 * A stored vector found by its text.
 *
 * @param embedding the vector
 * @param job number of the job that bought it; see {@link Claim#freshSince()}
 */
public record KeptVector(Embedding embedding, long job) {}
