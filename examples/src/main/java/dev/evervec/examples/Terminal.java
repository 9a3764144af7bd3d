package dev.evervec.examples;

import java.io.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Finds out whether a person looks at standard error. */
final class Terminal {
    private static final Path STANDARD_ERROR = Path.of("/proc/self/fd/2");

    private Terminal() {}

    /**
     * Not if {@code TERM} is {@code dumb}. Linux tells where standard error goes. Elsewhere the console decides, which Java
     * has if both standard input and output are a terminal; since Java 22 it must be asked whether it is one.
     */
    static boolean isTerminal(Map<String, String> environment) {
        if ("dumb".equals(environment.get("TERM"))) {
            return false;
        }
        return Files.isSymbolicLink(STANDARD_ERROR) ? leadsToTerminal() : consoleIsTerminal();
    }

    /** Not if {@code NO_COLOR} is set to anything. */
    static boolean showsColor(Shell shell) {
        return shell.environment().getOrDefault("NO_COLOR", "").isEmpty();
    }

    private static boolean leadsToTerminal() {
        try {
            String target = Files.readSymbolicLink(STANDARD_ERROR).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException e) {
            return false;
        }
    }

    @SuppressWarnings("SystemConsoleNull") // before Java 22 it is null, and later it can be
    private static boolean consoleIsTerminal() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return Boolean.TRUE.equals(Console.class.getMethod("isTerminal").invoke(console));
        } catch (NoSuchMethodException e) {
            // Before Java 22 there is no console without a terminal.
            return true;
        } catch (ReflectiveOperationException e) {
            return false;
        }
    }
}
