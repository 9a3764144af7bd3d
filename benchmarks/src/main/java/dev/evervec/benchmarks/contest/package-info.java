/** Those who embed, each in a process of its own, so that they can be compared. */
@NullMarked
package dev.evervec.benchmarks.contest;

import org.jspecify.annotations.NullMarked;
