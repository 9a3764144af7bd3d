package dev.evervec.pipeline;

import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TransientProviderException;

/** Words for exceptions that no contract foresees. Their messages may quote a text or a key and stay out. */
final class Faults {
    private Faults() {}

    static String unexpected(String doing, Throwable thrown) {
        return thrown.getClass().getSimpleName() + " while " + doing + origin(thrown);
    }

    private static String origin(Throwable thrown) {
        StackTraceElement[] trace = thrown.getStackTrace();
        return trace.length == 0 ? "" : " (at " + trace[0].getClassName() + "." + trace[0].getMethodName() + ")";
    }

    /** A provider broke its contract: taken for a failure of the provider, which is not asked for anything any more. */
    static ProviderException ofProvider(LLMProvider provider, Throwable thrown) {
        return TransientProviderException.malformedAnswer(
                unexpected("calling " + provider.getClass().getName(), thrown),
                0,
                null,
                ProviderException.withoutMessage(thrown));
    }
}
