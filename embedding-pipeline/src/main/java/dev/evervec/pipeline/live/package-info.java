/**
 * Embeds what a host notes as it changes: the outbox that it notes changes in, and the worker that reads it.
 */
@NullMarked
package dev.evervec.pipeline.live;

import org.jspecify.annotations.NullMarked;
