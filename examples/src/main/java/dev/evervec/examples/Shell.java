package dev.evervec.examples;

import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;

/**
 * Where the program was started: its streams, folder and environment.
 *
 * @param in for what a command reads if it is told so
 * @param out for results
 * @param err for everything else
 * @param folder absolute; relative files of the command line and of the bundled configuration are in it
 * @param environment looked at for {@code NO_COLOR}
 * @param terminal whether a person looks at {@code err}
 */
record Shell(
        InputStream in,
        PrintStream out,
        PrintStream err,
        Path folder,
        Map<String, String> environment,
        boolean terminal) {
    /** A file named on the command line. */
    Path file(Path named) {
        return folder.resolve(named).normalize();
    }
}
