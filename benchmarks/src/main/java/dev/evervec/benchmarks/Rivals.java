package dev.evervec.benchmarks;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where other libraries are, which need a class path of their own: the module benchmarks-rivals, if it was built. */
final class Rivals {
    private static final String PACKAGE = "dev.evervec.benchmarks.rivals.";

    static final String LANGCHAIN4J = PACKAGE + "LangChain4jDefaults";
    static final String LANGCHAIN4J_BASE64 = PACKAGE + "LangChain4jBase64";
    static final String LANGCHAIN4J_ALONE = PACKAGE + "LangChain4jAlone";
    static final String SPRING_AI = PACKAGE + "SpringAi";

    private Rivals() {}

    /** The class path, or null if they were not built. */
    static @Nullable String classPath() throws URISyntaxException {
        Path own = Path.of(
                Rivals.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        // Both the jar and the folder of classes are in benchmarks/target.
        Path ownTarget = own.getParent();
        Path modules = ownTarget == null ? null : ownTarget.getParent();
        Path root = modules == null ? null : modules.getParent();
        if (ownTarget == null || root == null) {
            return null;
        }
        Path target = root.resolve("benchmarks-rivals").resolve("target");
        if (!Files.isDirectory(target.resolve("lib")) || !Files.isDirectory(ownTarget.resolve("classes"))) {
            return null;
        }
        // Not our jar: its manifest would bring our own libraries with it.
        return String.join(
                System.getProperty("path.separator"),
                target.resolve("classes").toString(),
                target.resolve("lib") + "/*",
                ownTarget.resolve("classes").toString());
    }
}
