/** Measures what is not public there. */
@NullMarked
package dev.evervec.provider.openai;

import org.jspecify.annotations.NullMarked;
