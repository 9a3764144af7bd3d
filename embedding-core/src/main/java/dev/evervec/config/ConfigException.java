package dev.evervec.config;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The configuration cannot be used. Carries every problem of the file at once; no message shows a key or a password.
 */
public final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient List<Problem> problems;

    /**
     * One thing to change.
     *
     * @param line line in the file, from 1; 0 if the problem is not on a line
     * @param key dotted key, such as {@code llm.models.embedding.dim}, or null if it concerns the whole file
     * @param message what is wrong and what to do
     */
    public record Problem(int line, @Nullable String key, String message) {
        @Override
        public String toString() {
            return (line > 0 ? "line " + line + ": " : "") + (key == null ? "" : key + ": ") + message;
        }
    }

    /**
     * All problems of one file.
     *
     * @param file how the file is named to the user
     * @param problems at least one
     */
    public ConfigException(String file, List<Problem> problems) {
        super(problems.stream().map(Problem::toString).collect(Collectors.joining("\n  ", file + ":\n  ", "")));
        this.problems = List.copyOf(problems);
    }

    /** What to change, in the order of the file. */
    public List<Problem> problems() {
        return problems;
    }
}
