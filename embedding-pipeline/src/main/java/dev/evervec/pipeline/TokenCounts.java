package dev.evervec.pipeline;

/**
 * The tokens of one text, as far as they are to be paid for.
 *
 * @param embedded those of what is embedded
 * @param prompt those of the prompt that asks for its rewrite; 0 if it is not rewritten
 * @param rewrite those of its rewrite; 0 if it is not rewritten
 */
record TokenCounts(int embedded, int prompt, int rewrite) {
    /** Which of them. */
    enum Kind {
        EMBEDDED,
        PROMPT,
        REWRITE
    }

    /** Of a text that is embedded as it is. */
    static TokenCounts embedded(int tokens) {
        return new TokenCounts(tokens, 0, 0);
    }

    int of(Kind kind) {
        return switch (kind) {
            case EMBEDDED -> embedded;
            case PROMPT -> prompt;
            case REWRITE -> rewrite;
        };
    }
}
