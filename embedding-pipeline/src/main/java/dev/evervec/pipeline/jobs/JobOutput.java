package dev.evervec.pipeline.jobs;

/**
 * The end of a job's log.
 *
 * @param jobId the job
 * @param log its last lines, a megabyte of UTF-8 at most; begins at the beginning of a line
 * @param truncated whether there is more before them
 * @param found false if neither this process nor the log folder has the log of this job
 */
public record JobOutput(String jobId, String log, boolean truncated, boolean found) {
    /** One line of JSON: {@code {"job_id","log","truncated","found"}}. */
    public String toJson() {
        throw new UnsupportedOperationException();
    }
}
