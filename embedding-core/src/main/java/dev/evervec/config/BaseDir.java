package dev.evervec.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Resolves the files that a configuration names against the folder of the configuration file. */
final class BaseDir {
    private static final String SQLITE = "jdbc:sqlite:";

    private final Path dir;

    BaseDir(Path dir) {
        this.dir = dir.toAbsolutePath().normalize();
    }

    Path resolve(String file) {
        return dir.resolve(file).normalize();
    }

    /** The file that this key names; null if it names none or one that cannot exist. */
    @Nullable
    Path file(TomlTableReader table, String key) {
        String file = table.string(key);
        if (file == null) {
            return null;
        }
        try {
            return resolve(file);
        } catch (InvalidPathException e) {
            table.problem(key, "is no file name: " + e.getReason());
            return null;
        }
    }

    /** The JDBC URL at this key, with an SQLite file resolved; null if there is none. */
    @Nullable
    String jdbcUrl(TomlTableReader table, String key) {
        String url = table.string(key);
        if (url == null) {
            return null;
        }
        if (!url.startsWith("jdbc:")) {
            table.problem(key, "must be a JDBC URL: it begins with jdbc:");
            return null;
        }
        try {
            return url.startsWith(SQLITE) ? SQLITE + sqliteFile(url.substring(SQLITE.length())) : url;
        } catch (InvalidPathException e) {
            table.problem(key, "names no file: " + e.getReason());
            return null;
        }
    }

    /** Databases in memory, resources and URIs are the driver's own notations and stay as they are. */
    private String sqliteFile(String rest) {
        if (rest.isEmpty() || rest.startsWith(":") || rest.startsWith("file:") || rest.startsWith("?")) {
            return rest;
        }
        int parameters = rest.indexOf('?');
        return parameters < 0
                ? resolve(rest).toString()
                : resolve(rest.substring(0, parameters)) + rest.substring(parameters);
    }
}
