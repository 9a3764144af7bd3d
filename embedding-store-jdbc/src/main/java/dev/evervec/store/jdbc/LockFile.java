package dev.evervec.store.jdbc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An operating-system lock on a file of its own. The system releases it when its process ends, however that happens, so
 * whoever gets it knows that no other worker is alive. The file is never deleted: a deleted lock file can be locked twice.
 *
 * <p>It is two locks on two bytes. Who gets the first may work, and marks the second as long as it does. Who only wants to know
 * whether somebody works tries the second, and shares it with others who want to know: so nobody is ever refused the right to
 * work because somebody looks, and nobody who looks takes another one that does for a worker.
 */
final class LockFile {
    private static final Logger LOG = LoggerFactory.getLogger(LockFile.class);
    private static final long RIGHT = 0;
    private static final long MARK = 1;

    /** Who looks has the mark for some microseconds. */
    private static final Duration LONGEST_LOOK = Duration.ofSeconds(10);

    private static final long PAUSE_NANOS = 20_000;
    private static final Set<OpenOption> TO_WORK =
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    private static final Set<OpenOption> TO_LOOK = Set.of(StandardOpenOption.READ);

    /**
     * What this process holds. POSIX drops all locks of a process on a file as soon as it closes any descriptor of that file, so
     * whoever finds the file here must not open it.
     */
    private static final Map<Path, FileChannel> HELD = new ConcurrentHashMap<>();

    /**
     * Left open by those who found a lock of another class loader of this process: closing one, or letting it be collected,
     * would drop that lock. The next one who opens the file the same way uses it.
     */
    private static final Map<Opening, FileChannel> LEFT_OPEN = new ConcurrentHashMap<>();

    private final Path file;

    /**
     * Guards everything that opens, locks or closes the file: what has just been found free may otherwise be locked by another
     * class loader before the file is closed again, which would drop that lock. An interned string, because those are the
     * same for all class loaders.
     */
    private final Object turn;

    /** A file, and what it was opened for. */
    private record Opening(Path file, Set<OpenOption> options) {}

    /** A lock on this file, whose folder exists. */
    LockFile(Path file) {
        this.file = file;
        this.turn = (LockFile.class.getName() + ' ' + file).intern();
    }

    boolean heldHere() {
        return HELD.containsKey(file);
    }

    /**
     * Locks the file, which is made if it is not there.
     *
     * @return empty if it is locked already
     * @throws UncheckedIOException if it cannot be opened or locked at all
     */
    Optional<JobLock> tryLock() {
        synchronized (turn) {
            try {
                FileChannel held = heldHere() ? null : take();
                if (held == null) {
                    return Optional.empty();
                }
                HELD.put(file, held);
                return Optional.of(() -> release(held));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Whether somebody holds the lock, as far as that can be told: if not, this says yes. Makes no file. */
    boolean isHeld() {
        synchronized (turn) {
            if (heldHere()) {
                return true;
            }
            try {
                FileChannel channel = open(TO_LOOK);
                boolean isFree = lock(channel, TO_LOOK, MARK);
                if (isFree) {
                    channel.close();
                }
                return !isFree;
            } catch (NoSuchFileException e) {
                return false;
            } catch (IOException e) {
                LOG.debug("cannot tell whether {} is locked", file, e);
                return true;
            }
        }
    }

    /** The channel that has both locks, or null if it did not get them. */
    private @Nullable FileChannel take() throws IOException {
        FileChannel channel = open(TO_WORK);
        if (!lock(channel, TO_WORK, RIGHT)) {
            return null;
        }
        boolean marked = false;
        try {
            mark(channel);
            marked = true;
            return channel;
        } finally {
            if (!marked) {
                channel.close();
            }
        }
    }

    private static void mark(FileChannel channel) throws IOException {
        long begun = System.nanoTime();
        while (channel.tryLock(MARK, 1, false) == null) {
            if (System.nanoTime() - begun > LONGEST_LOOK.toNanos()) {
                throw new IOException("a process that looks whether the file is locked does not come to an end");
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private FileChannel open(Set<OpenOption> options) throws IOException {
        FileChannel open = LEFT_OPEN.remove(new Opening(file, options));
        return open == null ? FileChannel.open(file, options) : open;
    }

    /** Locks a byte; closes the channel unless it got the lock or must stay open. */
    private boolean lock(FileChannel channel, Set<OpenOption> options, long at) throws IOException {
        boolean close = true;
        try {
            boolean locked = channel.tryLock(at, 1, options.equals(TO_LOOK)) != null;
            close = !locked;
            return locked;
        } catch (OverlappingFileLockException e) {
            // Held by a copy of this class in another class loader of this process: as good as another process.
            LOG.debug("{} is locked by another class loader", file);
            close = false;
            LEFT_OPEN.put(new Opening(file, options), channel);
            return false;
        } finally {
            if (close) {
                channel.close();
            }
        }
    }

    /** Only the first of several: a later one would give back what somebody else may hold by then. */
    private void release(FileChannel held) {
        synchronized (turn) {
            if (HELD.get(file) == held) {
                try {
                    held.close();
                } catch (IOException e) {
                    LOG.warn("{} could not be closed; its lock ends with this process", file, e);
                }
                HELD.remove(file);
            }
        }
    }
}
