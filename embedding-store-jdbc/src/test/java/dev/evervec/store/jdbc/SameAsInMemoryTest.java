package dev.evervec.store.jdbc;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

final class SameAsInMemoryTest extends SameAsInMemory {
    @TempDir
    private Path folder;

    @Override
    Place place() {
        return Place.in(folder.resolve("store.db"));
    }
}
