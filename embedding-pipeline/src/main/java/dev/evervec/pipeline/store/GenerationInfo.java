package dev.evervec.pipeline.store;

import java.time.Instant;

/**
 * All vectors of one fingerprint.
 *
 * @param name 8 hex digits of the fingerprint
 * @param fingerprint what they are
 * @param vectors how many there are
 * @param createdAt when the first job on it began
 */
public record GenerationInfo(String name, Fingerprint fingerprint, long vectors, Instant createdAt) {}
