package dev.evervec.pipeline.live;

import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/** Holds calls until it is opened: all of them, or only those of builds. */
final class HeldCalls implements LLMProvider {
    private final LLMProvider provider;
    private final Set<Priority> kinds;
    private final CountDownLatch called = new CountDownLatch(1);
    private final CountDownLatch opened = new CountDownLatch(1);
    private final List<String> held = new CopyOnWriteArrayList<>();

    /** Holds every call. */
    HeldCalls(LLMProvider provider) {
        this(provider, EnumSet.allOf(Priority.class));
    }

    private HeldCalls(LLMProvider provider, Set<Priority> kinds) {
        this.provider = provider;
        this.kinds = kinds;
    }

    /** Lets live calls through. */
    static HeldCalls ofBuilds(LLMProvider provider) {
        return new HeldCalls(provider, EnumSet.of(Priority.BUILD));
    }

    void awaitACall() {
        await(called);
    }

    void open() {
        opened.countDown();
    }

    boolean isOpen() {
        return opened.getCount() == 0;
    }

    /** Texts of calls that were held. */
    List<String> heldTexts() {
        return held;
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        if (kinds.contains(request.context().priority())) {
            held.addAll(request.texts());
            called.countDown();
            await(opened);
        }
        return provider.embed(request);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public ModelIdentity model() {
        return provider.model();
    }

    @Override
    public ProviderLimits limits() {
        return provider.limits();
    }

    @Override
    public CallPolicy callPolicy() {
        return provider.callPolicy();
    }

    @Override
    public void close() {}
}
