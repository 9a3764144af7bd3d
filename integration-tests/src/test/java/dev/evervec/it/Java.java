package dev.evervec.it;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Starts main classes of these tests in processes of their own, on the same JDK and class path. */
final class Java {
    private Java() {}

    /** A process builder for the main class; what it prints on standard error is printed here. */
    static ProcessBuilder of(Class<?> main, List<String> options, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    }
}
