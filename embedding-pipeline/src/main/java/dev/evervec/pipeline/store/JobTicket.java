package dev.evervec.pipeline.store;

/**
 * A running job as the store knows it.
 *
 * @param number the store's own number of the job, ascending
 * @param owner names this worker in claims
 * @param start what was asked
 */
public record JobTicket(long number, String owner, JobStart start) {}
