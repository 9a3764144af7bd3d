package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was embedded and what it took: counters that the rows of jobs and of workers have in common.
 *
 * @param dollars whole ones, of what prices are known for
 * @param rest of them, in 10^-12 USD
 */
record Sums(
        long embedded,
        long requests,
        long inputTokens,
        long outputTokens,
        boolean estimated,
        long dollars,
        long rest,
        boolean costUnknown) {
    static final Sums NONE = new Sums(0, 0, 0, 0, false, 0, 0, false);

    private static final String ADD = "update %s set embedded = embedded + ?, requests = requests + ?,"
            + " input_tokens = input_tokens + ?, output_tokens = output_tokens + ?,"
            + " tokens_estimated = case when ? = 1 then 1 else tokens_estimated end,"
            + " cost_unknown = case when ? = 1 then 1 else cost_unknown end,"
            + " cost_usd = cost_usd + ? + (cost_rest + ?) / " + Money.DOLLAR + ", cost_rest = (cost_rest + ?) %% "
            + Money.DOLLAR + " where %s";
    private static final String ADD_TO_WORKER = ADD.formatted("evervec_worker", "owner = ? and ended_at is null");
    private static final String ADD_TO_JOB = ADD.formatted("evervec_job", "number = ?");

    /** Those of this many new vectors and these calls. */
    static Sums of(long embedded, List<ProviderCall> calls) {
        TokenUsage usage = calls.stream().map(ProviderCall::usage).reduce(TokenUsage.NONE, TokenUsage::plus);
        BigDecimal known = BigDecimal.ZERO;
        boolean unknown = false;
        for (ProviderCall call : calls) {
            BigDecimal cost = call.costUsd();
            known = cost == null ? known : known.add(cost);
            unknown |= cost == null;
        }
        BigDecimal dollars = known.setScale(0, RoundingMode.FLOOR);
        Long rest = Money.units(known.subtract(dollars));
        return new Sums(
                embedded,
                calls.size(),
                usage.inputTokens(),
                usage.outputTokens(),
                usage.source() == TokenUsage.Source.ESTIMATED,
                dollars.longValueExact(),
                rest == null ? 0 : rest,
                unknown);
    }

    /** Those of a row of a job or of a worker. */
    static Sums read(ResultSet row) throws SQLException {
        return new Sums(
                row.getLong("embedded"),
                row.getLong("requests"),
                row.getLong("input_tokens"),
                row.getLong("output_tokens"),
                row.getInt("tokens_estimated") == 1,
                row.getLong("cost_usd"),
                row.getLong("cost_rest"),
                row.getInt("cost_unknown") == 1);
    }

    Sums plus(Sums other) {
        long rests = rest + other.rest;
        return new Sums(
                embedded + other.embedded,
                requests + other.requests,
                inputTokens + other.inputTokens,
                outputTokens + other.outputTokens,
                estimated || other.estimated,
                dollars + other.dollars + rests / Money.DOLLAR,
                rests % Money.DOLLAR,
                costUnknown || other.costUnknown);
    }

    /** What it cost, or null if a price was not known. */
    @Nullable
    BigDecimal usd() {
        return costUnknown ? null : Money.usd(dollars, rest);
    }

    /** Adds them to a worker that works; answers whether it does. */
    boolean addToWorker(Session session, String owner) throws SQLException {
        return add(session, ADD_TO_WORKER, owner);
    }

    void addToJob(Session session, long job) throws SQLException {
        add(session, ADD_TO_JOB, job);
    }

    private boolean add(Session session, String sql, Object row) throws SQLException {
        int changed = session.update(
                sql,
                embedded,
                requests,
                inputTokens,
                outputTokens,
                estimated ? 1 : 0,
                costUnknown ? 1 : 0,
                dollars,
                rest,
                rest,
                row);
        return changed > 0;
    }
}
