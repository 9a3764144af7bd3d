package dev.evervec.pipeline;

import java.time.Duration;

/** Gives pipelines a lease whose end tests can wait for. */
public final class ShortLease {
    private ShortLease() {}

    /** A worker that has not been heard of for so long is taken for dead. */
    public static BuildPipeline.Builder of(Duration lease, BuildPipeline.Builder pipeline) {
        return pipeline.lease(lease);
    }
}
