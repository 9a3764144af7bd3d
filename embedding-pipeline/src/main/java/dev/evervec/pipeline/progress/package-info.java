/**
 * What a running job tells its listeners.
 */
@NullMarked
package dev.evervec.pipeline.progress;

import org.jspecify.annotations.NullMarked;
