package dev.evervec.pipeline.jobs;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.evervec.pipeline.progress.JobLog;

/**
 * The end of a job's log. It names records and whatever else a host calls its own: show it as text, never as markup.
 *
 * @param jobId the job
 * @param log its last lines, of a megabyte at most; begins at the beginning of a line
 * @param truncated whether there is more before them
 * @param found false if neither this process nor the log folder has the log of this job
 */
public record JobOutput(String jobId, String log, boolean truncated, boolean found) {
    static JobOutput of(String jobId, JobLog log) {
        return new JobOutput(jobId, log.text(), log.truncated(), true);
    }

    static JobOutput none(String jobId) {
        return new JobOutput(jobId, "", false, false);
    }

    /** One line of JSON: {@code {"job_id","log","truncated","found"}}. */
    public String toJson() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("job_id", jobId)
                .put("log", log)
                .put("truncated", truncated)
                .put("found", found)
                .toString();
    }

    /** Without the log, which may be long. */
    @Override
    public String toString() {
        return "JobOutput[jobId=" + jobId + ", characters=" + log.length() + ", truncated=" + truncated + ", found="
                + found + "]";
    }
}
