package dev.evervec.store.jdbc;

import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import dev.evervec.store.jdbc.OutboxTable.Signal;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Triggers that note writes to a host's table. Values are compared byte by byte, whatever the collation or the type of the column
 * holds equal, and after all other triggers have had their say.
 */
final class TriggerDdl {
    /** With the rest of a name at most the 63 bytes that PostgreSQL keeps of it. */
    private static final int LONGEST_SLUG = 36;

    private final TriggerSpec spec;
    private final Database database;
    private final String name;

    private TriggerDdl(TriggerSpec spec, Database database) {
        this.spec = spec;
        this.database = database;
        this.name = "evervec_" + slug(spec.table()) + "_" + hash(spec);
    }

    static List<String> create(Database database, TriggerSpec spec) {
        TriggerDdl ddl = new TriggerDdl(spec, database);
        return switch (database) {
            case POSTGRESQL -> ddl.createInPostgres();
            case SQLITE -> ddl.createInSqlite();
            case H2, MYSQL -> throw refused(database);
        };
    }

    static List<String> drop(Database database, TriggerSpec spec) {
        TriggerDdl ddl = new TriggerDdl(spec, database);
        return switch (database) {
            case POSTGRESQL -> ddl.dropInPostgres();
            case SQLITE -> ddl.dropInSqlite();
            case H2, MYSQL -> throw refused(database);
        };
    }

    private static IllegalArgumentException refused(Database database) {
        return new IllegalArgumentException("there are no triggers for " + database
                + ": note changes with EmbeddingQueue.enqueue, or write triggers that insert into "
                + EmbeddingQueue.TABLE);
    }

    // PostgreSQL: a function, and two triggers, because only that of updates may compare before it is called.

    private List<String> createInPostgres() {
        List<String> statements = new ArrayList<>();
        statements.add(check());
        statements.add(function());
        statements.add(dropTrigger("_row"));
        statements.add("create trigger " + quoted(name + "_row") + " after insert or delete on " + table()
                + " for each row execute function " + inSchema(name) + "()");
        statements.add(dropTrigger("_update"));
        statements.add("create trigger " + quoted(name + "_update") + " after update on " + table()
                + " for each row\n  when (" + changed(allColumns(), TriggerDdl::pgText, " is distinct from ")
                + ")\n  execute function " + inSchema(name) + "()");
        return List.copyOf(statements);
    }

    private String function() {
        String body = """

                declare
                  moved boolean := tg_op <> 'UPDATE';
                begin
                  if tg_op = 'UPDATE' then
                    moved := %s;
                  end if;
                  if tg_op <> 'INSERT' and moved then
                    %s;
                  end if;
                  if tg_op <> 'DELETE' then
                    %s;
                  end if;
                  %s
                  return null;
                end
                """.formatted(
                        changed(keyColumns(), TriggerDdl::pgText, " is distinct from "),
                        pgInsert("old", "'delete'"),
                        pgInsert("new", "case when moved then 'create' else 'update' end"),
                        spec.outbox().signal() == Signal.NOTIFY
                                ? "perform " + spec.outbox().pgNotify() + ";"
                                : "-- nobody is told");
        // What is found by its name now is found by all sessions, whatever their search path.
        return "create or replace function " + inSchema(name)
                + "() returns trigger language plpgsql set search_path from current as "
                + dollarQuoted(body);
    }

    private String pgInsert(String row, String op) {
        return "insert into " + spec.outbox().withColumns(database) + "\n      select "
                + source(row, "::text") + ", " + row + "." + quoted(spec.idColumn()) + "::text, " + op
                + ", (extract(epoch from clock_timestamp()) * 1000)::bigint\n      where "
                + row + "." + quoted(spec.idColumn()) + " is not null";
    }

    private static String pgText(String column) {
        return column + "::text collate \"C\"";
    }

    private List<String> dropInPostgres() {
        return List.of(dropTrigger("_row"), dropTrigger("_update"), "drop function if exists " + inSchema(name) + "()");
    }

    private String dropTrigger(String suffix) {
        return "drop trigger if exists " + quoted(name + suffix) + " on " + table();
    }

    /** In quotes that do not occur in it. */
    private static String dollarQuoted(String body) {
        String tag = "$evervec$";
        for (int i = 1; body.contains(tag); i++) {
            tag = "$evervec" + i + "$";
        }
        return tag + body + tag;
    }

    // SQLite: one trigger each. Names of tables stand alone in them: what a trigger writes to is in its own file.

    private List<String> createInSqlite() {
        if (spec.outbox().schema() != null) {
            throw new IllegalArgumentException(
                    "SQLite's triggers write into their own file: leave outboxIn(...) out, and make the outbox there");
        }
        List<String> statements = new ArrayList<>();
        statements.add(check());
        statements.addAll(dropInSqlite());
        statements.add(sqliteTrigger("_insert", "insert", "", sqliteInsert("new", "'create'", "")));
        statements.add(sqliteTrigger("_delete", "delete", "", sqliteInsert("old", "'delete'", "")));
        String moved = changed(keyColumns(), TriggerDdl::sqliteBytes, " is not ");
        statements.add(sqliteTrigger(
                "_update",
                "update",
                " when " + changed(allColumns(), TriggerDdl::sqliteBytes, " is not "),
                sqliteInsert("old", "'delete'", " and (" + moved + ")")
                        + sqliteInsert("new", "case when " + moved + " then 'create' else 'update' end", "")));
        return List.copyOf(statements);
    }

    private String sqliteTrigger(String suffix, String event, String when, String body) {
        return "create trigger " + inSchema(name + suffix) + " after " + event + " on " + quoted(spec.table())
                + " for each row" + when + "\nbegin\n" + body + "end";
    }

    private String sqliteInsert(String row, String op, String condition) {
        return "  insert into " + spec.outbox().withColumns(database) + "\n    select "
                + source(row, "") + ", cast(" + row + "." + quoted(spec.idColumn()) + " as text), " + op
                + ", cast((julianday('now') - 2440587.5) * 86400000 as integer)\n    where "
                + row + "." + quoted(spec.idColumn()) + " is not null" + condition + ";\n";
    }

    private static String sqliteBytes(String column) {
        return column + " collate binary";
    }

    private List<String> dropInSqlite() {
        return Stream.of("_insert", "_delete", "_update")
                .map(suffix -> "drop trigger if exists " + inSchema(name + suffix))
                .toList();
    }

    // Both.

    /** Fails where the triggers would fail when somebody writes to the table: if it, the outbox or a column is missing. */
    private String check() {
        return "select evervec.seq, "
                + allColumns().map(column -> "host." + quoted(column)).collect(Collectors.joining(", "))
                + " from " + spec.outbox().in(database) + " as evervec, " + table() + " as host where 1 = 0";
    }

    private Stream<String> allColumns() {
        return Stream.concat(keyColumns(), spec.columns().stream()).distinct();
    }

    private Stream<String> keyColumns() {
        return Stream.concat(Stream.of(spec.idColumn()), Stream.ofNullable(spec.sourceColumn()));
    }

    private static String changed(Stream<String> columns, UnaryOperator<String> bytes, String differs) {
        return columns.map(TriggerDdl::quoted)
                .map(column -> bytes.apply("old." + column) + differs + bytes.apply("new." + column))
                .collect(Collectors.joining(" or "));
    }

    private String source(String row, String cast) {
        String constant = SqlNames.constant(spec.sourceName());
        return spec.sourceColumn() == null
                ? constant
                : "coalesce(" + row + "." + quoted(spec.sourceColumn()) + cast + ", " + constant + ")";
    }

    private String table() {
        return inSchema(spec.table());
    }

    private String inSchema(String name) {
        return spec.schema() == null ? quoted(name) : quoted(spec.schema()) + "." + quoted(name);
    }

    private static String quoted(String name) {
        return SqlNames.quoted(name);
    }

    private static String slug(String table) {
        String plain = table.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "_");
        return plain.substring(0, Math.min(LONGEST_SLUG, plain.length()));
    }

    /** Two sources may be made of one table. */
    private static String hash(TriggerSpec spec) {
        String identity = String.join(
                "\0",
                String.valueOf(spec.schema()),
                spec.table(),
                String.valueOf(spec.sourceColumn()),
                spec.sourceName());
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(identity.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
