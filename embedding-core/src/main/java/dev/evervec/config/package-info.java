/**
 * The configuration file: read, checked as a whole and resolved before anything else happens.
 */
@NullMarked
package dev.evervec.config;

import org.jspecify.annotations.NullMarked;
