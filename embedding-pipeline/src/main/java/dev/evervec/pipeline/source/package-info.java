/**
 * Where records come from: a paged scan for what exists, a fetch for the text of what is taken.
 */
@NullMarked
package dev.evervec.pipeline.source;

import org.jspecify.annotations.NullMarked;
