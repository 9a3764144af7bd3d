package dev.evervec.provider;

import org.jspecify.annotations.Nullable;

/** A failure that sending the same request again would only repeat. */
public final class PermanentProviderException extends ProviderException {
    private static final long serialVersionUID = 1L;

    private final int textIndex;
    private final @Nullable RequestLimit limit;
    private final transient @Nullable TokenUsage usage;

    private PermanentProviderException(
            FaultOwner owner,
            String message,
            int httpStatus,
            @Nullable String requestId,
            int textIndex,
            @Nullable RequestLimit limit,
            @Nullable TokenUsage usage) {
        super(owner, message, httpStatus, requestId, null);
        this.textIndex = textIndex;
        this.limit = limit;
        this.usage = usage;
    }

    /** One of the texts was refused, the service did not say which; owner {@link FaultOwner#ITEM}. */
    public static PermanentProviderException item(String message, int httpStatus, @Nullable String requestId) {
        return new PermanentProviderException(FaultOwner.ITEM, message, httpStatus, requestId, -1, null, null);
    }

    /**
     * The service answered, and bills it, but there is no use in the answer: the model refused, a filter stopped it or it was
     * cut off; owner {@link FaultOwner#ITEM}.
     *
     * @param usage the tokens of the call
     */
    public static PermanentProviderException unusable(
            String message, int httpStatus, @Nullable String requestId, TokenUsage usage) {
        return new PermanentProviderException(FaultOwner.ITEM, message, httpStatus, requestId, -1, null, usage);
    }

    /** The text at this index was refused; owner {@link FaultOwner#ITEM}. */
    public static PermanentProviderException itemAt(
            int textIndex, String message, int httpStatus, @Nullable String requestId) {
        if (textIndex < 0) {
            throw new IllegalArgumentException("textIndex must not be negative: " + textIndex);
        }
        return new PermanentProviderException(FaultOwner.ITEM, message, httpStatus, requestId, textIndex, null, null);
    }

    /**
     * The request was too large; owner {@link FaultOwner#REQUEST_SHAPE}.
     *
     * @param limit which limit it passed, or null if the refusal does not tell
     */
    public static PermanentProviderException requestShape(
            @Nullable RequestLimit limit, String message, int httpStatus, @Nullable String requestId) {
        return new PermanentProviderException(
                FaultOwner.REQUEST_SHAPE, message, httpStatus, requestId, -1, limit, null);
    }

    /** What the operator configured cannot work; owner {@link FaultOwner#CONFIGURATION}. Say what to change. */
    public static PermanentProviderException configuration(String message, int httpStatus, @Nullable String requestId) {
        return new PermanentProviderException(FaultOwner.CONFIGURATION, message, httpStatus, requestId, -1, null, null);
    }

    @Override
    public @Nullable TokenUsage usage() {
        return usage;
    }

    /** The index of the refused text in the request, or -1 if the service did not name one. */
    public int textIndex() {
        return textIndex;
    }

    /** Which limit the request passed, or null if the refusal does not tell. */
    public @Nullable RequestLimit limit() {
        return limit;
    }
}
