package dev.evervec.testkit;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenEstimate;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.testkit.Fault.AnswerItem;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A provider for tests: its vectors are a function of model and text ({@link #vectorOf}), its rewrites a function of the
 * prompt ({@link #rewriteOf}), and its faults follow a {@link FaultScript}. The two functions are the oracle: whatever
 * happened on the way, a stored vector must equal the function of the record's current text.
 *
 * <p>It behaves as a service does: it refuses requests beyond its {@link #limits()}, honours deadline and cancel signal,
 * and its answers go through {@link EmbedResponse#builder}. It keeps every text it was sent, so that tests can ask for
 * them; it starts no thread. Thread-safe.
 */
public final class ScriptedProvider implements LLMProvider {
    private final ModelIdentity model;
    private final ProviderLimits limits;
    private final CallPolicy callPolicy;
    private final Set<Capability> capabilities;
    private final Clock clock;
    private final @Nullable Gate gate;

    private final Object lock = new Object();
    private FaultScript faults;
    private boolean closed;
    private int inProgress;
    private int maxInProgress;
    private final List<List<String>> requests = new ArrayList<>();
    private final List<String> prompts = new ArrayList<>();
    private final Map<String, Integer> sent = new HashMap<>();
    private final Map<String, Integer> faultsMet = new LinkedHashMap<>();

    private final @Nullable TokenPrice price;
    private final int maxOutputTokens;

    private ScriptedProvider(Builder builder) {
        this.capabilities = builder.capabilities;
        this.model = capabilities.contains(Capability.EMBEDDING)
                ? ModelIdentity.embedding(builder.provider, builder.model, builder.dimension, "", "none")
                : ModelIdentity.rewriting(builder.provider, builder.model, "");
        this.limits = builder.limits;
        this.callPolicy = builder.callPolicy;
        this.price = builder.price;
        this.maxOutputTokens = builder.maxOutputTokens;
        this.clock = builder.clock;
        this.gate = builder.gate;
        this.faults = builder.faults;
    }

    /**
     * Starts a provider that embeds: name {@code scripted}, model {@code scripted-v1}, dimension 8, at most 2,048 texts per
     * request, without faults.
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * The vector that every scripted provider with this model and dimension answers for the text: of length 1, the same on
     * every JVM.
     *
     * @throws IllegalArgumentException if the dimension is not positive
     */
    public static Embedding vectorOf(String model, String text, int dimension) {
        if (dimension < 1) {
            throw new IllegalArgumentException("dimension must be positive: " + dimension);
        }
        return Embedding.of(VectorOracle.componentsOf(model, text, dimension));
    }

    /** The text that every scripted provider answers for the prompt: never blank, the same on every JVM. */
    public static String rewriteOf(String prompt) {
        return VectorOracle.rewriteOf(prompt);
    }

    /** The vector that this provider answers for the text when nothing goes wrong. */
    public Embedding vectorOf(String text) {
        return vectorOf(model.model(), text, model.dimension());
    }

    @Override
    public ModelIdentity model() {
        return model;
    }

    @Override
    public ProviderLimits limits() {
        return limits;
    }

    @Override
    public CallPolicy callPolicy() {
        return callPolicy;
    }

    @Override
    public @Nullable TokenPrice price() {
        return price;
    }

    @Override
    public int maxOutputTokens() {
        return maxOutputTokens;
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        if (!capabilities.contains(Capability.EMBEDDING)) {
            return LLMProvider.super.embed(request);
        }
        List<String> texts = request.texts();
        Fault fault = begin(request.context(), () -> {
            requests.add(texts);
            texts.forEach(text -> sent.merge(text, 1, Integer::sum));
            return faults.onEmbed(requests.size(), texts);
        });
        try {
            checkPassage(request.context());
            checkLimits(texts);
            List<AnswerItem> answer = new ArrayList<>(texts.size());
            for (int i = 0; i < texts.size(); i++) {
                answer.add(
                        new AnswerItem(i, VectorOracle.componentsOf(model.model(), texts.get(i), model.dimension())));
            }
            if (fault != null) {
                throwIfFailing(fault, request.context());
                fault.change(answer);
            }
            EmbedResponse.Builder response = EmbedResponse.builder(texts.size(), model.dimension());
            answer.forEach(item -> put(response, item));
            return response.build(TokenUsage.reported(tokensOf(texts), 0));
        } finally {
            end();
        }
    }

    @Override
    public RewriteResponse rewrite(RewriteRequest request) {
        if (!capabilities.contains(Capability.REWRITE)) {
            return LLMProvider.super.rewrite(request);
        }
        String prompt = request.prompt();
        Fault fault = begin(request.context(), () -> {
            prompts.add(prompt);
            return faults.onRewrite(prompts.size(), prompt);
        });
        try {
            checkPassage(request.context());
            String answer = rewriteOf(prompt);
            if (fault != null) {
                throwIfFailing(fault, request.context());
                answer = fault.change(prompt, answer);
            }
            return new RewriteResponse(answer, TokenUsage.reported(TokenEstimate.of(prompt), TokenEstimate.of(answer)));
        } finally {
            end();
        }
    }

    private static void put(EmbedResponse.Builder response, AnswerItem item) {
        float[] components = item.components();
        if (components == null) {
            response.putDefect(item.index(), "the vector is null");
        } else {
            response.put(item.index(), components);
        }
    }

    private void throwIfFailing(Fault fault, CallContext context) {
        if (fault.isStall()) {
            throw stalled(context);
        }
        fault.throwIfFailing();
    }

    /** Waits out the time of the call, if it is time that passes by itself. */
    private TransientProviderException stalled(CallContext context) {
        Duration timeout = callPolicy.timeout();
        Duration left = timeLeft(context);
        boolean byDeadline = left != null && left.compareTo(timeout) < 0;
        Duration limit = left != null && byDeadline ? left : timeout;
        Gate.Passage end =
                clock instanceof ManualClock ? Gate.Passage.TIMED_OUT : new Gate().await(context.cancelSignal(), limit);
        return switch (end) {
            case CANCELLED -> TransientProviderException.cancelled();
            case INTERRUPTED -> TransientProviderException.noAnswer("interrupted while waiting for the answer", null);
            case TIMED_OUT, OPEN ->
                byDeadline
                        ? deadlinePassed()
                        : TransientProviderException.noAnswer(
                                "no answer within the timeout of " + limit.toMillis() / 1000.0 + " s", null);
        };
    }

    @FunctionalInterface
    private interface Arrival {
        @Nullable
        Fault record();
    }

    private @Nullable Fault begin(CallContext context, Arrival arrival) {
        synchronized (lock) {
            if (closed) {
                throw new IllegalStateException("the scripted provider is closed");
            }
            if (context.cancelSignal().isCancelled()) {
                throw TransientProviderException.cancelled();
            }
            Duration left = timeLeft(context);
            if (left != null && left.isZero()) {
                throw deadlinePassed();
            }
            Fault fault = arrival.record();
            if (fault != null) {
                faultsMet.merge(fault.name(), 1, Integer::sum);
            }
            inProgress++;
            maxInProgress = Math.max(maxInProgress, inProgress);
            return fault;
        }
    }

    private void end() {
        synchronized (lock) {
            inProgress--;
        }
    }

    private void checkPassage(CallContext context) {
        if (gate == null) {
            return;
        }
        switch (gate.await(context.cancelSignal(), timeLeft(context))) {
            case OPEN -> {}
            case CANCELLED -> throw TransientProviderException.cancelled();
            case TIMED_OUT -> throw deadlinePassed();
            case INTERRUPTED ->
                throw TransientProviderException.noAnswer("interrupted while waiting for the answer", null);
        }
    }

    private @Nullable Duration timeLeft(CallContext context) {
        Instant deadline = context.deadline();
        if (deadline == null) {
            return null;
        }
        Duration left = Duration.between(clock.instant(), deadline);
        return left.isNegative() ? Duration.ZERO : left;
    }

    private static TransientProviderException deadlinePassed() {
        return TransientProviderException.noAnswer("no answer before the call's deadline", null);
    }

    private void checkLimits(List<String> texts) {
        if (texts.size() > limits.maxTextsPerRequest()) {
            throw tooLarge(RequestLimit.TEXTS, texts.size() + " texts, the limit is " + limits.maxTextsPerRequest());
        }
        for (String text : texts) {
            if (countTokens(text) > limits.maxTokensPerText()) {
                throw tooLarge(RequestLimit.TEXT_LENGTH, "a text longer than " + limits.maxTokensPerText() + " tokens");
            }
        }
        if (tokensOf(texts) > limits.maxTokensPerRequest()) {
            throw tooLarge(RequestLimit.TOKENS, "more than " + limits.maxTokensPerRequest() + " tokens");
        }
        if (limits.maxBytesPerRequest() != ProviderLimits.UNLIMITED && bytesOf(texts) > limits.maxBytesPerRequest()) {
            throw tooLarge(RequestLimit.BYTES, "more than " + limits.maxBytesPerRequest() + " bytes");
        }
    }

    private static PermanentProviderException tooLarge(RequestLimit limit, String what) {
        return PermanentProviderException.requestShape(limit, "the request has " + what, 400, null);
    }

    private long tokensOf(List<String> texts) {
        return texts.stream().mapToLong(this::countTokens).sum();
    }

    private static long bytesOf(List<String> texts) {
        return texts.stream()
                .mapToLong(text -> text.getBytes(StandardCharsets.UTF_8).length)
                .sum();
    }

    /** Replaces the fault script, for calls that begin from now on. */
    public void setFaults(FaultScript script) {
        synchronized (lock) {
            faults = Objects.requireNonNull(script, "script");
        }
    }

    /** The number of embedding calls so far, failed ones included; calls that were over before they began are not. */
    public int embedCalls() {
        synchronized (lock) {
            return requests.size();
        }
    }

    /** The number of rewriting calls so far; see {@link #embedCalls()}. */
    public int rewriteCalls() {
        synchronized (lock) {
            return prompts.size();
        }
    }

    /** The texts of every embedding call so far, in the order of arrival. */
    public List<List<String>> requests() {
        synchronized (lock) {
            return List.copyOf(requests);
        }
    }

    /** The prompt of every rewriting call so far, in the order of arrival. */
    public List<String> prompts() {
        synchronized (lock) {
            return List.copyOf(prompts);
        }
    }

    /** How often this text was sent to be embedded, failed calls included. */
    public int timesSent(String text) {
        synchronized (lock) {
            return sent.getOrDefault(text, 0);
        }
    }

    /** Every text sent to be embedded, and how often. */
    public Map<String, Integer> timesSent() {
        synchronized (lock) {
            return Map.copyOf(sent);
        }
    }

    /** How many calls met a fault, by {@link Fault#name()}. */
    public Map<String, Integer> faultsMet() {
        synchronized (lock) {
            return Collections.unmodifiableMap(new LinkedHashMap<>(faultsMet));
        }
    }

    /** The largest number of calls under way at the same time so far. */
    public int maxConcurrentCalls() {
        synchronized (lock) {
            return maxInProgress;
        }
    }

    /** The number of calls under way now. */
    public int callsInProgress() {
        synchronized (lock) {
            return inProgress;
        }
    }

    /** Whether {@link #close} was called. */
    public boolean isClosed() {
        synchronized (lock) {
            return closed;
        }
    }

    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
        }
    }

    @Override
    public String toString() {
        return "ScriptedProvider[" + model.provider() + ", " + model.model() + ", dimension=" + model.dimension() + "]";
    }

    /** Collects what a scripted provider is to be. Not thread-safe. */
    public static final class Builder {
        private String provider = "scripted";
        private String model = "scripted-v1";
        private int dimension = 8;
        private ProviderLimits limits = ProviderLimits.ofTexts(2_048);
        private CallPolicy callPolicy = CallPolicy.DEFAULT;
        private Set<Capability> capabilities = EnumSet.of(Capability.EMBEDDING);
        private @Nullable TokenPrice price;
        private int maxOutputTokens;
        private Clock clock = Clock.systemUTC();
        private @Nullable Gate gate;
        private FaultScript faults = FaultScript.none();

        private Builder() {}

        /** The provider's name in its identity. */
        public Builder provider(String value) {
            provider = Objects.requireNonNull(value, "value");
            return this;
        }

        /** The model's name, which decides the vectors. */
        public Builder model(String value) {
            model = Objects.requireNonNull(value, "value");
            return this;
        }

        /** Components of a vector. */
        public Builder dimension(int value) {
            dimension = value;
            return this;
        }

        /** What one request may carry; larger ones are refused. */
        public Builder limits(ProviderLimits value) {
            limits = Objects.requireNonNull(value, "value");
            return this;
        }

        /** How callers should use the provider; it does not enforce this. */
        public Builder callPolicy(CallPolicy value) {
            callPolicy = Objects.requireNonNull(value, "value");
            return this;
        }

        /** What it can do, in place of embedding alone. */
        public Builder capabilities(Capability first, Capability... others) {
            capabilities = EnumSet.of(first, others);
            return this;
        }

        /** What its tokens cost; unknown if not given. */
        public Builder price(TokenPrice value) {
            price = Objects.requireNonNull(value, "value");
            return this;
        }

        /** The most output tokens that a rewrite is said to have, which none has more of in practice; unknown if not given. */
        public Builder maxOutputTokens(int value) {
            maxOutputTokens = value;
            return this;
        }

        /** The clock that deadlines are compared with; the system's if not given. */
        public Builder clock(Clock value) {
            clock = Objects.requireNonNull(value, "value");
            return this;
        }

        /** Holds every call before it answers; see {@link Gate}. */
        public Builder gate(Gate value) {
            gate = Objects.requireNonNull(value, "value");
            return this;
        }

        /** What goes wrong; {@link ScriptedProvider#setFaults} changes it later. */
        public Builder faults(FaultScript value) {
            faults = Objects.requireNonNull(value, "value");
            return this;
        }

        /**
         * The provider.
         *
         * @throws IllegalArgumentException if a name is blank or it embeds with a dimension that is not positive
         */
        public ScriptedProvider build() {
            return new ScriptedProvider(this);
        }
    }
}
