package dev.evervec.micrometer;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.provider.Capability;
import java.time.Duration;

/**
 * The names of all meters and tags.
 *
 * <p>Those beginning with {@code gen_ai} follow OpenTelemetry's semantic conventions for generative AI, which are still in
 * development (looked up in November 2026): when they change, this class is what has to.
 */
final class Names {
    static final String OPERATION_DURATION = "gen_ai.client.operation.duration";
    static final String TOKEN_USAGE = "gen_ai.client.token.usage";

    static final String OPERATION = "gen_ai.operation.name";
    static final String PROVIDER = "gen_ai.provider.name";
    static final String MODEL = "gen_ai.request.model";
    static final String TOKEN_TYPE = "gen_ai.token.type";
    static final String ERROR = "error.type";

    static final String RECORDS = "evervec.records";
    static final String STALE = "evervec.records.stale";
    static final String OLDEST_PENDING = "evervec.pending.oldest.age";
    static final String CIRCUIT_OPEN = "evervec.circuit.open";
    static final String SPLITS = "evervec.splits";
    static final String WAITS = "evervec.waits";
    static final String COST = "evervec.cost";
    static final String UNPRICED_TOKENS = "evervec.unpriced.tokens";

    static final String SOURCE = "source";
    static final String STATE = "state";
    static final String CAUSE = "cause";

    /** 10 ms, doubling to 81.92 s. */
    static Duration[] durationBuckets() {
        Duration[] buckets = new Duration[14];
        for (int i = 0; i < buckets.length; i++) {
            buckets[i] = Duration.ofMillis(10L << i);
        }
        return buckets;
    }

    /** 1, quadrupling to 67,108,864 tokens. */
    static double[] tokenBuckets() {
        double[] buckets = new double[14];
        for (int i = 0; i < buckets.length; i++) {
            buckets[i] = 1L << (2 * i);
        }
        return buckets;
    }

    static String operation(ProviderCall call) {
        if (call.capability() == Capability.EMBEDDING) {
            return "embeddings";
        }
        return isGemini(call) ? "generate_content" : "chat";
    }

    /** The conventions have a name for the well-known services; others keep theirs. */
    static String provider(ProviderCall call) {
        return isGemini(call) ? "gcp.gemini" : call.provider();
    }

    private static boolean isGemini(ProviderCall call) {
        return call.provider().equals("gemini");
    }

    private Names() {}
}
