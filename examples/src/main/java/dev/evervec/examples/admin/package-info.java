/**
 * The admin web page: jobs begun by a click, watched while they run and looked up afterwards, behind a login. Meant to be
 * copied into a host that has no web framework of its own.
 */
@NullMarked
package dev.evervec.examples.admin;

import org.jspecify.annotations.NullMarked;
