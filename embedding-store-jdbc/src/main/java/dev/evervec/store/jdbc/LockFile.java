package dev.evervec.store.jdbc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An operating-system lock on a file of its own. The system releases it when its process ends, however that happens, so
 * whoever gets it knows that no other worker is alive. The file is never deleted: a deleted lock file can be locked twice.
 */
final class LockFile {
    private static final Logger LOG = LoggerFactory.getLogger(LockFile.class);

    /**
     * The files that this process has locked. POSIX drops all locks of a process on a file as soon as it closes any
     * descriptor of that file, so a second attempt must be turned away before it opens one.
     */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    /**
     * Left open by attempts that found a lock of another class loader of this process: closing one, or letting it be collected,
     * would drop that lock. The next attempt uses it.
     */
    private static final Map<Path, FileChannel> LEFT_OPEN = new ConcurrentHashMap<>();

    private final Path file;

    /** A lock on this file, whose folder exists. */
    LockFile(Path file) {
        this.file = file;
    }

    boolean heldHere() {
        return HELD.contains(file);
    }

    /**
     * Locks the file.
     *
     * @return empty if it is locked already
     * @throws UncheckedIOException if it cannot be opened or locked at all
     */
    Optional<JobLock> tryLock() {
        if (!HELD.add(file)) {
            return Optional.empty();
        }
        boolean locked = false;
        try {
            FileChannel channel = open();
            locked = lock(channel);
            AtomicBoolean held = new AtomicBoolean(true);
            return locked ? Optional.of(() -> release(channel, held)) : Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            if (!locked) {
                HELD.remove(file);
            }
        }
    }

    private FileChannel open() throws IOException {
        FileChannel open = LEFT_OPEN.remove(file);
        return open == null ? FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE) : open;
    }

    /** Closes the channel unless it got the lock or must stay open. */
    private boolean lock(FileChannel channel) throws IOException {
        boolean close = true;
        try {
            boolean locked = channel.tryLock() != null;
            close = !locked;
            return locked;
        } catch (OverlappingFileLockException e) {
            // Held by a copy of this class in another class loader of this process: as good as another process.
            LOG.debug("{} is locked by another class loader", file);
            close = false;
            LEFT_OPEN.put(file, channel);
            return false;
        } finally {
            if (close) {
                channel.close();
            }
        }
    }

    /** Only the first of several: a later one would give back what somebody else may hold by then. */
    private void release(FileChannel channel, AtomicBoolean held) {
        if (held.compareAndSet(true, false)) {
            try {
                channel.close();
            } catch (IOException e) {
                LOG.warn("{} could not be closed; its lock ends with this process", file, e);
            }
            HELD.remove(file);
        }
    }
}
