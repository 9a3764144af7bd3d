package dev.evervec.pipeline.live;

import dev.evervec.pipeline.source.RecordKey;
import java.util.Locale;
import java.util.Objects;

/**
 * What a host did to one of its records. It is a hint where to look: what becomes of the record is decided by what its source
 * has when it is read.
 *
 * @param key the record
 * @param kind what was done
 */
public record Change(RecordKey key, Kind kind) {
    /** What was done to a record. */
    public enum Kind {
        /** It is new. */
        CREATE,
        /** Its text may have changed. */
        UPDATE,
        /** It is gone: its vector leaves the store, unless the record is there after all. */
        DELETE;

        /** The word used in the outbox, such as {@code create}. */
        public String code() {
            return name().toLowerCase(Locale.ROOT);
        }

        /**
         * The kind with this code.
         *
         * @throws IllegalArgumentException if there is none
         */
        public static Kind ofCode(String code) {
            return valueOf(code.toUpperCase(Locale.ROOT));
        }
    }

    public Change {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(kind, "kind");
    }

    /**
     * A new record.
     *
     * @throws IllegalArgumentException as {@link RecordKey} does
     */
    public static Change created(String source, String id) {
        return new Change(new RecordKey(source, id), Kind.CREATE);
    }

    /**
     * A record whose text may have changed.
     *
     * @throws IllegalArgumentException as {@link RecordKey} does
     */
    public static Change updated(String source, String id) {
        return new Change(new RecordKey(source, id), Kind.UPDATE);
    }

    /**
     * A record that is gone.
     *
     * @throws IllegalArgumentException as {@link RecordKey} does
     */
    public static Change deleted(String source, String id) {
        return new Change(new RecordKey(source, id), Kind.DELETE);
    }
}
