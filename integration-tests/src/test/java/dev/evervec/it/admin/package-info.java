/** Admin pages as hosts wire them into their own frameworks: what {@code docs/admin-page.md} shows. */
@NullMarked
package dev.evervec.it.admin;

import org.jspecify.annotations.NullMarked;
