package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.KeptVector;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.Embedding;
import java.nio.ByteBuffer;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which records have a vector of which text. Every method runs inside a transaction.
 *
 * <p>Hashes come in no order: in one large index every commit would change a page of its own for nearly every vector, and
 * write many times what the vectors take. So entries wait in a small table, which is poured into the large one now and then,
 * in order. Entries are never taken back: what they lead to must have been bought by
 * the same job and have the whole hash.
 */
final class Texts {
    /** So many entries wait: enough to fill each page of a large table a little, few enough to be counted at each commit. */
    static final int WAITING = 16_384;

    private static final String COLUMNS = "generation, text_key, bought_by, record";
    private static final String ADD =
            "insert into evervec_text_recent (" + COLUMNS + ") values (?, ?, ?, ?) on conflict do nothing";
    private static final String WAIT = "select count(*) from evervec_text_recent";
    private static final String POUR = "insert into evervec_text (" + COLUMNS + ") select " + COLUMNS
            + " from evervec_text_recent where true order by " + COLUMNS + " on conflict do nothing";
    // Cross joins keep SQLite from beginning with the vectors: entries are few, whatever it thinks of a generation.
    private static final String FIND = "select v.vector, v.bought_by from %s t cross join evervec_ledger l"
            + " cross join evervec_vector v where t.generation = ? and t.text_key = ? and l.number = t.record"
            + " and l.generation = t.generation and v.generation = l.generation and v.source = l.source"
            + " and v.id = l.id and v.bought_by = t.bought_by and v.text_hash = ? order by t.bought_by desc limit 1";
    static final List<String> FINDS = List.of(FIND.formatted("evervec_text_recent"), FIND.formatted("evervec_text"));

    private Texts() {}

    /** Entries for vectors, to be filled with {@link #add}. */
    static Session.Batch entries(Session session) throws SQLException {
        return session.batch(ADD);
    }

    static void add(Session.Batch entries, long generation, Sha256 text, long boughtBy, long record)
            throws SQLException {
        entries.add(generation, key(text), boughtBy, record);
    }

    /** To be called when entries were added. */
    static void settle(Session session) throws SQLException {
        if (session.number(WAIT) >= WAITING) {
            session.update(POUR);
            session.update("delete from evervec_text_recent");
        }
    }

    /** Takes out the entries of a generation. */
    static void prune(Session session, long generation) throws SQLException {
        session.update("delete from evervec_text_recent where generation = ?", generation);
        session.update("delete from evervec_text where generation = ?", generation);
    }

    /** The latest bought vector of each of these texts that has one. */
    static Map<Sha256, KeptVector> find(Session session, long generation, Set<Sha256> texts) throws SQLException {
        Map<Sha256, KeptVector> found = new HashMap<>();
        for (Sha256 text : texts) {
            for (String find : FINDS) {
                Optional<KeptVector> vector = session.first(
                        find,
                        row -> new KeptVector(Embedding.fromLittleEndian(row.getBytes(1)), row.getLong(2)),
                        generation,
                        key(text),
                        text.bytes());
                vector.ifPresent(kept -> found.merge(text, kept, (a, b) -> a.job() < b.job() ? b : a));
            }
        }
        return found;
    }

    /** The first six bytes: as good as unique, and as short as a number can be. */
    private static long key(Sha256 text) {
        return ByteBuffer.wrap(text.bytes()).getLong() >>> Short.SIZE;
    }
}
