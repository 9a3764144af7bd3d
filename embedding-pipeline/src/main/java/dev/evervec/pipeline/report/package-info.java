/**
 * What became of the records of a job.
 */
@NullMarked
package dev.evervec.pipeline.report;

import org.jspecify.annotations.NullMarked;
