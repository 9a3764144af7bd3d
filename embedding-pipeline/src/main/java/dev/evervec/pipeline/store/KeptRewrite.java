package dev.evervec.pipeline.store;

/**
 * A stored rewrite.
 *
 * @param text the rewritten text
 * @param job number of the job that bought it; see {@link Claim#freshSince()}
 */
public record KeptRewrite(String text, long job) {
    /** Shows the length, never the text. */
    @Override
    public String toString() {
        return "KeptRewrite[chars=" + text.length() + ", job=" + job + "]";
    }
}
