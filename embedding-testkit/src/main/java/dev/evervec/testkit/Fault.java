package dev.evervec.testkit;

import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TransientProviderException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One thing that goes wrong with one call of a {@link ScriptedProvider}: either the call fails, or it answers something
 * else than promised. Immutable, so one fault may be used for many calls.
 *
 * <p>Faults of the answer go through {@link dev.evervec.provider.EmbedResponse.Builder} like the answer of a real service;
 * what they come out as is decided there. The index of a text counts from 0 within its request.
 */
public final class Fault {
    private final String name;
    private final @Nullable Supplier<ProviderException> failure;
    private final @Nullable AnswerChange answerChange;
    private final @Nullable UnaryOperator<String> rewriteChange;

    /** Spoils the answer that a service would have sent. */
    @FunctionalInterface
    interface AnswerChange {
        void apply(List<AnswerItem> answer);
    }

    /** One vector of an answer, with the index that the service claims for it. */
    static final class AnswerItem {
        private final int index;
        private final float[] components;

        AnswerItem(int index, float[] components) {
            this.index = index;
            this.components = components;
        }

        int index() {
            return index;
        }

        float[] components() {
            return components;
        }
    }

    private Fault(
            String name,
            @Nullable Supplier<ProviderException> failure,
            @Nullable AnswerChange answerChange,
            @Nullable UnaryOperator<String> rewriteChange) {
        this.name = Objects.requireNonNull(name, "name");
        this.failure = failure;
        this.answerChange = answerChange;
        this.rewriteChange = rewriteChange;
    }

    /**
     * A fault of your own, for embedding and rewriting: the call fails with what the supplier makes.
     *
     * @param name what {@link ScriptedProvider#faultsMet()} counts it under
     */
    public static Fault failing(String name, Supplier<ProviderException> failure) {
        return new Fault(name, Objects.requireNonNull(failure, "failure"), null, null);
    }

    private static Fault answering(String name, AnswerChange change) {
        return new Fault(name, null, change, null);
    }

    /** HTTP 400 about one of the texts, without saying which. Owner: item. */
    public static Fault badText() {
        return failing(
                "bad text", () -> PermanentProviderException.item("one of the inputs was refused", 400, requestId()));
    }

    /** HTTP 400 that names the text at this index. Owner: item. */
    public static Fault badTextAt(int index) {
        return failing(
                "bad text named",
                () -> PermanentProviderException.itemAt(index, "input " + index + " was refused", 400, requestId()));
    }

    /** HTTP 400: too many texts in the request. Owner: request shape. */
    public static Fault tooManyTexts() {
        return shape("too many texts", RequestLimit.TEXTS, 400);
    }

    /** HTTP 400: too many tokens in all texts of the request together. Owner: request shape. */
    public static Fault tooManyTokens() {
        return shape("too many tokens", RequestLimit.TOKENS, 400);
    }

    /** HTTP 413: the request has too many bytes. Owner: request shape. */
    public static Fault tooManyBytes() {
        return shape("too many bytes", RequestLimit.BYTES, 413);
    }

    /** HTTP 400: a text is longer than the model accepts, without saying which. Owner: request shape. */
    public static Fault textTooLong() {
        return shape("text too long", RequestLimit.TEXT_LENGTH, 400);
    }

    /** HTTP 413 that does not tell which limit the request passed. Owner: request shape. */
    public static Fault tooLarge() {
        return shape("request too large", null, 413);
    }

    private static Fault shape(String name, @Nullable RequestLimit limit, int status) {
        return failing(
                name,
                () -> PermanentProviderException.requestShape(
                        limit, "the request was refused: " + name, status, requestId()));
    }

    /**
     * HTTP 429. Owner: quota.
     *
     * @param retryAfter how long the service asks to wait, or null if it does not say
     */
    public static Fault rateLimited(@Nullable Duration retryAfter) {
        return failing(
                "rate limited",
                () -> TransientProviderException.rateLimited("the quota is used up", 429, requestId(), retryAfter));
    }

    /** HTTP 500. Owner: provider. */
    public static Fault serverError() {
        return serverError(500, null);
    }

    /**
     * A server error with this HTTP status. Owner: provider.
     *
     * @param retryAfter how long the service asks to wait, or null if it does not say
     */
    public static Fault serverError(int httpStatus, @Nullable Duration retryAfter) {
        return failing(
                "server error",
                () -> TransientProviderException.serverError(
                        "the service failed with HTTP " + httpStatus, httpStatus, requestId(), retryAfter));
    }

    /** The time for one request passed without an answer. Owner: provider. */
    public static Fault timeout() {
        return failing(
                "timeout",
                () -> TransientProviderException.noAnswer("no answer within the limit for one request", null));
    }

    /** The connection broke before an answer. Owner: provider. */
    public static Fault connectionReset() {
        return failing("connection reset", () -> TransientProviderException.noAnswer("the connection was reset", null));
    }

    /** HTTP 200 with a body that is no answer. Owner: provider. */
    public static Fault malformedAnswer() {
        return failing(
                "malformed answer",
                () -> TransientProviderException.malformedAnswer("the answer is not JSON", 200, requestId(), null));
    }

    /** HTTP 401. Owner: configuration. */
    public static Fault keyRefused() {
        return failing(
                "key refused",
                () -> PermanentProviderException.configuration("the key was refused: set api_key", 401, requestId()));
    }

    /** Every vector of the answer has this many components. Comes out as a failure of owner configuration. */
    public static Fault wrongDimension(int dimension) {
        return answering(
                "wrong dimension",
                answer -> answer.replaceAll(item -> new AnswerItem(item.index(), sized(item, dimension))));
    }

    /**
     * The vector of one text has this many components. Comes out as a defect of that text, or, if it was the only one, as
     * a failure of owner configuration.
     */
    public static Fault wrongDimensionAt(int index, int dimension) {
        return answering(
                "one wrong dimension",
                answer -> answer.set(index, new AnswerItem(index, sized(answer.get(index), dimension))));
    }

    private static float[] sized(AnswerItem item, int dimension) {
        float[] components = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            components[i] = item.components()[i % item.components().length];
        }
        return components;
    }

    /** The vector of one text has a component that is not a number. Comes out as a defect of that text. */
    public static Fault notANumberAt(int index) {
        return answering("not a number", answer -> {
            float[] components = answer.get(index).components().clone();
            components[components.length - 1] = Float.NaN;
            answer.set(index, new AnswerItem(index, components));
        });
    }

    /** The vector of one text is all zero. Comes out as a defect of that text. */
    public static Fault zeroAt(int index) {
        return answering(
                "zero vector",
                answer -> answer.set(
                        index, new AnswerItem(index, new float[answer.get(index).components().length])));
    }

    /**
     * The answer has no vector for one text. Comes out as a defect of that text, or, if it was the only one, as a malformed
     * answer.
     */
    public static Fault missingAt(int index) {
        return answering("missing vector", answer -> answer.remove(index));
    }

    /** The vectors come in another order, each with its right index. No failure: everything must still come out right. */
    public static Fault shuffled(long seed) {
        return answering("shuffled", answer -> Collections.shuffle(answer, new Random(seed)));
    }

    /** One index comes twice, with different vectors where there are several. Comes out as a malformed answer. */
    public static Fault duplicateIndex(int index) {
        return answering("duplicate index", answer -> {
            int other = (index + 1) % answer.size();
            answer.add(new AnswerItem(index, answer.get(other).components()));
        });
    }

    /** One vector comes with an index that no text has. Comes out as a malformed answer. */
    public static Fault unknownIndex() {
        return answering("unknown index", answer -> {
            int last = answer.size() - 1;
            answer.set(last, new AnswerItem(last + 1, answer.get(last).components()));
        });
    }

    /** The model refuses to rewrite, or a filter cut its answer. Owner: item. */
    public static Fault refusal() {
        return failing(
                "refusal", () -> PermanentProviderException.item("the model refused to answer", 200, requestId()));
    }

    /** The model answers a rewrite with blanks only. No failure of the call. */
    public static Fault blankRewrite() {
        return new Fault("blank rewrite", null, null, text -> " \n ");
    }

    private static String requestId() {
        return "scripted";
    }

    /** What {@link ScriptedProvider#faultsMet()} counts this fault under. */
    public String name() {
        return name;
    }

    void throwIfFailing() {
        if (failure != null) {
            throw failure.get();
        }
    }

    void change(List<AnswerItem> answer) {
        if (answerChange == null) {
            throw new IllegalArgumentException("fault '" + name + "' does not apply to an embedding call");
        }
        answerChange.apply(answer);
    }

    String change(String rewrite) {
        if (rewriteChange == null) {
            throw new IllegalArgumentException("fault '" + name + "' does not apply to a rewriting call");
        }
        return rewriteChange.apply(rewrite);
    }

    @Override
    public String toString() {
        return "Fault[" + name + "]";
    }
}
