package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.BudgetAsk;
import dev.evervec.pipeline.store.BudgetGrant;
import dev.evervec.pipeline.store.JobTicket;
import java.math.BigDecimal;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;

/**
 * The budget of a job that several workers spend. Inside a transaction of the writer, which has locked the worker's row; the
 * job's row is locked too, so that one worker after the other is granted something.
 */
final class Budgets {
    private static final String JOB =
            "select budget_usd, carried_usd, carried_rest, cost_usd, cost_rest from evervec_job where number = ?";
    private static final String WORKERS = "select owner, lease_end, cost_usd, cost_rest, budget_held, budget_spent"
            + " from evervec_worker where job = ? and ended_at is null";

    private Budgets() {}

    /** What a worker holds of the budget that has not ended. */
    private record Share(String owner, boolean alive, BigDecimal cost, BigDecimal held, BigDecimal told) {
        static Share read(ResultSet row, long now) throws SQLException {
            return new Share(
                    row.getString(1),
                    row.getLong(2) > now,
                    Money.usd(row.getLong(3), row.getLong(4)),
                    new BigDecimal(row.getString(5)),
                    new BigDecimal(row.getString(6)));
        }

        /** What may be spent at most by it; what a dead one held is there again. */
        BigDecimal taken() {
            return alive ? held.max(cost) : cost;
        }

        boolean holdsMore() {
            return alive && held.compareTo(told) > 0;
        }
    }

    static BudgetGrant grant(Session session, JobTicket job, BudgetAsk ask, long now) throws SQLException {
        Jobs.lock(session, job.number());
        BigDecimal left = session.first(JOB, Budgets::withoutWorkers, job.number())
                .orElseThrow(
                        () -> new IllegalStateException("the job " + job.start().jobId() + " has no row"));
        List<Share> shares = session.list(WORKERS, row -> Share.read(row, now), job.number());
        BudgetGrant.Rest rest = BudgetGrant.Rest.KNOWN;
        BigDecimal own = ask.held(BigDecimal.ZERO);
        for (Share share : shares) {
            if (share.owner().equals(job.owner())) {
                left = left.subtract(own.max(share.cost()));
            } else {
                left = left.subtract(share.taken());
                rest = share.holdsMore() ? BudgetGrant.Rest.WITH_OTHERS : rest;
            }
        }
        BudgetGrant grant = BudgetGrant.of(ask, left, rest);
        session.update(
                "update evervec_worker set budget_held = ?, budget_spent = ? where owner = ?",
                ask.held(grant.granted()).toPlainString(),
                ask.spent().toPlainString(),
                job.owner());
        return grant;
    }

    /** The budget without what was carried over and what workers spent that have ended. */
    private static BigDecimal withoutWorkers(ResultSet job) throws SQLException {
        return new BigDecimal(job.getString(1))
                .subtract(Money.usd(job.getLong(2), job.getLong(3)))
                .subtract(Money.usd(job.getLong(4), job.getLong(5)));
    }
}
