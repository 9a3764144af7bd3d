package dev.evervec.pipeline;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Opens another reader when the first page is asked for. */
final class LaterReader implements RecordReader {
    private final Supplier<RecordReader> opening;
    private @Nullable RecordReader opened;

    LaterReader(Supplier<RecordReader> opening) {
        this.opening = opening;
    }

    @Override
    public Event next() {
        if (opened == null) {
            opened = opening.get();
        }
        return opened.next();
    }

    @Override
    public void close() {
        if (opened != null) {
            opened.close();
        }
    }
}
