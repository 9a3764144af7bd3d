package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.JobLog;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files that jobs have written, this process's and others'. Whatever is wrong with one of them, there is just none. Only
 * for ids that were checked: they become names of files.
 */
final class JobFolder {
    private static final Logger log = LoggerFactory.getLogger(JobFolder.class);
    /** A progress file has less than one. */
    private static final int MAX_PROGRESS_BYTES = 16 * 1024;

    private final @Nullable Path folder;

    JobFolder(@Nullable Path folder) {
        this.folder = folder;
    }

    /** What stands in the job's progress file, if it is one. */
    Optional<BuildProgress> progress(String jobId) {
        return end(jobId + ".progress.json", MAX_PROGRESS_BYTES)
                .filter(FileEnd::isWhole)
                .flatMap(file -> BuildProgress.ofJson(file.text()))
                .filter(progress -> progress.jobId().equals(jobId));
    }

    /** The last lines of the job's log. */
    Optional<JobLog> log(String jobId) {
        return end(jobId + ".log", JobLog.MAX_BYTES).map(FileEnd::lines);
    }

    private Optional<FileEnd> end(String name, int maxBytes) {
        if (folder == null) {
            return Optional.empty();
        }
        Path file = folder.resolve(name);
        // Before it is opened: to open a pipe would wait for whoever writes to it.
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of(FileEnd.read(channel, maxBytes));
        } catch (IOException e) {
            log.debug("cannot read {}", file, e);
            return Optional.empty();
        }
    }
}
