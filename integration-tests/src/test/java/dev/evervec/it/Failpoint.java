package dev.evervec.it;

/**
 * A moment of a build at which it is killed, given as the beginning of a method. The names are those of the code: where a
 * method is renamed, the failpoint says so instead of passing by.
 */
enum Failpoint {
    /** The job is in the store, nothing else has happened. */
    JOB_BEGUN("dev.evervec.pipeline.BuildRun", "start", 1),
    /** Inside the transaction that compares a page of records with the ledger. */
    INSIDE_SCAN("dev.evervec.store.jdbc.Scan", "mark", 1),
    /** The scan's page is on the job's list. */
    AFTER_PAGE("dev.evervec.pipeline.Event$PageMarked", "<init>", 1),
    /** Records are claimed, and nobody knows yet. */
    AFTER_CLAIM("dev.evervec.pipeline.Event$Claimed", "<init>", 2),
    /** A request batch is cut and not sent. */
    BEFORE_SEND("dev.evervec.pipeline.Hands", "embed", 6),
    /** A request batch is at the provider, which holds its answer back. */
    AFTER_SEND("", "", 12),
    /** Vectors have arrived, and nobody knows yet. */
    AFTER_RESPONSE("dev.evervec.pipeline.Event$EmbedAnswered", "<init>", 12),
    /** Results are with the writer, whose transaction has not begun. */
    BEFORE_COMMIT("dev.evervec.store.jdbc.JdbcStore", "commit", 3),
    /** Inside the transaction: the ledger says embedded, the vectors are missing. */
    INSIDE_COMMIT("dev.evervec.store.jdbc.Results", "storeVectors", 3),
    /** The transaction is over, the books do not know. */
    AFTER_COMMIT_BEFORE_BOOKS("dev.evervec.pipeline.Event$Committed", "<init>", 3),
    /** The new progress is in the temporary file, which has not taken the old one's place. */
    BETWEEN_PROGRESS_WRITE_AND_RENAME("dev.evervec.pipeline.JobFiles", "replaceProgressFile", 2),
    /** A rewrite has arrived and is not kept. */
    WHILE_REWRITING("dev.evervec.pipeline.Event$RewriteAnswered", "<init>", 30),
    /** Inside the transaction that ends the job. */
    WHILE_CLOSING("dev.evervec.store.jdbc.Jobs", "end", 1);

    final String className;
    final String methodName;

    /** A whole build passes it so often at least. */
    final int times;

    Failpoint(String className, String methodName, int times) {
        this.className = className;
        this.methodName = methodName;
        this.times = times;
    }
}
