package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.JobLog;
import dev.evervec.pipeline.report.RecordOutcome;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The progress file and the log of a job. A file that cannot be written is complained about once and must not stop the build:
 * the log is given up then, the progress file tried again with newer progress. The end of the log is kept in memory too, where
 * any thread may look at it; everything else is confined to the writer's thread.
 */
final class JobFiles implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(JobFiles.class);

    private final @Nullable Paths paths;
    private final LogTail tail = new LogTail(JobLog.MAX_BYTES);
    private @Nullable BufferedWriter logWriter;
    private boolean progressFails;

    private JobFiles(@Nullable Paths paths) {
        this.paths = paths;
    }

    private record Paths(Path progress, Path temporary, Path log) {
        static Paths in(Path directory, String jobId) {
            return new Paths(
                    directory.resolve(jobId + ".progress.json"),
                    directory.resolve(jobId + ".progress.json.tmp"),
                    directory.resolve(jobId + ".log"));
        }
    }

    /** No files: the log is in memory alone. */
    static JobFiles none() {
        return new JobFiles(null);
    }

    /**
     * Makes the folder and begins the job's log.
     *
     * @throws IOException if that is not possible: the log folder is a mistake in the configuration
     */
    static JobFiles open(Path directory, String jobId) throws IOException {
        Files.createDirectories(directory);
        Paths paths = Paths.in(directory, jobId);
        JobFiles files = new JobFiles(paths);
        files.logWriter = Files.newBufferedWriter(
                paths.log, StandardCharsets.UTF_8, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        return files;
    }

    /** Replaces the progress file as a whole, so that a reader sees valid JSON at any moment. */
    void progress(BuildProgress progress) {
        if (paths == null) {
            return;
        }
        try {
            Files.writeString(paths.temporary, progress.toJson() + "\n");
            replaceProgressFile(paths);
        } catch (IOException e) {
            if (!progressFails) {
                log.warn(
                        "cannot write {}; the build goes on and tries again with the next progress", paths.progress, e);
            }
            progressFails = true;
        }
    }

    private static void replaceProgressFile(Paths paths) throws IOException {
        Files.move(
                paths.temporary, paths.progress, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** One line for each record that was not embedded. */
    void outcomes(List<RecordOutcome> outcomes) {
        for (RecordOutcome outcome : outcomes) {
            line(outcome.reason().kind().name().toLowerCase(Locale.ROOT) + " " + outcome.key() + " "
                    + outcome.reason().code() + ": " + outcome.detail());
        }
    }

    /** A line with the time before it; line breaks in the text become blanks. */
    void line(String text) {
        String line = Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + text.replaceAll("[\\r\\n]+", " ") + "\n";
        tail.add(line);
        BufferedWriter writer = logWriter;
        if (writer == null) {
            return;
        }
        try {
            writer.write(line);
        } catch (IOException e) {
            giveUpLog(e);
        }
    }

    /** The log's file, or null if there is none. */
    @Nullable
    Path logFile() {
        return paths == null ? null : paths.log;
    }

    /** The last lines; may be called from any thread. */
    JobLog log() {
        return tail.take();
    }

    void flush() {
        BufferedWriter writer = logWriter;
        if (writer == null) {
            return;
        }
        try {
            writer.flush();
        } catch (IOException e) {
            giveUpLog(e);
        }
    }

    private void giveUpLog(IOException cause) {
        log.warn("cannot write {}; the build goes on without it", paths == null ? "the log" : paths.log, cause);
        close();
    }

    @Override
    public void close() {
        BufferedWriter writer = logWriter;
        logWriter = null;
        if (writer == null) {
            return;
        }
        try {
            writer.close();
        } catch (IOException e) {
            log.warn("cannot finish {}", paths == null ? "the log" : paths.log, e);
        }
    }
}
