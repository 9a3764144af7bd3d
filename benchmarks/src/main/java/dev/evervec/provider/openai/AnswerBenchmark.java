package dev.evervec.provider.openai;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.ProviderSettings;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.Protocol;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What an answer with 100 vectors of 1,536 components costs when there is no network in between. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class AnswerBenchmark {
    private static final int TEXTS = 100;
    private static final int DIMENSION = 1_536;

    /** How the service writes vectors. */
    public enum Form {
        /** As base64 of their bytes. */
        BASE64,
        /** As decimal numbers. */
        FLOATS
    }

    /** How the service writes vectors. */
    @Param
    public Form form = Form.BASE64;

    private @Nullable OpenAiProvider provider;
    private byte[] body = {};

    /** Writes the answer once. */
    @Setup
    public void begin() {
        body = IntStream.range(0, TEXTS)
                .mapToObj(i -> "{\"object\":\"embedding\",\"index\":" + i + ",\"embedding\":" + vector(i) + "}")
                .collect(Collectors.joining(
                        ",", "{\"object\":\"list\",\"data\":[", "],\"usage\":{\"prompt_tokens\":9000}}"))
                .getBytes(StandardCharsets.US_ASCII);
        ProviderSettings settings = ProviderSettings.builder(Capability.EMBEDDING, "openai", "text-embedding-3-small")
                .baseUrl("http://127.0.0.1:9/v1")
                .dimension(DIMENSION)
                .build();
        provider = OpenAiProvider.create(settings, Clock.systemUTC(), http -> http.addInterceptor(this::answer));
    }

    private String vector(int index) {
        SplittableRandom random = new SplittableRandom(index);
        float[] components = new float[DIMENSION];
        for (int i = 0; i < DIMENSION; i++) {
            components[i] = (float) random.nextDouble(-0.1, 0.1);
        }
        if (form == Form.FLOATS) {
            return Arrays.toString(components);
        }
        ByteBuffer bytes = ByteBuffer.allocate(DIMENSION * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(components);
        return '"' + Base64.getEncoder().encodeToString(bytes.array()) + '"';
    }

    private Response answer(Interceptor.Chain chain) {
        return new Response.Builder()
                .request(chain.request())
                .protocol(Protocol.HTTP_1_1)
                .code(200)
                .message("OK")
                .body(ResponseBody.create(body, MediaType.get("application/json")))
                .build();
    }

    /** Ends the client. */
    @TearDown
    public void end() {
        Objects.requireNonNull(provider).close();
    }

    /** The request is built by the SDK, the answer read by us. */
    @Benchmark
    public EmbedResponse embed() {
        return Objects.requireNonNull(provider)
                .embed(new EmbedRequest(
                        Collections.nCopies(TEXTS, "text"), InputKind.DOCUMENT, CallContext.build(new CancelSignal())));
    }
}
