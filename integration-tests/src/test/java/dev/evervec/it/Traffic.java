package dev.evervec.it;

import dev.evervec.it.LoopbackServer.End;
import dev.evervec.it.LoopbackServer.Fault;
import dev.evervec.it.LoopbackServer.Wire;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What one process sends to its {@link LoopbackServer}, which refuses unacceptable texts, and can hold answers back, take its
 * time, or take a key for revoked. Thread-safe.
 */
final class Traffic implements LoopbackServer.Script, AutoCloseable {
    private static final int PATIENCE_SECONDS = 60;
    /** What a build asks to see whether anything gets through; no record's text. */
    private static final List<String> PROBE = List.of("hello");

    private static final String REVOKED =
            "{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"Incorrect API key provided\"}}";

    private final List<String> texts = new ArrayList<>();
    private final List<String> prompts = new ArrayList<>();
    private final CountDownLatch answers = new CountDownLatch(1);
    private final long heldEmbedding;
    private final long heldRewrite;
    private final Duration latency;
    private final long good;
    private long embeddings;
    private boolean ended;

    private Traffic(long heldEmbedding, long heldRewrite, Duration latency, long good) {
        this.heldEmbedding = heldEmbedding;
        this.heldRewrite = heldRewrite;
        this.latency = latency;
        this.good = good;
    }

    private Traffic(long heldEmbedding, long heldRewrite) {
        this(heldEmbedding, heldRewrite, Duration.ZERO, Long.MAX_VALUE);
    }

    /** Every request is answered. */
    static Traffic answered() {
        return new Traffic(Long.MAX_VALUE, Long.MAX_VALUE);
    }

    /** Every request is answered, but not at once. */
    static Traffic answeredAfter(Duration latency) {
        return new Traffic(Long.MAX_VALUE, Long.MAX_VALUE, latency, Long.MAX_VALUE);
    }

    /** At least so many embedding requests are answered; when they have been, every request gets 401. */
    static Traffic revokedAfter(long embeddings) {
        return new Traffic(Long.MAX_VALUE, Long.MAX_VALUE, Duration.ZERO, embeddings);
    }

    /** The n-th embedding request and all after it get no answer before {@link #release}. */
    static Traffic heldFrom(long embedding) {
        return new Traffic(embedding, Long.MAX_VALUE);
    }

    /** No embedding request gets an answer before {@link #release}, nor the n-th rewrite and all after it. */
    static Traffic heldFromRewrite(long rewrite) {
        return new Traffic(1, rewrite);
    }

    @Override
    public Fault faultOf(long number, List<String> sent) {
        if (sent.stream().anyMatch(text -> text.contains(GeneratedRecords.UNACCEPTABLE))) {
            takeTime();
            return Fault.BAD_REQUEST;
        }
        if (sent.equals(PROBE)) {
            return Fault.NONE;
        }
        boolean hold = record(sent);
        if (hold) {
            awaitRelease();
        } else {
            takeTime();
        }
        return Fault.NONE;
    }

    @Override
    public @Nullable Wire wireOf(long number, List<String> sent, Supplier<byte[]> body) {
        String head = "HTTP/1.1 401 -\r\nContent-Type: application/json\r\nContent-Length: " + REVOKED.length();
        return revoked() ? new Wire((head + "\r\n\r\n" + REVOKED).getBytes(StandardCharsets.US_ASCII), End.KEEP) : null;
    }

    /** A request that is refused for its text does not count: which records a worker gets is up to chance. */
    private synchronized boolean revoked() {
        return embeddings >= good;
    }

    /** Not longer than until the end. */
    private void takeTime() {
        try {
            answers.await(latency.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized boolean record(List<String> sent) {
        boolean rewrite = sent.get(0).startsWith(KilledBuild.PROMPT);
        if (rewrite) {
            prompts.addAll(sent);
        } else {
            texts.addAll(sent);
            embeddings++;
        }
        notifyAll();
        return rewrite ? prompts.size() >= heldRewrite : embeddings >= heldEmbedding;
    }

    private void awaitRelease() {
        try {
            if (!answers.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException("an answer was held for a minute");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Lets all answers go. */
    void release() {
        answers.countDown();
    }

    /** The process that sends has ended. */
    synchronized void end() {
        ended = true;
        notifyAll();
    }

    /**
     * Waits for so many embedding requests.
     *
     * @return false if the process ended before
     */
    synchronized boolean awaitEmbeddings(long count) throws InterruptedException {
        while (embeddings < count && !ended) {
            wait();
        }
        return embeddings >= count;
    }

    /**
     * Waits for so many rewrites to be asked for.
     *
     * @return false if the process ended before
     */
    synchronized boolean awaitRewrites(long count) throws InterruptedException {
        while (prompts.size() < count && !ended) {
            wait();
        }
        return prompts.size() >= count;
    }

    /** Every text that was to be embedded and not refused, as often as it came. */
    synchronized List<String> texts() {
        return List.copyOf(texts);
    }

    /** How many texts those are. */
    synchronized int size() {
        return texts.size();
    }

    /** Every prompt, as often as it came. */
    synchronized List<String> prompts() {
        return List.copyOf(prompts);
    }

    @Override
    public void close() {
        release();
    }
}
