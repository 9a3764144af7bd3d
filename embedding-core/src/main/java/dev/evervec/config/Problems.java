package dev.evervec.config;

import dev.evervec.config.ConfigException.Problem;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Collects what is wrong with one file. Confined to the thread that reads it. */
final class Problems {
    private final String file;
    private final List<Problem> found = new ArrayList<>();
    private boolean broken;

    Problems(String file) {
        this.file = file;
    }

    /** Something is wrong. */
    void add(int line, @Nullable String key, String message) {
        found.add(new Problem(line, key, message));
    }

    /** The text is not TOML at this place: what stands there was not read, so nothing can be said to be missing. */
    void addSyntax(int line, String message) {
        broken = true;
        add(line, null, message);
    }

    /** Something is not there. Only said of files that could be read to the end. */
    void addMissing(int line, @Nullable String key, String message) {
        if (!broken) {
            add(line, key, message);
        }
    }

    /** Whether something is wrong with this key. */
    boolean concern(String key) {
        return found.stream().anyMatch(problem -> Objects.equals(problem.key(), key));
    }

    /** Throws if anything is wrong. */
    void throwIfAny() {
        if (!found.isEmpty()) {
            throw exception();
        }
    }

    /** Everything found, in the order of the file. */
    ConfigException exception() {
        return new ConfigException(
                file,
                found.stream().sorted(Comparator.comparingInt(Problem::line)).toList());
    }
}
