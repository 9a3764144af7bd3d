/** Other libraries as contenders: as they are documented, and at their best settings. */
@NullMarked
package dev.evervec.benchmarks.rivals;

import org.jspecify.annotations.NullMarked;
