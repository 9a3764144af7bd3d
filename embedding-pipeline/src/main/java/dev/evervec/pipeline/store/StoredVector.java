package dev.evervec.pipeline.store;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.Embedding;

/**
 * A vector as it is stored.
 *
 * @param key whose it is
 * @param textHash hash of the text that was embedded
 * @param embedding the vector
 */
public record StoredVector(RecordKey key, Sha256 textHash, Embedding embedding) {}
