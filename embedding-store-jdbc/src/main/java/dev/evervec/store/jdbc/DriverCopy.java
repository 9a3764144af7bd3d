package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoreException.Kind;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The copy of SQLite's driver that has a file open in this process. Each class loader that loads the driver loads SQLite once more,
 * and POSIX gives a process's locks on a file back as soon as any of its descriptors of that file is closed. One copy knows its own
 * descriptors and waits with closing them; two drop each other's locks, whereupon commits are lost and the process may even die
 * (sqlite.org, "How To Corrupt An SQLite Database File", section 2.2.1, read 2026-11-22). So one copy at a time may open a file.
 *
 * <p>All class loaders of a process have in common its system properties, where this is noted, and interned strings, one of which guards
 * it.
 */
final class DriverCopy {
    private static final String NOTE = "dev.evervec.sqlite ";

    private final String note;
    private final String copy;

    /** A copy of the driver, and a file whose path has no symbolic links. */
    DriverCopy(Class<?> driver, Path file) {
        this.note = (NOTE + file).intern();
        this.copy = Integer.toHexString(System.identityHashCode(driver)) + ' ';
    }

    /**
     * Notes that a connection is going to be opened.
     *
     * @return to be run when it is closed; once is enough
     * @throws StoreException if another copy has the file open
     */
    Runnable open() {
        synchronized (note) {
            change(1);
        }
        AtomicBoolean open = new AtomicBoolean(true);
        return () -> {
            if (open.getAndSet(false)) {
                synchronized (note) {
                    change(-1);
                }
            }
        };
    }

    /** The note says which copy it is, and how many connections it has. */
    private void change(int by) {
        String noted = System.getProperty(note, copy + 0);
        if (!noted.startsWith(copy)) {
            throw new StoreException(
                    Kind.PERMANENT,
                    "cannot open the store " + note.substring(NOTE.length())
                            + ": another copy of the SQLite driver, in another class loader of this process, has it open, and two"
                            + " copies drop each other's locks. Put org.xerial:sqlite-jdbc where all applications of the process"
                            + " share it, or close the other store first",
                    null);
        }
        int connections = Integer.parseInt(noted.substring(copy.length())) + by;
        // Fewer than none, if somebody has cleared all properties.
        if (connections <= 0) {
            System.clearProperty(note);
        } else {
            System.setProperty(note, copy + connections);
        }
    }
}
