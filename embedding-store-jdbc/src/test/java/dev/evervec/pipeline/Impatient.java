package dev.evervec.pipeline;

import java.time.Duration;

/** Builds that give a store up that goes on failing after a few tries. */
public final class Impatient {
    private Impatient() {}

    public static BuildPipeline.Builder with(BuildPipeline.Builder builder) {
        return builder.storePatience(Duration.ZERO);
    }
}
