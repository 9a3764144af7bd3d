package dev.evervec.provider.gemini;

import dev.evervec.provider.InputKind;
import dev.evervec.provider.gemini.GeminiModel.Family;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How a task type reaches the model: as a parameter, or written in front of the text.
 *
 * @param parameter the {@code taskType} to send, or null for none
 * @param prefix what stands before each text; may be empty
 */
record TaskForm(@Nullable String parameter, String prefix) {
    static final TaskForm NONE = new TaskForm(null, "");

    // No title reaches a provider, and the vendor's form for none is the word itself.
    private static final String DOCUMENT_PREFIX = "title: none | text: ";

    /** The task types of gemini-embedding-001, each with the words that gemini-embedding-2 knows it by. */
    private enum TaskType {
        RETRIEVAL_QUERY("search result", true),
        RETRIEVAL_DOCUMENT("search result", true),
        QUESTION_ANSWERING("question answering", true),
        FACT_VERIFICATION("fact checking", true),
        CODE_RETRIEVAL_QUERY("code retrieval", true),
        CLASSIFICATION("classification", false),
        CLUSTERING("clustering", false),
        SEMANTIC_SIMILARITY("sentence similarity", false);

        private final String words;
        private final boolean asymmetric;

        TaskType(String words, boolean asymmetric) {
            this.words = words;
            this.asymmetric = asymmetric;
        }

        String prefix(InputKind kind) {
            return asymmetric && kind == InputKind.DOCUMENT ? DOCUMENT_PREFIX : "task: " + words + " | query: ";
        }
    }

    /**
     * The form for one kind of text.
     *
     * @param setting the name of the setting, for the error
     * @throws IllegalArgumentException if a known model does not know the task type
     */
    static TaskForm of(Family family, @Nullable String configured, InputKind kind, String setting) {
        String taskType = normalised(configured);
        if (taskType == null) {
            return NONE;
        }
        return switch (family) {
            case OTHER -> new TaskForm(taskType, "");
            case EMBEDDING_001 -> new TaskForm(known(taskType, setting).name(), "");
            case EMBEDDING_2 -> new TaskForm(null, known(taskType, setting).prefix(kind));
        };
    }

    /**
     * The task type that decides document vectors; empty for none. Where all retrieval tasks write documents in the same
     * form it is the same name for all of them, so that another kind of question needs no new document vectors.
     */
    static String effective(Family family, @Nullable String configured) {
        String taskType = normalised(configured);
        if (taskType == null) {
            return "";
        }
        boolean oneFormForAll = family == Family.EMBEDDING_2 && known(taskType, "task_type").asymmetric;
        return oneFormForAll ? TaskType.RETRIEVAL_DOCUMENT.name() : taskType;
    }

    private static @Nullable String normalised(@Nullable String configured) {
        if (configured == null || configured.isBlank()) {
            return null;
        }
        String taskType = configured.strip().toUpperCase(Locale.ROOT);
        return taskType.equals("TASK_TYPE_UNSPECIFIED") ? null : taskType;
    }

    // Refused here: the service answers a misspelt one with a 400 that looks like a bad text, or ignores it.
    private static TaskType known(String taskType, String setting) {
        return Arrays.stream(TaskType.values())
                .filter(known -> known.name().equals(taskType))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(setting + " '" + taskType + "' is not one of "
                        + Arrays.stream(TaskType.values()).map(Enum::name).collect(Collectors.joining(", "))));
    }
}
