package dev.evervec.provider.openai;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.Secret;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Base64;

final class Fixtures {
    static final String KEY = "sk-test-1234567890";

    private Fixtures() {}

    /** Embedding with 3 dimensions and a key, 20 s a call. */
    static ProviderSettings.Builder embedding(String baseUrl) {
        return ProviderSettings.builder(Capability.EMBEDDING, "openai", "some-model")
                .baseUrl(baseUrl)
                .apiKey(Secret.of(KEY))
                .dimension(3)
                .callPolicy(timeout(Duration.ofSeconds(20)));
    }

    static ProviderSettings.Builder rewriting(String baseUrl) {
        return ProviderSettings.builder(Capability.REWRITE, "openai", "some-model")
                .baseUrl(baseUrl)
                .apiKey(Secret.of(KEY))
                .callPolicy(timeout(Duration.ofSeconds(20)));
    }

    static CallPolicy timeout(Duration timeout) {
        return new CallPolicy(0, timeout, 4);
    }

    static String base64(float... components) {
        ByteBuffer bytes = ByteBuffer.allocate(components.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (float component : components) {
            bytes.putFloat(component);
        }
        return Base64.getEncoder().encodeToString(bytes.array());
    }

    /** An entry with this index and this JSON value as vector. */
    static String entry(int index, String vector) {
        return "{\"object\":\"embedding\",\"index\":" + index + ",\"embedding\":" + vector + "}";
    }

    /** An answer with these entries and 7 prompt tokens. */
    static String answer(String... entries) {
        return "{\"object\":\"list\",\"data\":[" + String.join(",", entries)
                + "],\"model\":\"some-model\",\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}";
    }
}
