package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tests of the stories themselves: each of these bugs, planted into the source of one class, makes one of the default stories
 * fail. A bug whose code has changed says so; plant it anew.
 */
class PlantedBugsTest {
    private static final String WORKSHOP = "dev.evervec.pipeline.";
    private static final Path MAIN = Path.of("src", "main", "java");
    private static final Path TEST = Path.of("src", "test", "java");

    /** One place of a bug. */
    private record Edit(String right, String wrong) {}

    /** A bug that somebody could have written. */
    private record Bug(String name, Path file, List<Edit> edits) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Bug bug(String name, String file, String right, String wrong) {
        return bug(name, file, new Edit(right, wrong));
    }

    private static Bug bug(String name, String file, Edit... edits) {
        Path path = Path.of("dev", "evervec", "pipeline").resolve(file);
        Path source = Files.exists(MAIN.resolve(path)) ? MAIN.resolve(path) : TEST.resolve(path);
        return new Bug(name, source, List.of(edits));
    }

    static Stream<Bug> bugs() {
        return Stream.of(
                bug(
                        "the fence is dropped",
                        "store/MemoryStore.java",
                        "return row.isClaimed() && row.version == claim.version() && (row.onListOf == job.number() || row.onListOf == 0);",
                        "return true;"),
                bug(
                        "two vectors are swapped",
                        "EmbedStage.java",
                        "results.embedded(batch.items.get(i), embedding);",
                        "results.embedded(batch.items.get(batch.size() - 1 - i), embedding);"),
                bug(
                        "records are counted before their commit",
                        "BuildMachine.java",
                        new Edit(
                                "requestsBeingCommitted = portion.requests();",
                                "requestsBeingCommitted = portion.requests();"
                                        + " portion.results().forEach(result -> enter(result, false));"),
                        new Edit("enter(result, refused);\n        }", "}")),
                bug(
                        "every part of a split has a budget of its own",
                        "EmbedStage.java",
                        "batch.items.subList(from, to), batch.budget,",
                        "batch.items.subList(from, to), budget(policy.maxRetries()),"),
                bug(
                        "an answer is sent again",
                        "EmbedStage.java",
                        "results.embedded(batch.items.get(i), embedding);",
                        "results.embedded(batch.items.get(i), embedding);"
                                + " if (uncommitted == 3) { offer(batch.items.get(i)); }"),
                bug(
                        "a bad text takes its sibling along",
                        "EmbedStage.java",
                        "if (batch.isSingle()) {\n"
                                + "            results.notEmbedded(batch.items.get(0), Reason.EMBED_PERMANENT, detailOf(failure));",
                        "if (batch.size() <= 2) {\n"
                                + "            batch.items.forEach(item ->"
                                + " results.notEmbedded(item, Reason.EMBED_PERMANENT, detailOf(failure)));"),
                bug(
                        "quota counts as a try",
                        "CallStage.java",
                        "waitForQuota(failure, call.sentAt, now);\n        sendAgainAt(call, now);",
                        "waitForQuota(failure, call.sentAt, now);\n        call.budget.tryTake(0, now);"
                                + " sendAgainAt(call, now);"),
                bug(
                        "the wait for quota is not waited",
                        "Gate.java",
                        "return !outage && !probing && now >= pausedUntil;",
                        "return !outage && !probing;"),
                bug(
                        "records are claimed after the stop",
                        "BuildMachine.java",
                        "!unclaimedAreListed() || takesNoMore() || !roomToClaim()",
                        "!unclaimedAreListed() || !roomToClaim()"),
                bug("bytes never leave", "BuildMachine.java", "bytesOnTheWay -= bytes == null ? 0 : bytes;", ""),
                bug(
                        "progress counts a skipped rewrite twice",
                        "BuildMachine.java",
                        "rewriteDone++;\n            rewriteSkipped++;",
                        "rewriteDone += 2;\n            rewriteSkipped++;"),
                bug(
                        "an outage is charged to the records",
                        "CallStage.java",
                        "} else if (othersSucceed) {",
                        "} else if (call.failures > 0) {"),
                bug(
                        "a rewrite that comes after the stop is lost",
                        "BuildMachine.java",
                        "rewritesToKeep.put(textHash, answer.rewritten());",
                        "if (stopReason == null) { rewritesToKeep.put(textHash, answer.rewritten()); }"),
                bug(
                        "rewrites are kept when there are many",
                        "BuildMachine.java",
                        "if (!keepingRewrites && !rewritesToKeep.isEmpty()) {",
                        "if (!keepingRewrites && rewritesToKeep.size() > 8) {"),
                bug(
                        "the text is embedded without its rewrite",
                        "BuildMachine.java",
                        "embedNext(original.withText(next.work().text()));",
                        "embedNext(original);"),
                bug(
                        "a named index is believed without proof",
                        "EmbedStage.java",
                        "parts.addLast(new RequestBatch<>(List.of(suspect), batch.budget, false, 0));",
                        "results.notEmbedded(suspect, Reason.EMBED_PERMANENT, detailOf(failure));"),
                bug("an outcome of the scan is dropped", "BuildMachine.java", "outcomesToKeep.add(outcome);", ""),
                bug(
                        "nobody remembers that a text was asked again",
                        "EmbedStage.java",
                        "parts.addLast(new RequestBatch<>(List.of(item), batch.budget, true, 0));",
                        "parts.addLast(new RequestBatch<>(List.of(item), batch.budget, false, 0));"),
                bug(
                        "a write that failed for a moment is forgotten",
                        "StoreQueue.java",
                        "notBefore = now + backoff.delay(failures, random).toNanos();",
                        "notBefore = now + backoff.delay(failures, random).toNanos(); current = null;"),
                bug(
                        "a refused key is tried again",
                        "CallStage.java",
                        "sendAgainAt(call, now);\n                stop(failure.getMessage());",
                        "sendAgainAt(call, now);"),
                bug(
                        "a vector that comes after the stop is thrown away",
                        "BuildMachine.java",
                        "settled.add(new Embedded(",
                        "if (stopReason != null) { settle(work.claim(), null, stopReason, \"\"); return; }"
                                + " settled.add(new Embedded("),
                bug(
                        "calls are not cut",
                        "BuildMachine.java",
                        "            if (cut) {\n                letGo();",
                        "            if (!cut) {\n                cut = true;"),
                bug(
                        "an outage is not waited for",
                        "Gate.java",
                        "return everSucceeded() ? outagePatience : firstContactPatience;",
                        "return firstContactPatience;"),
                bug(
                        "a refusal is never doubted",
                        "CallStage.java",
                        "|| gate.succeededSentSince(call.sentAt)",
                        "|| call.failures >= 0"),
                bug(
                        "a refused size is not learned",
                        "EmbedStage.java",
                        "learned = learned.withAtMostTexts(lowered(learned.maxTextsPerRequest(), batch.size()));",
                        ""),
                bug(
                        "equal texts are sent one by one",
                        "Twins.java",
                        "if (group != null) {\n            group.followers.add(work);",
                        "if (group != null && group.followers.size() > 9) {\n            group.followers.add(work);"),
                bug(
                        "those who wait for an equal text are forgotten",
                        "Twins.java",
                        "return group.followers;",
                        "return List.of();"),
                bug(
                        "a look at the store that came too early is trusted",
                        "Twins.java",
                        "return lastReadThen != null && read <= lastReadThen;",
                        "return false;"),
                bug(
                        "an answer that is not committed yet is forgotten",
                        "BuildMachine.java",
                        "twins.answer(work.text().hash(), vector);",
                        ""),
                bug(
                        "a rebuild is content with an old vector",
                        "Preparer.java",
                        "vector.job() < ready.claim().freshSince()",
                        "vector.job() < 0"),
                bug(
                        "what calls under way may cost is not set aside",
                        "Purse.java",
                        "reserved = reserved.add(most);",
                        ""),
                bug(
                        "a failed call costs nothing",
                        "Purse.java",
                        "spent = spent.add(cost);",
                        "spent = spent.add(cost.movePointLeft(1));"),
                bug(
                        "a failed text is charged to its record for good at once",
                        "EmbedStage.java",
                        "results.notEmbedded(item, Reason.EMBED_TRANSIENT, detailOf(failure));",
                        "results.notEmbedded(item, Reason.EMBED_PERMANENT, detailOf(failure));"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("bugs")
    @Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void isFoundByOneOfTheDefaultStories(Bug bug) throws Exception {
        Method play =
                new BuggyLoader(compiled(bug)).loadClass(WORKSHOP + "Story").getDeclaredMethod("play", long.class);
        play.setAccessible(true);

        long seed = firstFailure(play);

        System.out.printf("found by story %d: %s%n", seed, bug);
        assertThat(seed).isPositive();
    }

    /** The first seed whose story fails, or 0. */
    private static long firstFailure(Method play) throws IllegalAccessException {
        for (long seed = 1; seed <= BuildStoriesTest.DEFAULT_SEEDS; seed++) {
            try {
                play.invoke(null, seed);
            } catch (InvocationTargetException e) {
                assertThat(e.getCause()).isInstanceOf(AssertionError.class);
                return seed;
            }
        }
        return 0;
    }

    // ---- planting ----

    private static Map<String, byte[]> compiled(Bug bug) throws IOException {
        String source = Files.readString(bug.file());
        for (Edit edit : bug.edits()) {
            int at = source.indexOf(edit.right());
            assertThat(at).as("the right code of: " + bug).isNotNegative();
            assertThat(source.indexOf(edit.right(), at + 1))
                    .as("once: " + edit.right())
                    .isNegative();
            source = source.replace(edit.right(), edit.wrong());
        }
        return compile(bug.file().getFileName().toString(), source);
    }

    private static Map<String, byte[]> compile(String fileName, String source) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        Map<String, ByteArrayOutputStream> classes = new HashMap<>();
        StringWriter messages = new StringWriter();
        try (JavaFileManager files = new InMemory(compiler.getStandardFileManager(null, null, null), classes)) {
            List<String> options = List.of("-proc:none", "-classpath", System.getProperty("java.class.path"));
            JavaFileObject unit = new Source(fileName, source);
            boolean compiles = compiler.getTask(messages, files, null, options, null, List.of(unit))
                    .call();
            assertThat(compiles).as(messages.toString()).isTrue();
        }
        Map<String, byte[]> bytes = new HashMap<>();
        classes.forEach((name, stream) -> bytes.put(name, stream.toByteArray()));
        return bytes;
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String fileName, String text) {
            super(URI.create("memory:///" + fileName), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    private static final class InMemory extends ForwardingJavaFileManager<JavaFileManager> {
        private final Map<String, ByteArrayOutputStream> classes;

        InMemory(JavaFileManager files, Map<String, ByteArrayOutputStream> classes) {
            super(files);
            this.classes = classes;
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String className, JavaFileObject.Kind kind, @Nullable FileObject sibling) {
            return new SimpleJavaFileObject(URI.create("memory:///" + className + ".class"), kind) {
                @Override
                public OutputStream openOutputStream() {
                    return classes.computeIfAbsent(className, name -> new ByteArrayOutputStream());
                }
            };
        }
    }

    /** Loads the whole workshop anew, so that its classes see each other, with those in place of which it was given others. */
    private static final class BuggyLoader extends ClassLoader {
        private final Map<String, byte[]> buggy;

        BuggyLoader(Map<String, byte[]> buggy) {
            super(PlantedBugsTest.class.getClassLoader());
            this.buggy = buggy;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(WORKSHOP)) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                return known == null ? define(name) : known;
            }
        }

        private Class<?> define(String name) throws ClassNotFoundException {
            byte[] bytes = buggy.containsKey(name) ? buggy.get(name) : right(name);
            return defineClass(name, bytes, 0, bytes.length);
        }

        private byte[] right(String name) throws ClassNotFoundException {
            try (InputStream file = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
                if (file == null) {
                    throw new ClassNotFoundException(name);
                }
                return file.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
