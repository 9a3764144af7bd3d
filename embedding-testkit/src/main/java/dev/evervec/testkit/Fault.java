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
import java.util.function.BinaryOperator;
import java.util.function.Supplier;
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
    private final @Nullable BinaryOperator<String> rewriteChange;

    /** Spoils the answer that a service would have sent. */
    @FunctionalInterface
    interface AnswerChange {
        void apply(List<AnswerItem> answer);
    }

    /** One vector of an answer, or null for it, with the index that the service claims for it. */
    static final class AnswerItem {
        private final int index;
        private final float @Nullable [] components;

        AnswerItem(int index, float @Nullable [] components) {
            this.index = index;
            this.components = components;
        }

        int index() {
            return index;
        }

        float @Nullable [] components() {
            return components;
        }

        /** Of an answer that is not spoiled yet. */
        float[] good() {
            return Objects.requireNonNull(components, "components");
        }
    }

    private Fault(
            String name,
            @Nullable Supplier<ProviderException> failure,
            @Nullable AnswerChange answerChange,
            @Nullable BinaryOperator<String> rewriteChange) {
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

    /** {@code change} makes the answer of prompt and good answer. */
    private static Fault rewriting(String name, BinaryOperator<String> change) {
        return new Fault(name, null, null, change);
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

    /** HTTP 400: the content filter refused one of the texts, or the prompt. Owner: item. */
    public static Fault contentFilter() {
        return failing(
                "content filter",
                () -> PermanentProviderException.item("the content filter refused it", 400, requestId()));
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

    /** HTTP 429 for a quota that is not renewed before tomorrow. Owner: configuration, for waiting is of no use. */
    public static Fault dailyQuotaUsedUp() {
        return configuration("daily quota", 429, "the quota of the day is used up: run again tomorrow");
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

    /**
     * The service takes the request and says nothing more. The call blocks until it is cut by its signal or its time is up:
     * the call's deadline, or the timeout of the provider's call policy if that comes first. With a {@link ManualClock} it
     * does not block: it fails at once as it would have failed at the end of its time. Owner: provider.
     */
    public static Fault stall() {
        return new Fault("stall", null, null, null);
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

    /** HTTP 200 with vectors that have no index although there should be one. Owner: provider. */
    public static Fault absentIndices() {
        return failing(
                "absent indices",
                () -> TransientProviderException.malformedAnswer(
                        "the answer has vectors without index: they cannot be matched with the texts",
                        200,
                        requestId(),
                        null));
    }

    /** HTTP 200 with more bytes than any answer to the request could have. Owner: provider. */
    public static Fault endlessAnswer() {
        return failing(
                "endless answer",
                () -> TransientProviderException.malformedAnswer(
                        "the answer is longer than any answer to this request could be", 200, requestId(), null));
    }

    /** HTTP 401. Owner: configuration. */
    public static Fault keyRefused() {
        return configuration("key refused", 401, "the key was refused: set api_key");
    }

    /** HTTP 403. Owner: configuration. */
    public static Fault notAllowed() {
        return configuration("not allowed", 403, "the key may not use this model: check its permissions");
    }

    /** HTTP 404. Owner: configuration. */
    public static Fault unknownModel() {
        return configuration("unknown model", 404, "there is no such model: check its name");
    }

    /** HTTP 402. Owner: configuration. */
    public static Fault accountExhausted() {
        return configuration("account exhausted", 402, "the account is exhausted: check its credit");
    }

    private static Fault configuration(String name, int httpStatus, String message) {
        return failing(name, () -> PermanentProviderException.configuration(message, httpStatus, requestId()));
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
            components[i] = item.good()[i % item.good().length];
        }
        return components;
    }

    /** The vector of one text has a component that is not a number. Comes out as a defect of that text. */
    public static Fault notANumberAt(int index) {
        return lastComponentAt("not a number", index, Float.NaN);
    }

    /** The vector of one text has an infinite component. Comes out as a defect of that text. */
    public static Fault infinityAt(int index) {
        return lastComponentAt("infinity", index, Float.NEGATIVE_INFINITY);
    }

    private static Fault lastComponentAt(String name, int index, float value) {
        return answering(name, answer -> {
            float[] components = answer.get(index).good().clone();
            components[components.length - 1] = value;
            answer.set(index, new AnswerItem(index, components));
        });
    }

    /** There is null in place of the vector of one text. Comes out as a defect of that text. */
    public static Fault nullAt(int index) {
        return answering("null vector", answer -> answer.set(index, new AnswerItem(index, null)));
    }

    /** The vector of one text is all zero. Comes out as a defect of that text. */
    public static Fault zeroAt(int index) {
        return answering(
                "zero vector",
                answer -> answer.set(
                        index, new AnswerItem(index, new float[answer.get(index).good().length])));
    }

    /**
     * The answer has no vector for one text. Comes out as a defect of that text, or, if no vector is left or only that of
     * the first of several texts, as a malformed answer.
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

    /** There is one vector more than texts. Comes out as a malformed answer. */
    public static Fault extraVector() {
        return answering(
                "extra vector",
                answer -> answer.add(new AnswerItem(answer.size(), answer.get(0).components())));
    }

    /**
     * A list of several texts gets one vector, which is none of their own. Comes out as a malformed answer; a text alone gets
     * its vector.
     */
    public static Fault oneVectorForAll() {
        return answering("one vector for all", answer -> {
            float[] mean = new float[answer.get(0).good().length];
            answer.forEach(item -> {
                for (int i = 0; i < mean.length; i++) {
                    mean[i] += item.good()[i] / answer.size();
                }
            });
            answer.clear();
            answer.add(new AnswerItem(0, mean));
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
        return rewriting("blank rewrite", (prompt, answer) -> " \n ");
    }

    /** The model answers a rewrite with nothing. No failure of the call. */
    public static Fault emptyRewrite() {
        return rewriting("empty rewrite", (prompt, answer) -> "");
    }

    /** The good answer comes after a {@code <think>} block. No failure: the rewrite must still come out right. */
    public static Fault thoughtsFirst() {
        return rewriting("thoughts first", (prompt, answer) -> "<think>Let me see.</think>\n\n" + answer);
    }

    /** The answer is a {@code <think>} block that never ends. No failure of the call: an empty rewrite. */
    public static Fault thoughtsOnly() {
        return rewriting("thoughts only", (prompt, answer) -> "<think>Let me see. " + answer);
    }

    /** The good answer comes after the prompt. No failure: the rewrite must still come out right. */
    public static Fault promptFirst() {
        return rewriting("prompt first", (prompt, answer) -> prompt + "\n" + answer);
    }

    /** The answer is the prompt and nothing else. No failure of the call, but no rewrite either. */
    public static Fault promptOnly() {
        return rewriting("prompt only", (prompt, answer) -> prompt);
    }

    /** The answer to a rewrite is cut off at the model's token limit. Owner: item. */
    public static Fault cutAtTokenLimit() {
        return failing(
                "cut at token limit",
                () -> PermanentProviderException.item(
                        "the answer was cut off at the model's token limit", 200, requestId()));
    }

    private static String requestId() {
        return "scripted";
    }

    /** What {@link ScriptedProvider#faultsMet()} counts this fault under. */
    public String name() {
        return name;
    }

    boolean isStall() {
        return failure == null && answerChange == null && rewriteChange == null;
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

    String change(String prompt, String rewrite) {
        if (rewriteChange == null) {
            throw new IllegalArgumentException("fault '" + name + "' does not apply to a rewriting call");
        }
        return rewriteChange.apply(prompt, rewrite);
    }

    @Override
    public String toString() {
        return "Fault[" + name + "]";
    }
}
