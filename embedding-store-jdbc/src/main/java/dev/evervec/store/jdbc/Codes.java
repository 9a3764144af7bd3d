package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.RecordState;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Values as columns hold them. */
final class Codes {
    private Codes() {}

    static RecordState state(String code) {
        return RecordState.valueOf(code.toUpperCase(Locale.ROOT));
    }

    static String kind(JobStart.Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT);
    }

    static JobStart.Kind kind(String code) {
        return JobStart.Kind.valueOf(code.toUpperCase(Locale.ROOT));
    }

    static String role(JobTicket.Role role) {
        return role.name().toLowerCase(Locale.ROOT);
    }

    static @Nullable Reason reason(@Nullable String code) {
        return code == null ? null : Reason.ofCode(code);
    }

    static @Nullable Long millis(@Nullable Instant instant) {
        return instant == null ? null : instant.toEpochMilli();
    }

    static @Nullable Instant instant(ResultSet row, int column) throws SQLException {
        long millis = row.getLong(column);
        return row.wasNull() ? null : Instant.ofEpochMilli(millis);
    }

    /** The key in two columns, beginning with this one. */
    static RecordKey key(ResultSet row, int column) throws SQLException {
        return new RecordKey(row.getString(column), row.getString(column + 1));
    }

    /** An empty blob may be read back as null. */
    static Locator locator(ResultSet row, int column) throws SQLException {
        byte[] bytes = row.getBytes(column);
        return bytes == null ? Locator.NONE : Locator.of(bytes);
    }
}
