package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.KeptVector;
import dev.evervec.pipeline.store.Sha256;
import java.nio.ByteBuffer;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which records have a vector of which text. Every method runs inside a transaction.
 *
 * <p>Hashes come in no order: in one large index every commit would change a page of its own for nearly every vector, and
 * write many times what the vectors take. So entries wait in a small table, which is poured into the large one now and then,
 * in order. Entries are never taken back: what they lead to must have been bought by
 * the same job and have the whole hash. Where each generation has a table of its own, an index on the text's hash does instead.
 */
final class Texts {
    /** So many entries wait: enough to fill each page of a large table a little, few enough to be counted at each commit. */
    static final int WAITING = 16_384;

    private static final String COLUMNS = "generation, text_key, bought_by, record";
    private static final Bulk ADD = Bulk.insert(
            "generation bigint, text_key bigint, bought_by bigint, record bigint",
            "evervec_text_recent (" + COLUMNS + ")",
            "r.generation, r.text_key, r.bought_by, r.record",
            "on conflict do nothing");
    private static final String WAIT = "select count(*) from evervec_text_recent";
    private static final String POUR = "insert into evervec_text (" + COLUMNS + ") select " + COLUMNS
            + " from evervec_text_recent where true order by " + COLUMNS + " on conflict do nothing";
    private static final String ROW = "generation bigint, text_key bigint, text_hash bytea";
    /** Nearly all texts are new, and asking for many at once is far cheaper than looking for each. */
    static final Bulk NOTED = Bulk.select(
            "generation bigint, text_key bigint",
            "1",
            "(select 1)",
            "exists (select 1 from evervec_text_recent t where t.generation = r.generation and t.text_key = r.text_key)"
                    + " or exists (select 1 from evervec_text t where t.generation = r.generation and t.text_key = r.text_key)");
    // Cross joins keep SQLite from beginning with the vectors: entries are few, whatever it thinks of a generation.
    private static final String FIND = "select {vector}, v.bought_by from %s t cross join evervec_ledger l"
            + " cross join {vectors} v where t.generation = r.generation and t.text_key = r.text_key"
            + " and l.number = t.record and l.generation = t.generation and v.generation = l.generation"
            + " and v.source = l.source and v.id = l.id and v.bought_by = t.bought_by"
            + " and v.text_hash = r.text_hash order by t.bought_by desc limit 1";
    static final List<Bulk> FINDS = List.of(
            Bulk.select(ROW, FIND.formatted("evervec_text_recent")), Bulk.select(ROW, FIND.formatted("evervec_text")));
    private static final List<Bulk> FINDS_BY_INDEX = List.of(Bulk.select(
            ROW,
            "select {vector}, v.bought_by from {vectors} v where v.text_hash = r.text_hash"
                    + " order by v.bought_by desc limit 1"));

    private Texts() {}

    /**
     * Says that a record got the vector of a text.
     *
     * @param record number of its row in the ledger
     */
    record Entry(Sha256 text, long boughtBy, long record) {}

    /** Notes which records got vectors of which texts. */
    static void add(Session session, Generation generation, List<Entry> entries) throws SQLException {
        if (hasIndex(generation) || entries.isEmpty()) {
            return;
        }
        Rows rows = session.rows(ADD);
        for (Entry entry : entries) {
            rows.add(generation.number(), key(entry.text), entry.boughtBy, entry.record);
        }
        rows.run();
        if (session.number(WAIT) >= WAITING) {
            session.update(POUR);
            session.update("delete from evervec_text_recent");
        }
    }

    private static boolean hasIndex(Generation generation) {
        return generation.type() != VectorType.BLOB;
    }

    /** Takes out the entries of a generation. */
    static void prune(Session session, Generation generation) throws SQLException {
        if (!hasIndex(generation)) {
            session.update("delete from evervec_text_recent where generation = ?", generation.number());
            session.update("delete from evervec_text where generation = ?", generation.number());
        }
    }

    /** The latest bought vector of each of these texts that has one. */
    static Map<Sha256, KeptVector> find(Session session, Generation generation, Set<Sha256> texts) throws SQLException {
        List<Sha256> asked = hasIndex(generation) ? List.copyOf(texts) : noted(session, generation, List.copyOf(texts));
        Map<Sha256, KeptVector> found = new HashMap<>();
        for (Bulk find : hasIndex(generation) ? FINDS_BY_INDEX : FINDS) {
            Rows rows = session.rows(generation.sql(find));
            for (Sha256 text : asked) {
                rows.add(generation.number(), key(text), text.bytes());
            }
            rows.forEach((place, row) -> found.merge(
                    asked.get(place),
                    new KeptVector(generation.vector(row, 1), row.getLong(2)),
                    (a, b) -> a.job() < b.job() ? b : a));
        }
        return found;
    }

    /** Those that an entry leads to. */
    private static List<Sha256> noted(Session session, Generation generation, List<Sha256> texts) throws SQLException {
        Rows rows = session.rows(NOTED);
        for (Sha256 text : texts) {
            rows.add(generation.number(), key(text));
        }
        List<Sha256> noted = new ArrayList<>();
        rows.forEach((place, row) -> noted.add(texts.get(place)));
        return noted;
    }

    /** The first six bytes: as good as unique, and as short as a number can be. */
    private static long key(Sha256 text) {
        return ByteBuffer.wrap(text.bytes()).getLong() >>> Short.SIZE;
    }
}
