package dev.evervec.store.jdbc;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class EveryStatementTest extends EveryStatement {
    @TempDir
    private Path folder;

    private final Map<Boolean, Path> before = new ConcurrentHashMap<>();

    @ParameterizedTest(name = "{0}, rewriting {1}")
    @CsvSource({
        "BEFORE, false",
        "BEFORE, true",
        "AFTER, false",
        "AFTER, true",
        "STOPPING, false",
        "STOPPING, true",
        "LOST_BEFORE, false",
        "LOST_BEFORE, true",
        "LOST_AFTER, false",
        "LOST_AFTER, true",
        "OUTAGE_AFTER, false",
        "OUTAGE_AFTER, true",
        "DEAD_BEFORE, false",
        "DEAD_BEFORE, true",
        "DEAD_AFTER, false",
        "DEAD_AFTER, true"
    })
    void isSurvived(FaultyDialect.Fault fault, boolean rewriting) throws Exception {
        isSurvivedByABuild(fault, rewriting);
    }

    @Override
    int fewest() {
        return 80;
    }

    @Override
    Place prepared(String name, boolean rewriting) throws Exception {
        Path copy = folder.resolve(name + ".db");
        Files.copy(before.computeIfAbsent(rewriting, this::prepare), copy);
        return Place.in(copy);
    }

    private Path prepare(boolean rewriting) {
        Path file = folder.resolve("before-" + rewriting + ".db");
        new TroubledBuild(file, rewriting).prepare();
        return file;
    }
}
