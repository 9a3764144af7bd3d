package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.Reason;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A job about to begin.
 *
 * @param jobId 1 to 64 characters of {@code [A-Za-z0-9._-]}, not beginning with a dot; never used before in this store
 * @param fingerprint what its vectors will be
 * @param maxAttempts attempts after which a failed record is left alone
 * @param reconsidered reasons whose settled records this job takes again, because its configuration may end otherwise
 * @param kind what it is to the store
 * @param scope what it is asked to do, for the record
 * @param resumes id of the interrupted build that it is to carry on by request, or null; the spending of one whose records it
 *     {@link JobScope#reaches} is carried on without it too, unless another job has done so
 * @param whileRunning what is to happen if a job is running already
 */
public record JobStart(
        String jobId,
        Fingerprint fingerprint,
        int maxAttempts,
        Set<Reason> reconsidered,
        Kind kind,
        JobScope scope,
        @Nullable String resumes,
        WhileRunning whileRunning) {
    /** What a beginning does while another job of its kind is running. */
    public enum WhileRunning {
        /** It is refused. */
        REFUSE,
        /** It joins the running job if that has its id and {@linkplain JobScope#equalTo asks for the same}; else it is refused. */
        JOIN_NAMED,
        /** It joins the running job, whatever its id, if that {@linkplain JobScope#equalTo asks for the same}; else it is refused. */
        JOIN_EQUAL
    }

    /** What a job is to the store. */
    public enum Kind {
        /** One at a time; its id is its own for ever. */
        BUILD,
        /**
         * Changes that a host has noted: runs beside a build and takes records from its list, and all runs on one store are
         * one row of the store, under the id {@value #LIVE_ID}.
         */
        LIVE
    }

    /** The id of everything that is embedded live. */
    public static final String LIVE_ID = "live";

    private static final Pattern ID = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}");

    /**
     * Checks the id.
     *
     * @throws IllegalArgumentException if it does not match
     */
    public JobStart {
        Objects.requireNonNull(fingerprint, "fingerprint");
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(scope, "scope");
        Objects.requireNonNull(whileRunning, "whileRunning");
        reconsidered = Set.copyOf(reconsidered);
        if (!isId(jobId)) {
            throw new IllegalArgumentException(
                    "a job id has 1 to 64 characters of A-Z a-z 0-9 . _ - and does not begin with a dot");
        }
        if (jobId.equals(LIVE_ID) != (kind == Kind.LIVE)) {
            throw new IllegalArgumentException(
                    "the job id " + LIVE_ID + " is that of live embedding, and only its own");
        }
        if (maxAttempts < 1) {
            throw new IllegalArgumentException("maxAttempts must be positive: " + maxAttempts);
        }
    }

    /** Whether this could be the id of a job; as the name of a file such an id stays in its folder. */
    public static boolean isId(String text) {
        return ID.matcher(text).matches();
    }

    /** A job that is refused while another one is running. */
    public JobStart(
            String jobId,
            Fingerprint fingerprint,
            int maxAttempts,
            Set<Reason> reconsidered,
            Kind kind,
            JobScope scope,
            @Nullable String resumes) {
        this(jobId, fingerprint, maxAttempts, reconsidered, kind, scope, resumes, WhileRunning.REFUSE);
    }

    /** A job of this kind, of everything there is for it. */
    public JobStart(String jobId, Fingerprint fingerprint, int maxAttempts, Set<Reason> reconsidered, Kind kind) {
        this(
                jobId,
                fingerprint,
                maxAttempts,
                reconsidered,
                kind,
                kind == Kind.LIVE ? JobScope.LIVE : JobScope.ALL,
                null);
    }

    /** A build. */
    public JobStart(String jobId, Fingerprint fingerprint, int maxAttempts, Set<Reason> reconsidered) {
        this(jobId, fingerprint, maxAttempts, reconsidered, Kind.BUILD);
    }

    /** A build that leaves settled records alone. */
    public JobStart(String jobId, Fingerprint fingerprint, int maxAttempts) {
        this(jobId, fingerprint, maxAttempts, Set.of());
    }

    /** The same as a worker of a running job: under its id. */
    public JobStart joining(String runningJobId) {
        return new JobStart(runningJobId, fingerprint, maxAttempts, reconsidered, kind, scope, resumes, whileRunning);
    }
}
