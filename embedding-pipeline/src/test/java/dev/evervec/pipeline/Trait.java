package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.testkit.Fault;
import org.jspecify.annotations.Nullable;

/** What services make of a text, whenever they are asked; and what then becomes of its record in a job without other faults. */
enum Trait {
    HARMLESS(null, null),
    NOTHING_BUT_MARKUP(Reason.EMPTY_CONTENT, null),
    REFUSED(Reason.EMBED_PERMANENT, null),
    REFUSED_BY_NAME(Reason.EMBED_PERMANENT, null),
    REFUSED_BY_ANOTHER_NAME(Reason.EMBED_PERMANENT, null),
    TOO_LONG(Reason.INPUT_TOO_LONG, null),
    BREAKS_THE_SERVER(Reason.EMBED_TRANSIENT, null),
    BREAKS_THE_ANSWER(Reason.EMBED_TRANSIENT, null),
    NOT_A_NUMBER(Reason.EMBED_PERMANENT, null),
    ZERO(Reason.EMBED_PERMANENT, null),
    OTHER_DIMENSION(Reason.EMBED_PERMANENT, null),
    LEFT_OUT(Reason.EMBED_TRANSIENT, null),
    REWRITE_REFUSED(Reason.REWRITE_ERROR, Fault.refusal()),
    REWRITE_BLANK(Reason.REWRITE_EMPTY, Fault.blankRewrite()),
    REWRITE_TIMES_OUT(Reason.REWRITE_TIMEOUT, Fault.timeout()),
    REWRITE_BREAKS_THE_SERVER(Reason.REWRITE_ERROR, Fault.serverError());

    private final @Nullable Reason end;
    private final @Nullable Fault ofRewrite;

    Trait(@Nullable Reason end, @Nullable Fault ofRewrite) {
        this.end = end;
        this.ofRewrite = ofRewrite;
    }

    /** Why its record has no vector in the end, or null if it has one. */
    @Nullable
    Reason end() {
        return end;
    }

    @Nullable
    Fault ofRewrite() {
        return ofRewrite;
    }

    boolean isOfRewrites() {
        return ofRewrite != null;
    }

    /** An answer without the vector of this text, with those of the others; it shows in one text of an answer only. */
    boolean spoilsTheAnswer() {
        return this == NOT_A_NUMBER || this == ZERO || this == OTHER_DIMENSION || this == LEFT_OUT;
    }

    /** What goes wrong with a request of so many texts that has this one at the index. */
    @Nullable
    Fault ofEmbedding(int index, int texts) {
        return switch (this) {
            case REFUSED -> Fault.badText();
            case REFUSED_BY_NAME -> Fault.badTextAt(index);
            case REFUSED_BY_ANOTHER_NAME -> Fault.badTextAt((index + 1) % texts);
            case TOO_LONG -> Fault.textTooLong();
            case BREAKS_THE_SERVER -> Fault.serverError();
            case BREAKS_THE_ANSWER -> Fault.malformedAnswer();
            case NOT_A_NUMBER -> Fault.notANumberAt(index);
            case ZERO -> Fault.zeroAt(index);
            case OTHER_DIMENSION -> Fault.wrongDimensionAt(index, 5);
            case LEFT_OUT -> Fault.missingAt(index);
            default -> null;
        };
    }
}
