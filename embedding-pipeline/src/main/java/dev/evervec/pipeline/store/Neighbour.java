package dev.evervec.pipeline.store;

import dev.evervec.pipeline.source.RecordKey;

/**
 * A record whose vector is near to that of a query.
 *
 * @param key whose vector it is
 * @param similarity the cosine of the angle between the two vectors, from -1 to 1
 */
public record Neighbour(RecordKey key, double similarity) {}
