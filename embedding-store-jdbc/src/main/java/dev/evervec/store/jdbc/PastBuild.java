package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/**
 * A build before the one that begins, and what it had spent and carried.
 *
 * @param dollars whole ones
 * @param rest of them, in 10^-12 USD
 */
record PastBuild(long number, String id, boolean interrupted, JobScope scope, long dollars, long rest) {
    /** Whoever looks further back has not looked after that job for very long. */
    private static final int LATEST = 500;

    /** Those of a generation, newest first. */
    static List<PastBuild> latest(Session session, long generation) throws SQLException {
        return session.list(
                "select * from evervec_job where kind = ? and generation = ? order by number desc limit ?",
                PastBuild::read,
                Codes.kind(JobStart.Kind.BUILD),
                generation,
                LATEST);
    }

    private static PastBuild read(ResultSet row) throws SQLException {
        long rest = row.getLong("cost_rest") + row.getLong("carried_rest");
        return new PastBuild(
                row.getLong("number"),
                row.getString("id"),
                row.getString("state").equals(JobState.INTERRUPTED.code()),
                StoredJob.scope(row),
                row.getLong("cost_usd") + row.getLong("carried_usd") + rest / Money.DOLLAR,
                rest % Money.DOLLAR);
    }

    /** The interrupted one whose spending the new one carries on: the one it names, else the last whose records it comes to. */
    static @Nullable PastBuild carriedOn(List<PastBuild> past, JobStart start) {
        return past.stream()
                .filter(PastBuild::interrupted)
                .filter(build -> start.resumes() == null
                        ? start.scope().reaches(build.scope)
                                && after(past, build.id, JobScope::reaches).isEmpty()
                        : build.id.equals(start.resumes()))
                .findFirst()
                .orElse(null);
    }

    /** The latest one after which nothing of this one is left to be carried on. */
    static Optional<String> takenOverBy(List<PastBuild> past, String id) {
        return after(past, id, JobScope::takesOver);
    }

    private static Optional<String> after(List<PastBuild> past, String id, BiPredicate<JobScope, JobScope> ends) {
        JobScope left = past.stream()
                .filter(build -> build.id.equals(id))
                .findFirst()
                .map(PastBuild::scope)
                .orElse(JobScope.ALL);
        return past.stream()
                .takeWhile(later -> !later.id.equals(id))
                .filter(later -> ends.test(later.scope, left))
                .map(PastBuild::id)
                .findFirst();
    }
}
