package dev.evervec.store.jdbc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Where a test has a store of its own. */
interface Place extends AutoCloseable {
    /** What is in the messages of its failures. */
    String name();

    /** A dialect of its own. */
    Dialect dialect();

    Tables tables();

    /** The statement that makes {@code host_copy}, with an {@code id} and an {@code embedding}. */
    String makeCopy();

    /** Deletes it. */
    @Override
    void close();

    /** An SQLite file. */
    static Place in(Path file) {
        return new Place() {
            @Override
            public String name() {
                return file.getFileName().toString();
            }

            @Override
            public Dialect dialect() {
                return SqliteDialect.in(file);
            }

            @Override
            public Tables tables() {
                return new Tables(file);
            }

            @Override
            public String makeCopy() {
                return "create table host_copy (id text primary key, embedding blob)";
            }

            @Override
            public void close() {
                for (String suffix : List.of("", "-wal", "-shm", ".evervec.lock", ".evervec-live.lock")) {
                    try {
                        Files.deleteIfExists(file.resolveSibling(file.getFileName() + suffix));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            }
        };
    }

    /** A schema. */
    static Place in(TestPostgres database, String schema) {
        return new Place() {
            @Override
            public String name() {
                return schema;
            }

            @Override
            public Dialect dialect() {
                return new PostgresDialect(PostgresServer.of(database.settings()), schema);
            }

            @Override
            public Tables tables() {
                return new Tables(database, schema);
            }

            @Override
            public String makeCopy() {
                return "create schema " + schema + "; create table " + schema
                        + ".host_copy (id text primary key, embedding real[])";
            }

            @Override
            public void close() {
                database.execute("drop schema if exists " + schema + " cascade");
            }
        };
    }
}
