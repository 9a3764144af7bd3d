package dev.evervec.config;

import dev.evervec.provider.Secret;
import org.jspecify.annotations.Nullable;

/**
 * The {@code [store]} table: where ledger and vectors are kept.
 *
 * @param url a {@code jdbc:sqlite:} or {@code jdbc:postgresql:} URL; a relative SQLite file is resolved against the folder
 *     of the configuration file
 * @param user database user, or null
 * @param password database password, from the file or {@code EVERVEC_STORE_PASSWORD}, or null
 * @param schema database schema, or null for the default
 */
public record StoreSettings(
        String url,
        @Nullable String user,
        @Nullable Secret password,
        @Nullable String schema) {
    /** Leaves out what follows the database in the URL: it may carry a password. */
    @Override
    public String toString() {
        int parameters = url.indexOf('?');
        String shown = parameters < 0 ? url : url.substring(0, parameters) + "?...";
        return "StoreSettings[url=" + shown + ", user=" + user + ", password=" + password + ", schema=" + schema + "]";
    }
}
