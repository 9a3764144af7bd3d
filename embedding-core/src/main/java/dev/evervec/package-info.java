/**
 * The front door of the core: from a configuration to providers that are ready for use.
 */
@NullMarked
package dev.evervec;

import org.jspecify.annotations.NullMarked;
