package dev.evervec.pipeline.store;

/**
 * What was left when a job ended.
 *
 * @param untaken records on its list that it had not taken; they are pending as before
 */
public record JobEnd(long untaken) {}
