package dev.evervec.provider.openai;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Ends a body that is longer than any promised answer could be, instead of filling the heap with it. */
final class CappedInputStream extends FilterInputStream {
    private final Runnable cut;
    private long left;

    CappedInputStream(InputStream in, long maxBytes, Runnable cut) {
        super(in);
        this.left = maxBytes;
        this.cut = cut;
    }

    @Override
    public int read() throws IOException {
        int read = super.read();
        if (read >= 0) {
            count(1);
        }
        return read;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        int read = super.read(buffer, offset, length);
        if (read > 0) {
            count(read);
        }
        return read;
    }

    private void count(int read) throws TooLongException {
        left -= read;
        if (left < 0) {
            cut.run();
            throw new TooLongException();
        }
    }

    /** The body passed the cap. */
    static final class TooLongException extends IOException {
        private static final long serialVersionUID = 1L;
    }
}
