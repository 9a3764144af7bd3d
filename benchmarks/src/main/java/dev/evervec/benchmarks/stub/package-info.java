/** A service to measure against: answers in OpenAI's and in Gemini's form, as slow and as strict as it is told to be. */
@NullMarked
package dev.evervec.benchmarks.stub;

import org.jspecify.annotations.NullMarked;
