/**
 * For tests of hosts and of providers: a provider whose answers are a function of the text and whose faults follow a
 * script, a clock moved by hand, and the contract that every provider must pass.
 */
@NullMarked
package dev.evervec.testkit;

import org.jspecify.annotations.NullMarked;
