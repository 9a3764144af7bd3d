package dev.evervec.provider.openai;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The SDK would read these variables; what they say must neither be sent nor change what is printed. */
class OpenAiEnvironmentTest {
    private static final Map<String, String> ENVIRONMENT = Map.of(
            "OPENAI_API_KEY", "sk-environment",
            "OPENAI_ADMIN_KEY", "sk-environment-admin",
            "AZURE_OPENAI_KEY", "sk-environment-azure",
            "OPENAI_BASE_URL", "http://127.0.0.1:9/environment",
            "OPENAI_ORG_ID", "org-environment",
            "OPENAI_PROJECT_ID", "proj-environment",
            "OPENAI_CUSTOM_HEADERS", "X-Environment: yes",
            "OPENAI_LOG", "debug");

    @Test
    void theEnvironmentIsNotReadBehindTheUsersBack() throws Exception {
        try (RawServer server = RawServer.answering(Fixtures.answer(Fixtures.entry(0, "[1,2,3]")))) {
            ProcessBuilder builder = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            OneCall.class.getName(),
                            server.url())
                    .redirectErrorStream(true);
            builder.environment().putAll(ENVIRONMENT);
            Process process = builder.start();
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(printed).isZero();
            assertThat(printed).contains("got 3 components").doesNotContain("a private text", "embedding\"");
            assertThat(server.requests).singleElement().satisfies(request -> {
                assertThat(request.head()).doesNotContainIgnoringCase("environment");
                assertThat(request.headerNames())
                        .containsExactlyInAnyOrder(
                                "user-agent",
                                "content-type",
                                "content-length",
                                "host",
                                "connection",
                                "accept-encoding");
            });
        }
    }

    /** Runs in a JVM of its own, without a configured key. */
    static final class OneCall {
        public static void main(String[] args) {
            try (OpenAiProvider provider = OpenAiProvider.create(
                    Fixtures.embedding(args[0]).apiKey(null).build())) {
                System.out.println("got " + provider.embed("a private text").dimension() + " components");
            }
        }
    }
}
