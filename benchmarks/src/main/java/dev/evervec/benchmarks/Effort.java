package dev.evervec.benchmarks;

import java.nio.file.Path;
import java.util.List;

/**
 * How thoroughly to measure.
 *
 * @param profiles folder for a flight recording of each process that is measured, or an empty path for none
 */
record Effort(Size size, Path profiles) {
    /** How much of everything. */
    enum Size {
        /** As little as shows that the measurement works. */
        TINY,
        /** All goals in less than five minutes. */
        QUICK,
        /** All goals in less than 45 minutes. */
        FULL
    }

    static final Effort TINY = new Effort(Size.TINY, Path.of(""));

    int of(int tiny, int quick, int full) {
        return switch (size) {
            case TINY -> tiny;
            case QUICK -> quick;
            case FULL -> full;
        };
    }

    /** Options of a JVM with such a heap, which is recorded under this name if profiles are wanted. */
    List<String> jvm(String heap, String name) {
        if (profiles.toString().isEmpty()) {
            return List.of(heap);
        }
        String file = profiles.resolve(name + ".jfr").toAbsolutePath().toString();
        return List.of(heap, "-XX:StartFlightRecording=settings=profile,filename=" + file, "-Xlog:jfr*=off");
    }
}
