/**
 * The command line: one runnable program that shows the library at work on bundled samples or on records of your own.
 */
@NullMarked
package dev.evervec.examples;

import org.jspecify.annotations.NullMarked;
