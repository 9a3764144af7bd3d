/**
 * Builds embeddings: from records to stored vectors.
 *
 * <p>{@link dev.evervec.pipeline.BuildPipeline} is the way in. Everything that decides during a build is one
 * single-threaded state machine; threads only carry out its commands.
 */
@NullMarked
package dev.evervec.pipeline;

import org.jspecify.annotations.NullMarked;
