/** The admin page, as people with a browser meet it. */
@NullMarked
package dev.evervec.browser;

import org.jspecify.annotations.NullMarked;
