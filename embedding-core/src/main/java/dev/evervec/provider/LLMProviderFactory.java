package dev.evervec.provider;

import java.util.List;
import java.util.OptionalInt;

/**
 * Makes providers of one name. Found by {@link java.util.ServiceLoader}: register an implementation with a public
 * constructor without arguments in {@code META-INF/services/dev.evervec.provider.LLMProviderFactory}.
 *
 * <p>Implementations must not touch their SDK's classes before {@link #create} is called, so that a missing SDK of one
 * provider never breaks another.
 */
public interface LLMProviderFactory {
    /** What a service counts against its quota of requests per minute. */
    enum QuotaUnit {
        /** Each call is one, however many texts it carries. */
        REQUESTS,
        /** Each text of a call is one. */
        TEXTS
    }

    /** The name used in the configuration: lower case, {@code [a-z0-9-]+}. */
    String name();

    /**
     * Makes a provider for the capability, model and endpoint of the settings. Makes no call.
     *
     * @throws IllegalArgumentException if a setting cannot work; the message names the setting and never shows the key
     */
    LLMProvider create(ProviderSettings settings);

    /** Whether it can be used for this capability. The default is yes. */
    default boolean supports(Capability capability) {
        return true;
    }

    /**
     * The environment variables that may hold the key, first found wins. The default is none: the key then comes from the
     * configuration only.
     */
    default List<String> keyVariables() {
        return List.of();
    }

    /**
     * Whether a key is needed when no base URL is configured. A server at a configured base URL never needs one. The
     * default is no.
     */
    default boolean needsKey() {
        return false;
    }

    /** The dimension of this embedding model's vectors when the configuration leaves {@code dim} out, if it is known. */
    default OptionalInt defaultDimension(String model) {
        return OptionalInt.empty();
    }

    /** What the service counts against {@code requests_per_minute}. The default is {@link QuotaUnit#REQUESTS}. */
    default QuotaUnit quotaUnit() {
        return QuotaUnit.REQUESTS;
    }
}
