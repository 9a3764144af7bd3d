package dev.evervec.pipeline.report;

import dev.evervec.pipeline.source.RecordKey;

/**
 * Why a job has no vector for a record.
 *
 * @param key which record
 * @param reason why
 * @param detail more about it, without any text of the record
 */
public record RecordOutcome(RecordKey key, Reason reason, String detail) {}
