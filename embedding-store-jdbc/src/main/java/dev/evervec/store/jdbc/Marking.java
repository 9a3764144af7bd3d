package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.ScannedRecord;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;

/** How a job compares what its source has with the ledger. Owned by the writer; methods run inside a transaction. */
interface Marking {
    /** Compares one page, which may be marked again if it was not committed. */
    MarkedPage mark(Session session, List<ScannedRecord> page, MarkMode mode, long now) throws SQLException;

    /** To be called when a page's transaction was committed. */
    void pageCommitted();

    /** Ends it. */
    ScanSummary end(Session session, ScanScope scope, double maxVanishedShare, long now) throws SQLException;

    /** Whether another worker of the job has scanned before, and died. */
    default boolean isRepeated() {
        return false;
    }

    /** That of a worker that does not scan. */
    Marking NONE = new Marking() {
        @Override
        public MarkedPage mark(Session session, List<ScannedRecord> page, MarkMode mode, long now) {
            return new MarkedPage(0, List.of(), List.of(), List.of());
        }

        @Override
        public void pageCommitted() {
            // Nothing is marked.
        }

        @Override
        public ScanSummary end(Session session, ScanScope scope, double maxVanishedShare, long now) {
            return new ScanSummary(Map.of(), Map.of());
        }
    };
}
