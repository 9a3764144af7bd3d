/**
 * All modules together: the rules of the architecture, whole builds against servers on the loopback interface, and a real
 * corpus.
 */
@NullMarked
package dev.evervec.it;

import org.jspecify.annotations.NullMarked;
