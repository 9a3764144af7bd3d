package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoredVector;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/**
 * Draws vectors at random. The numbers of rows are dense, as long as not much was deleted and generations are few, so most
 * numbers drawn between the first and the last are those of a row. If they are not, all numbers are read, without the vectors.
 */
final class Sample {
    private static final int DRAWS_EACH = 20;
    private static final String ROW =
            "select v.source, v.id, v.text_hash, {vector} from {vectors} v where v.number = ? and v.generation = ?";

    private final Session session;
    private final Generation generation;
    private final Random random;

    Sample(Session session, Generation generation, Random random) {
        this.session = session;
        this.generation = generation;
        this.random = random;
    }

    List<StoredVector> take(int count) throws SQLException {
        long first = session.number(generation.sql("select coalesce(min(number), 0) from {vectors}"));
        long last = session.number(generation.sql("select coalesce(max(number), -1) from {vectors}"));
        Set<Long> drawn = new LinkedHashSet<>();
        List<StoredVector> sample = new ArrayList<>();
        for (long draw = 0; draw < (long) count * DRAWS_EACH && first <= last && sample.size() < count; draw++) {
            long number = random.nextLong(first, last + 1);
            if (drawn.add(number)) {
                vector(number).ifPresent(sample::add);
            }
        }
        return sample.size() < count ? fromAll(count) : sample;
    }

    private Optional<StoredVector> vector(long number) throws SQLException {
        return session.first(
                generation.sql(ROW),
                row -> new StoredVector(
                        Codes.key(row, 1), Sha256.fromBytes(row.getBytes(3)), generation.vector(row, 4)),
                number,
                generation.number());
    }

    /** Every row has the same chance to be in the sample when it ends. */
    private List<StoredVector> fromAll(int count) throws SQLException {
        List<Long> chosen = new ArrayList<>();
        long[] met = new long[1];
        session.stream(
                generation.sql("select number from {vectors} where generation = ? order by number"),
                row -> {
                    met[0]++;
                    if (chosen.size() < count) {
                        chosen.add(row.getLong(1));
                    } else {
                        long place = random.nextLong(met[0]);
                        if (place < count) {
                            chosen.set((int) place, row.getLong(1));
                        }
                    }
                },
                generation.number());
        List<StoredVector> sample = new ArrayList<>();
        for (long number : chosen) {
            vector(number).ifPresent(sample::add);
        }
        return sample;
    }
}
