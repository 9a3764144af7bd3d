package dev.evervec.config;

import java.nio.file.Path;

/** The {@code [records]} table: where the command line reads records from. */
public sealed interface RecordsSettings {
    /**
     * A UTF-8 JSON Lines file.
     *
     * @param file resolved against the folder of the configuration file
     */
    record JsonLines(Path file) implements RecordsSettings {}

    /**
     * A query on a database.
     *
     * @param jdbcUrl where the database is
     * @param query a select of id, content and optionally source and title
     */
    record Sql(String jdbcUrl, String query) implements RecordsSettings {
        /** Leaves the URL out: it may carry a password. */
        @Override
        public String toString() {
            return "Sql[query=" + query + "]";
        }
    }
}
