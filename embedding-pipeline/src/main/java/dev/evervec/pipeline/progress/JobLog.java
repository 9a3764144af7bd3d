package dev.evervec.pipeline.progress;

/**
 * The end of a job's log.
 *
 * @param text whole lines, each with its line break; at most a megabyte of UTF-8
 * @param truncated whether there were lines before them
 */
public record JobLog(String text, boolean truncated) {
    /** How much of a log is shown, in bytes of UTF-8. */
    public static final int MAX_BYTES = 1 << 20;
}
