package dev.evervec.testkit;

import dev.evervec.provider.TokenEstimate;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Decides for every call of a {@link ScriptedProvider} what goes wrong with it. Write your own as a lambda, or combine the
 * ready-made ones with {@link #or}.
 *
 * <p>The provider asks one call at a time, so a script may keep state without locks. A script with state belongs to one
 * provider.
 */
@FunctionalInterface
public interface FaultScript {
    /**
     * What goes wrong with this embedding call.
     *
     * @param callNumber counts the embedding calls that reached the provider, from 1
     * @param texts the texts of the request
     * @return the fault, or null if nothing goes wrong
     */
    @Nullable
    Fault onEmbed(int callNumber, List<String> texts);

    /**
     * What goes wrong with this rewriting call; nothing, unless overridden.
     *
     * @param callNumber counts the rewriting calls that reached the provider, from 1
     * @return the fault, or null if nothing goes wrong
     */
    default @Nullable Fault onRewrite(int callNumber, String prompt) {
        return null;
    }

    /** This script, and the other one for every call that this one lets pass. */
    default FaultScript or(FaultScript other) {
        FaultScript first = this;
        return new FaultScript() {
            @Override
            public @Nullable Fault onEmbed(int callNumber, List<String> texts) {
                Fault fault = first.onEmbed(callNumber, texts);
                return fault != null ? fault : other.onEmbed(callNumber, texts);
            }

            @Override
            public @Nullable Fault onRewrite(int callNumber, String prompt) {
                Fault fault = first.onRewrite(callNumber, prompt);
                return fault != null ? fault : other.onRewrite(callNumber, prompt);
            }

            @Override
            public String toString() {
                return first + " or " + other;
            }
        };
    }

    /** Nothing goes wrong. */
    static FaultScript none() {
        return (callNumber, texts) -> null;
    }

    /** This fault with every embedding call. */
    static FaultScript always(Fault fault) {
        return (callNumber, texts) -> fault;
    }

    /** This fault with the next embedding calls, so many of them. */
    static FaultScript nextCalls(int calls, Fault fault) {
        int[] left = {calls};
        return (callNumber, texts) -> left[0]-- > 0 ? fault : null;
    }

    /** This fault with every embedding call from this number on; calls count from 1. */
    static FaultScript fromCall(int first, Fault fault) {
        return (callNumber, texts) -> callNumber >= first ? fault : null;
    }

    /** This fault with the embedding calls from the first number to the last, as in an outage; calls count from 1. */
    static FaultScript duringCalls(int first, int last, Fault fault) {
        return (callNumber, texts) -> callNumber >= first && callNumber <= last ? fault : null;
    }

    /**
     * This fault with a part of the embedding and rewriting calls, as in a partial outage. Which calls is a function of the
     * seed and the call's number.
     *
     * @param rate the part of the calls that meet the fault, from 0 to 1
     * @throws IllegalArgumentException if the rate is outside its range
     */
    static FaultScript partOfCalls(long seed, double rate, Fault fault) {
        FaultScript chance = random(seed, rate);
        return new FaultScript() {
            @Override
            public @Nullable Fault onEmbed(int callNumber, List<String> texts) {
                return chance.onEmbed(callNumber, texts) == null ? null : fault;
            }

            @Override
            public @Nullable Fault onRewrite(int callNumber, String prompt) {
                return chance.onRewrite(callNumber, prompt) == null ? null : fault;
            }

            @Override
            public String toString() {
                return fault + " in " + rate + " of calls[seed=" + seed + "]";
            }
        };
    }

    /** This fault with every request that has such a text. */
    static FaultScript whilePresent(Predicate<String> text, Fault fault) {
        return (callNumber, texts) -> texts.stream().anyMatch(text) ? fault : null;
    }

    /**
     * A fault at the first such text of a request.
     *
     * @param faultAt makes the fault from the text's index in the request, as {@link Fault#notANumberAt} does
     */
    static FaultScript at(Predicate<String> text, IntFunction<Fault> faultAt) {
        return (callNumber, texts) -> {
            for (int i = 0; i < texts.size(); i++) {
                if (text.test(texts.get(i))) {
                    return faultAt.apply(i);
                }
            }
            return null;
        };
    }

    /** Every request with such a text is refused, without naming the text. */
    static FaultScript badTexts(Predicate<String> bad) {
        return whilePresent(bad, Fault.badText());
    }

    /** Every request with such a text is refused, naming the first one. */
    static FaultScript namedBadTexts(Predicate<String> bad) {
        return at(bad, Fault::badTextAt);
    }

    /** The service takes fewer texts per request than it says in its limits. */
    static FaultScript maxTexts(int texts) {
        return (callNumber, sent) -> sent.size() > texts ? Fault.tooManyTexts() : null;
    }

    /** The service takes so many tokens per request, counted by {@link TokenEstimate}. */
    static FaultScript maxTokens(int tokens) {
        return (callNumber, texts) ->
                texts.stream().mapToLong(TokenEstimate::of).sum() > tokens ? Fault.tooManyTokens() : null;
    }

    /** The service takes so many UTF-8 bytes of text per request. */
    static FaultScript maxBytes(int bytes) {
        return (callNumber, texts) -> texts.stream()
                                .mapToLong(text -> text.getBytes(StandardCharsets.UTF_8).length)
                                .sum()
                        > bytes
                ? Fault.tooManyBytes()
                : null;
    }

    /** The model takes so many tokens of one text, counted by {@link TokenEstimate}. */
    static FaultScript maxTextTokens(int tokens) {
        return whilePresent(text -> TokenEstimate.of(text) > tokens, Fault.textTooLong());
    }

    /** This fault with the next rewriting calls, so many of them. */
    static FaultScript nextRewrites(int calls, Fault fault) {
        int[] left = {calls};
        return onRewrites(prompt -> left[0]-- > 0, fault);
    }

    /** This fault with every rewriting call of such a prompt. */
    static FaultScript onRewrites(Predicate<String> prompt, Fault fault) {
        return new FaultScript() {
            @Override
            public @Nullable Fault onEmbed(int callNumber, List<String> texts) {
                return null;
            }

            @Override
            public @Nullable Fault onRewrite(int callNumber, String asked) {
                return prompt.test(asked) ? fault : null;
            }
        };
    }

    /**
     * Faults by chance that pass when the call is made again: quota, server errors, no answer, malformed answers and
     * spoiled vectors for embedding; quota, server errors, no answer, and answers with thoughts or the prompt before them for
     * rewriting. Which call meets which is a function
     * of the seed and the call's number. The seed shows in {@code toString()}.
     *
     * @param rate the part of the calls that meet a fault, from 0 to 1
     * @throws IllegalArgumentException if the rate is outside its range
     */
    static FaultScript random(long seed, double rate) {
        return new RandomFaults(seed, rate);
    }
}
