package dev.evervec.pipeline.store;

import java.time.Clock;

class MemoryStoreTest extends EmbeddingStoreContract {
    @Override
    protected EmbeddingStore openEmpty() {
        return new MemoryStore(Clock.systemUTC());
    }

    @Override
    protected String[] whyInThisStore(String... why) {
        return new String[] {"cannot be resumed"};
    }

    @Override
    protected EmbeddingStore successor() {
        ((MemoryStore) store).killRunningJob();
        return store;
    }
}
