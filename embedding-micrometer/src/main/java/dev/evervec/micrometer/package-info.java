/** Metrics of builds and of the ledger for any Micrometer registry; the front door is {@code EvervecMetrics}. */
@NullMarked
package dev.evervec.micrometer;

import org.jspecify.annotations.NullMarked;
