package dev.evervec.provider;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The proven answer to an {@link EmbedRequest}: for each text either its vector or why there is none.
 *
 * <p>It can only be made by a {@link Builder}, which checks what the service sent: every index in range and given once,
 * the promised dimension, every component finite, not all zero. A vector with a defect leaves a hole at its text's place;
 * an answer whose pairing with the texts is not proven is refused as a whole. Immutable.
 */
public final class EmbedResponse {
    private final List<@Nullable Embedding> embeddings;
    private final List<@Nullable String> defects;
    private final TokenUsage usage;
    private final RateLimits rateLimits;

    private EmbedResponse(
            List<@Nullable Embedding> embeddings,
            List<@Nullable String> defects,
            TokenUsage usage,
            RateLimits rateLimits) {
        this.embeddings = embeddings;
        this.defects = defects;
        this.usage = usage;
        this.rateLimits = Objects.requireNonNull(rateLimits, "rateLimits");
    }

    /**
     * Starts the check of an answer to so many texts, for a model of this dimension.
     *
     * @throws IllegalArgumentException if a number is not positive
     */
    public static Builder builder(int texts, int dimension) {
        return new Builder(texts, dimension);
    }

    /** The number of texts asked. */
    public int size() {
        return embeddings.size();
    }

    /** The vector of the text at this index, or null if the answer has no usable one: {@link #defect} says why. */
    public @Nullable Embedding embedding(int index) {
        return embeddings.get(index);
    }

    /** Why the text at this index has no vector, or null if it has one. */
    public @Nullable String defect(int index) {
        return defects.get(index);
    }

    /**
     * All vectors, in the order of the texts.
     *
     * @throws TransientProviderException if one is missing; the message names the first index and its defect
     */
    public List<Embedding> requireAll() {
        List<Embedding> all = new ArrayList<>(embeddings.size());
        for (int i = 0; i < embeddings.size(); i++) {
            Embedding embedding = embeddings.get(i);
            if (embedding == null) {
                throw TransientProviderException.malformedAnswer(
                        "no usable vector for texts[" + i + "]: " + defects.get(i), 200, null, null);
            }
            all.add(embedding);
        }
        return Collections.unmodifiableList(all);
    }

    /** Tokens used by the call. */
    public TokenUsage usage() {
        return usage;
    }

    /** How the quota stood, as far as the service told. */
    public RateLimits rateLimits() {
        return rateLimits;
    }

    /** The same answer, with what the service told of its quota. */
    public EmbedResponse withRateLimits(RateLimits told) {
        return new EmbedResponse(embeddings, defects, usage, told);
    }

    @Override
    public String toString() {
        long holes = embeddings.stream().filter(Objects::isNull).count();
        return "EmbedResponse[texts=" + embeddings.size() + ", defects=" + holes + ", usage=" + usage + "]";
    }

    /** Collects what the service sent and proves it. Not thread-safe. */
    public static final class Builder {
        private final @Nullable Embedding[] embeddings;
        private final @Nullable String[] defects;
        private final boolean[] answered;
        private final int dimension;
        private int wrongDimension;
        private int lastWrongDimension;
        private int received;

        private Builder(int texts, int dimension) {
            if (texts < 1 || dimension < 1) {
                throw new IllegalArgumentException("texts and dimension must be positive: " + texts + ", " + dimension);
            }
            this.embeddings = new @Nullable Embedding[texts];
            this.defects = new @Nullable String[texts];
            this.answered = new boolean[texts];
            this.dimension = dimension;
        }

        /**
         * Takes the components that the service sent for the text at this index (copied).
         *
         * @throws TransientProviderException if the index is out of range or was given before: the pairing of vectors and
         *     texts is then unproven and the whole answer is worthless
         */
        public Builder put(int index, float[] components) {
            if (components.length != dimension) {
                return putWrongDimension(index, components.length);
            }
            try {
                return put(index, Embedding.of(components));
            } catch (IllegalArgumentException e) {
                return putDefect(index, String.valueOf(e.getMessage()));
            }
        }

        /**
         * Takes the vector that the service sent for the text at this index.
         *
         * @throws TransientProviderException as of {@link #put(int, float[])}
         */
        public Builder put(int index, Embedding embedding) {
            if (embedding.dimension() != dimension) {
                return putWrongDimension(index, embedding.dimension());
            }
            claim(index);
            embeddings[index] = embedding;
            return this;
        }

        /**
         * Notes that the service sent so many components for this text, and not as many as promised, whatever they are; same checks
         * of the index.
         */
        public Builder putWrongDimension(int index, int components) {
            putDefect(index, "expected dim=" + dimension + ", got " + components);
            wrongDimension++;
            lastWrongDimension = components;
            return this;
        }

        /** Notes that the service sent something for this text that is no vector; same checks of the index. */
        public Builder putDefect(int index, String defect) {
            claim(index);
            defects[index] = Objects.requireNonNull(defect, "defect");
            return this;
        }

        private void claim(int index) {
            if (index < 0 || index >= answered.length) {
                throw unproven("index " + index + " for " + answered.length + " texts");
            }
            if (answered[index]) {
                throw unproven("index " + index + " twice");
            }
            answered[index] = true;
            received++;
        }

        private static TransientProviderException unproven(String what) {
            return TransientProviderException.malformedAnswer(
                    "the answer has " + what + ": its vectors cannot be matched with the texts", 200, null, null);
        }

        /** How many texts have an answer so far, usable or not. */
        public int received() {
            return received;
        }

        /**
         * Ends the check. Texts without an answer become defects.
         *
         * @throws TransientProviderException if the service answered none of the texts, or several texts with one vector
         *     for the first: some services make one vector of a whole list, and nothing tells it from the first text's own
         * @throws PermanentProviderException owner {@link FaultOwner#CONFIGURATION} if every vector sent had a wrong
         *     dimension: the model does not make vectors of the configured one
         */
        public EmbedResponse build(TokenUsage usage) {
            if (received == 0) {
                throw TransientProviderException.malformedAnswer(
                        "the answer has no vector for " + answered.length + " texts", 200, null, null);
            }
            if (wrongDimension == received) {
                throw PermanentProviderException.configuration(
                        "expected dim=" + dimension + ", got " + lastWrongDimension
                                + ": set dim to what the model returns, choose a model that returns " + dimension
                                + ", or, where the server can shorten its vectors, set send_dimensions = \"always\"",
                        200,
                        null);
            }
            if (received == 1 && answered[0] && answered.length > 1) {
                throw unproven("one vector for " + answered.length + " texts");
            }
            for (int i = 0; i < answered.length; i++) {
                if (!answered[i]) {
                    defects[i] = "the answer has no vector for it";
                }
            }
            return new EmbedResponse(
                    Collections.unmodifiableList(Arrays.asList(embeddings)),
                    Collections.unmodifiableList(Arrays.asList(defects)),
                    usage,
                    RateLimits.NONE);
        }
    }
}
