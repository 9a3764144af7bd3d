package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildProgress;
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
 * the log is given up then, the progress file tried again with newer progress. Confined to the writer's thread.
 */
final class JobFiles implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(JobFiles.class);

    private final Path progressFile;
    private final Path temporaryFile;
    private final Path logFile;
    private @Nullable BufferedWriter logWriter;
    private boolean progressFails;

    private JobFiles(Path directory, String jobId) {
        this.progressFile = directory.resolve(jobId + ".progress.json");
        this.temporaryFile = directory.resolve(jobId + ".progress.json.tmp");
        this.logFile = directory.resolve(jobId + ".log");
    }

    /**
     * Makes the folder and begins the job's log.
     *
     * @throws IOException if that is not possible: the log folder is a mistake in the configuration
     */
    static JobFiles open(Path directory, String jobId) throws IOException {
        Files.createDirectories(directory);
        JobFiles files = new JobFiles(directory, jobId);
        files.logWriter = Files.newBufferedWriter(
                files.logFile, StandardCharsets.UTF_8, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        return files;
    }

    /** Replaces the progress file as a whole, so that a reader sees valid JSON at any moment. */
    void progress(BuildProgress progress) {
        try {
            Files.writeString(temporaryFile, progress.toJson() + "\n");
            replaceProgressFile();
        } catch (IOException e) {
            if (!progressFails) {
                log.warn("cannot write {}; the build goes on and tries again with the next progress", progressFile, e);
            }
            progressFails = true;
        }
    }

    private void replaceProgressFile() throws IOException {
        Files.move(temporaryFile, progressFile, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** One line for each record that was not embedded. */
    void outcomes(List<RecordOutcome> outcomes) {
        for (RecordOutcome outcome : outcomes) {
            line(outcome.reason().kind().name().toLowerCase(Locale.ROOT) + " " + outcome.key() + " "
                    + outcome.reason().code() + ": " + outcome.detail());
        }
        flush();
    }

    /** A line with the time before it; line breaks in the text become blanks. */
    void line(String text) {
        BufferedWriter writer = logWriter;
        if (writer == null) {
            return;
        }
        try {
            writer.write(Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + text.replaceAll("[\\r\\n]+", " ") + "\n");
        } catch (IOException e) {
            giveUpLog(e);
        }
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
        log.warn("cannot write {}; the build goes on without it", logFile, cause);
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
            log.warn("cannot finish {}", logFile, e);
        }
    }
}
