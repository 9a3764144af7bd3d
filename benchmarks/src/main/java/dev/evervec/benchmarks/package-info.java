/** How long things take that a host waits for. */
@NullMarked
package dev.evervec.benchmarks;

import org.jspecify.annotations.NullMarked;
