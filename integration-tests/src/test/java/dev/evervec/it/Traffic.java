package dev.evervec.it;

import dev.evervec.it.LoopbackServer.Fault;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What one process sends to its {@link LoopbackServer}, which can hold answers back. Thread-safe. */
final class Traffic implements LoopbackServer.Script, AutoCloseable {
    private static final int PATIENCE_SECONDS = 60;

    private final List<String> texts = new ArrayList<>();
    private final List<String> prompts = new ArrayList<>();
    private final CountDownLatch answers = new CountDownLatch(1);
    private final long heldEmbedding;
    private final long heldRewrite;
    private long embeddings;
    private boolean ended;

    private Traffic(long heldEmbedding, long heldRewrite) {
        this.heldEmbedding = heldEmbedding;
        this.heldRewrite = heldRewrite;
    }

    /** Every request is answered. */
    static Traffic answered() {
        return new Traffic(Long.MAX_VALUE, Long.MAX_VALUE);
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
        boolean hold = record(sent);
        if (hold) {
            awaitRelease();
        }
        return Fault.NONE;
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

    /** Every text that was to be embedded, as often as it came. */
    synchronized List<String> texts() {
        return List.copyOf(texts);
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
