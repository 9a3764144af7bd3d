/**
 * Jobs as an admin page sees them: begun by a click, watched while they run, looked up afterwards, one at a time.
 */
@NullMarked
package dev.evervec.pipeline.jobs;

import org.jspecify.annotations.NullMarked;
