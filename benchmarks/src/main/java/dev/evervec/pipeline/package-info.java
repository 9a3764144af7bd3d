/** Measures what is not public there. */
@NullMarked
package dev.evervec.pipeline;

import org.jspecify.annotations.NullMarked;
