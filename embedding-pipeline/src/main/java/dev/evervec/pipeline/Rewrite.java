package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.provider.Thoughts;
import org.jspecify.annotations.Nullable;

/**
 * What a model's answer to a rewrite prompt is worth, whichever provider it came from.
 *
 * @param text the rewrite; blank if there is none
 * @param defect why there is none, or null
 * @param detail the same in words
 */
record Rewrite(String text, @Nullable Reason defect, String detail) {
    /** The answer without what the model thought aloud, and without the prompt if it repeated that first. */
    static Rewrite of(PromptTemplate template, String prompt, String answer) {
        String text = Thoughts.removedFrom(answer);
        if (text.isEmpty()) {
            return new Rewrite("", Reason.REWRITE_EMPTY, "the rewrite came back blank");
        }
        String asked = prompt.strip();
        if (!template.hasWordsOfItsOwn() || !text.startsWith(asked)) {
            return new Rewrite(text, null, "");
        }
        String answered = Thoughts.removedFrom(text.substring(asked.length()));
        return answered.isEmpty()
                ? new Rewrite("", Reason.REWRITE_ERROR, "the model repeated the prompt and answered nothing")
                : new Rewrite(answered, null, "");
    }

    /** Shows nothing of the text. */
    @Override
    public String toString() {
        return "Rewrite[chars=" + text.length() + ", defect=" + defect + "]";
    }
}
