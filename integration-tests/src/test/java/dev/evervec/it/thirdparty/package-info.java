/**
 * A provider as somebody else would write it: against {@code embedding-core} and nothing else of this project.
 */
@NullMarked
package dev.evervec.it.thirdparty;

import org.jspecify.annotations.NullMarked;
