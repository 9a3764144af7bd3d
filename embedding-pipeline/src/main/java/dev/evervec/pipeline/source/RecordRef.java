package dev.evervec.pipeline.source;

/** A record to be fetched: its key and where its source said to find it. */
public record RecordRef(RecordKey key, Locator locator) {}
