package dev.evervec.pipeline.store;

class SharedMemoryStoreTest extends SharedStoreContract {
    @Override
    protected EmbeddingStore openEmpty() {
        return MemoryStore.shared(clock);
    }

    @Override
    protected EmbeddingStore another() {
        return store;
    }

    @Override
    protected String[] whyInThisStore(String... why) {
        return new String[] {""};
    }
}
