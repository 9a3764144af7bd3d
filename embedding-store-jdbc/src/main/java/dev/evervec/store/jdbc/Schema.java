package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Evervec's own tables: their DDL by version, and which of them a database has. */
final class Schema {
    /** The newest version that this code knows. */
    static final int VERSION = 1;

    private static final String TABLE = "evervec_schema";
    private static final String CREATE_TABLE = "create table if not exists " + TABLE
            + " (version integer primary key, applied_at bigint not null, checksum text not null)";

    private final Dialect dialect;
    private final List<String> versions;

    Schema(Dialect dialect) {
        this(dialect, versions(dialect.name()));
    }

    /** @param versions the DDL of each version, beginning with the first */
    Schema(Dialect dialect, List<String> versions) {
        this.dialect = dialect;
        this.versions = versions;
    }

    /** The DDL of each version, beginning with the first. */
    static List<String> versions(String dialect) {
        return IntStream.rangeClosed(1, VERSION)
                .mapToObj(version -> resource(dialect + "/V" + version))
                .toList();
    }

    /** All DDL, for people and for databases whose owner applies it by hand. */
    static String ddl(String dialect) {
        StringBuilder all = new StringBuilder(CREATE_TABLE).append(";\n");
        List<String> versions = versions(dialect);
        for (int version = 1; version <= versions.size(); version++) {
            String text = versions.get(version - 1);
            all.append('\n')
                    .append(text)
                    .append("\ninsert into ")
                    .append(TABLE)
                    .append(" (version, applied_at, checksum) values (")
                    .append(version)
                    .append(", 0, '")
                    .append(checksum(text))
                    .append("');\n");
        }
        return all.toString();
    }

    /** The statements that make a table of vectors, where each generation has its own. */
    static List<String> vectorTable(String table, String type, int bytesInPlace) {
        return statements(resource("postgresql/vectors")
                .replace("{table}", table)
                .replace("{type}", type)
                .replace("{bytes_in_place}", String.valueOf(bytesInPlace)));
    }

    /**
     * Brings the database to the newest version, in one transaction. A database that is there already is only read.
     *
     * @throws StoreException if a newer or another Evervec has made its tables
     */
    void apply(Session session) throws SQLException {
        if (!isCurrent(session)) {
            session.inTransaction(this::create);
        }
    }

    private int create(Session session) throws SQLException {
        dialect.beginDdl(session);
        session.execute(CREATE_TABLE);
        Map<Integer, String> applied = applied(session);
        for (int version = 1; version <= versions.size(); version++) {
            if (!applied.containsKey(version)) {
                apply(session, version);
            }
        }
        return versions.size();
    }

    /**
     * Whether the database has tables of the newest version.
     *
     * @throws StoreException if a newer or another Evervec has made its tables
     */
    boolean isCurrent(Session session) throws SQLException {
        return dialect.look(
                session,
                current -> dialect.hasTable(current, TABLE) && applied(current).containsKey(versions.size()));
    }

    /**
     * Whether there is something to read.
     *
     * @throws StoreException if tables are there, and of another version
     */
    boolean isThere(Session session) throws SQLException {
        return dialect.look(session, current -> dialect.hasTable(current, TABLE) && isReadable(applied(current)));
    }

    private boolean isReadable(Map<Integer, String> applied) {
        if (!applied.isEmpty() && !applied.containsKey(versions.size())) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "the tables in " + dialect.location() + " have schema version " + applied.size()
                            + ", this Evervec reads version " + versions.size()
                            + ": open the store for writing once, as a build does, which brings them up to date",
                    null);
        }
        return !applied.isEmpty();
    }

    private void apply(Session session, int version) throws SQLException {
        String text = versions.get(version - 1);
        for (String statement : statements(text)) {
            session.execute(statement);
        }
        session.update(
                "insert into " + TABLE + " (version, applied_at, checksum) values (?, ?, ?)",
                version,
                session.now(),
                checksum(text));
    }

    private Map<Integer, String> applied(Session session) throws SQLException {
        Map<Integer, String> applied = new TreeMap<>();
        session.forEach("select version, checksum from " + TABLE, row -> applied.put(row.getInt(1), row.getString(2)));
        applied.forEach((version, checksum) -> {
            if (version > versions.size()) {
                throw new StoreException(
                        StoreException.Kind.PERMANENT,
                        "the tables in " + dialect.location() + " have schema version " + version
                                + ", this Evervec knows versions up to " + versions.size()
                                + ": use the newer Evervec that made them",
                        null);
            }
            if (!checksum.equals(checksum(versions.get(version - 1)))) {
                throw new StoreException(
                        StoreException.Kind.PERMANENT,
                        "the tables in " + dialect.location() + " were made by another DDL for schema version "
                                + version + " than this Evervec has: use the Evervec that made them, or another "
                                + dialect.container(),
                        null);
            }
        });
        return applied;
    }

    private static String checksum(String text) {
        return Sha256.ofText(text).hex();
    }

    private static String resource(String file) {
        String name = "schema/" + file + ".sql";
        try (InputStream in = Schema.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is missing in the jar of embedding-store-jdbc");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The DDL has no semicolon but at the ends of statements. */
    private static List<String> statements(String text) {
        List<String> statements = new ArrayList<>();
        for (String statement : text.split(";\\s*\n", -1)) {
            if (!statement.isBlank()) {
                statements.add(statement);
            }
        }
        return statements;
    }
}
