package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.store.CostQuery;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Provider calls as rows, and their sums. Every method runs inside a transaction. */
final class Bill {
    private static final Bulk CALL = Bulk.insert(
            "number bigint, at bigint, took_ms bigint, provider text, model text, capability text, texts bigint,"
                    + " input_tokens bigint, output_tokens bigint, estimated bigint, cost bigint, failure text, job bigint",
            "evervec_usage (number, at, took_ms, provider, model, capability, texts, requests, input_tokens,"
                    + " output_tokens, estimated, cost, failure, job)",
            "r.number, r.at, r.took_ms, r.provider, r.model, r.capability, r.texts, 1, r.input_tokens,"
                    + " r.output_tokens, r.estimated, r.cost, r.failure, r.job",
            "");
    private static final Bulk SHARE = Bulk.insert(
            "usage bigint, source text, texts bigint, input_tokens bigint, output_tokens bigint, cost bigint",
            "evervec_usage_share (usage, source, texts, input_tokens, output_tokens, cost)",
            "r.usage, r.source, r.texts, r.input_tokens, r.output_tokens, r.cost",
            "");
    private static final String SUMS = ", sum(%1$s), sum(%2$s), max(u.estimated), coalesce(sum(%3$s / " + Money.HALF
            + "), 0), coalesce(sum(%3$s %% " + Money.HALF + "), 0), sum(case when %3$s is null then %1$s + %2$s else 0"
            + " end)";
    private static final String BY_MODEL_AND_JOB = "select u.provider || '/' || u.model, coalesce(u.job, 0),"
            + " sum(u.requests)" + SUMS.formatted("u.input_tokens", "u.output_tokens", "u.cost")
            + " from evervec_usage u where u.at >= ? and u.at < ? group by u.provider, u.model, u.job";
    private static final String BY_SOURCE = "select coalesce(s.source, ''), 0, sum(u.requests)"
            + SUMS.formatted(
                    "case when s.usage is null then u.input_tokens else s.input_tokens end",
                    "case when s.usage is null then u.output_tokens else s.output_tokens end",
                    "case when s.usage is null then u.cost else s.cost end")
            + " from evervec_usage u left join evervec_usage_share s on s.usage = u.number"
            + " where u.at >= ? and u.at < ? group by s.source";
    private static final String FIRST = "select at from evervec_usage where at >= ? and at < ? order by at limit 1";

    private static final String LATENCY =
            "select cast(round(avg(took_ms)) as integer) from (select took_ms from evervec_usage"
                    + " where number > (select coalesce(max(number), 0) - 10000 from evervec_usage) and provider = ? and model = ?"
                    + " and capability = ? and failure is null order by number desc limit 100) latest";

    private Bill() {}

    /**
     * Writes calls down.
     *
     * @param job the job's number, or null if they belong to none
     * @return the number of the last row, 0 without a call
     */
    static long add(Session session, @Nullable Long job, List<ProviderCall> calls) throws SQLException {
        if (calls.isEmpty()) {
            return 0;
        }
        // Numbered first: in SQLite a row that is to tell the number that it was given has its pages journalled twice.
        List<Long> numbers = session.newNumbers("evervec_usage", calls.size());
        Rows rows = session.rows(CALL);
        Rows shares = session.rows(SHARE);
        for (int i = 0; i < calls.size(); i++) {
            add(rows, numbers.get(i), job, calls.get(i));
            add(shares, numbers.get(i), calls.get(i).shares());
        }
        rows.run();
        shares.run();
        return numbers.get(numbers.size() - 1);
    }

    private static void add(Rows rows, long number, @Nullable Long job, ProviderCall call) throws SQLException {
        rows.add(
                number,
                call.at().toEpochMilli(),
                call.took().toMillis(),
                call.provider(),
                call.model(),
                call.capability().configName(),
                call.texts(),
                call.usage().inputTokens(),
                call.usage().outputTokens(),
                isEstimated(call.usage()),
                Money.units(call.costUsd()),
                call.failure(),
                job);
    }

    private static void add(Rows rows, long call, List<ProviderCall.Share> shares) throws SQLException {
        for (ProviderCall.Share share : shares) {
            rows.add(
                    call,
                    share.source(),
                    share.texts(),
                    share.inputTokens(),
                    share.outputTokens(),
                    Money.units(share.costUsd()));
        }
    }

    /** Whether the last row of these calls is there under this number. */
    static boolean isLast(Session session, long number, List<ProviderCall> calls) throws SQLException {
        ProviderCall last = calls.get(calls.size() - 1);
        return session.number(
                        "select count(*) from evervec_usage where number = ? and at = ? and took_ms = ? and job is null",
                        number,
                        last.at().toEpochMilli(),
                        last.took().toMillis())
                > 0;
    }

    private static int isEstimated(TokenUsage usage) {
        return usage.source() == TokenUsage.Source.ESTIMATED ? 1 : 0;
    }

    /** Looks no further back than a build of a few million texts. */
    static @Nullable Duration latestLatency(Session session, ModelIdentity model) throws SQLException {
        Capability capability = model.dimension() > 0 ? Capability.EMBEDDING : Capability.REWRITE;
        return session.first(
                        LATENCY,
                        row -> row.getObject(1) == null ? -1L : row.getLong(1),
                        model.provider(),
                        model.model(),
                        capability.configName())
                .filter(average -> average >= 0)
                .map(Duration::ofMillis)
                .orElse(null);
    }

    /** Adds the calls up, one day after the other: every day is a range of the index on their time. */
    static CostReport costs(Session session, CostQuery query) throws SQLException {
        Instant from = query.from();
        Instant to = query.to();
        long end = to == null ? Long.MAX_VALUE : to.toEpochMilli();
        Sums sums = new Sums();
        Optional<Long> at = first(session, from == null ? Long.MIN_VALUE : from.toEpochMilli(), end);
        while (at.isPresent()) {
            LocalDate day = dayOf(at.get(), query.zone());
            long dayEnd = Math.min(end, startOf(day.plusDays(1), query.zone()));
            sums.add(session, day, at.get(), dayEnd);
            at = first(session, dayEnd, end);
        }
        return sums.report(session, query);
    }

    private static Optional<Long> first(Session session, long from, long to) throws SQLException {
        return session.first(FIRST, row -> row.getLong(1), from, to);
    }

    /** A clock that is put back at midnight enters the old day once more: what falls into that hour belongs to the new one. */
    private static LocalDate dayOf(long at, ZoneId zone) {
        LocalDate day = Instant.ofEpochMilli(at).atZone(zone).toLocalDate();
        while (startOf(day.plusDays(1), zone) <= at) {
            day = day.plusDays(1);
        }
        return day;
    }

    private static long startOf(LocalDate day, ZoneId zone) {
        return day.atStartOfDay(zone).toInstant().toEpochMilli();
    }

    /** The lines of a report while they grow. */
    private static final class Sums {
        private final Sum total = new Sum();
        private final Map<String, Sum> byDay = new TreeMap<>();
        private final Map<String, Sum> bySource = new TreeMap<>();
        private final Map<String, Sum> byModel = new TreeMap<>();
        private final Map<Long, Sum> byJob = new TreeMap<>();

        void add(Session session, LocalDate day, long from, long to) throws SQLException {
            Sum ofDay = byDay.computeIfAbsent(day.toString(), any -> new Sum());
            session.forEach(
                    BY_MODEL_AND_JOB,
                    row -> {
                        Sum ofModel = byModel.computeIfAbsent(row.getString(1), any -> new Sum());
                        Sum ofJob = byJob.computeIfAbsent(row.getLong(2), any -> new Sum());
                        for (Sum sum : List.of(total, ofDay, ofModel, ofJob)) {
                            sum.add(row);
                        }
                    },
                    from,
                    to);
            session.forEach(
                    BY_SOURCE,
                    row -> bySource.computeIfAbsent(row.getString(1), any -> new Sum())
                            .add(row),
                    from,
                    to);
        }

        CostReport report(Session session, CostQuery query) throws SQLException {
            List<CostReport.Line> jobs = new ArrayList<>();
            for (Map.Entry<Long, Sum> job : byJob.entrySet()) {
                String id = session.first(
                                "select id from evervec_job where number = ?", row -> row.getString(1), job.getKey())
                        .orElse("");
                jobs.add(new CostReport.Line(id, job.getValue().sum()));
            }
            return new CostReport(
                    query.from(),
                    query.to(),
                    query.zone(),
                    total.sum(),
                    lines(byDay),
                    lines(bySource),
                    lines(byModel),
                    jobs);
        }

        private static List<CostReport.Line> lines(Map<String, Sum> sums) {
            return sums.entrySet().stream()
                    .map(sum -> new CostReport.Line(sum.getKey(), sum.getValue().sum()))
                    .toList();
        }
    }

    /** One line while it grows. */
    private static final class Sum {
        private long requests;
        private long inputTokens;
        private long outputTokens;
        private boolean estimated;
        private BigDecimal known = BigDecimal.ZERO;
        private long unpriced;

        void add(ResultSet row) throws SQLException {
            requests += row.getLong(3);
            inputTokens += row.getLong(4);
            outputTokens += row.getLong(5);
            estimated |= row.getInt(6) == 1;
            known = known.add(Money.usdOfHalves(row.getLong(7), row.getLong(8)));
            unpriced += row.getLong(9);
        }

        CostReport.Sum sum() {
            BigDecimal usd = known.signum() == 0 ? BigDecimal.ZERO : known.stripTrailingZeros();
            return new CostReport.Sum(requests, inputTokens, outputTokens, estimated, usd, unpriced);
        }
    }
}
