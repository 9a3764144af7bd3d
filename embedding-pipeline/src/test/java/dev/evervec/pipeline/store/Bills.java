package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Adds calls up in the plainest way. */
final class Bills {
    /** A call and whose it was; number 0 and an empty id are those of no job. */
    record Row(ProviderCall call, String jobId, long job) {}

    private Bills() {}

    static CostReport add(CostQuery query, List<Row> all) {
        List<Row> rows = all.stream()
                .filter(row -> query.from() == null || !row.call.at().isBefore(query.from()))
                .filter(row -> query.to() == null || row.call.at().isBefore(query.to()))
                .toList();
        List<Row> parts = rows.stream().flatMap(row -> parts(row).stream()).toList();
        TreeMap<Long, CostReport.Line> jobs = new TreeMap<>();
        rows.stream()
                .collect(Collectors.groupingBy(Row::job))
                .forEach((job, its) ->
                        jobs.put(job, new CostReport.Line(its.get(0).jobId(), sum(its))));
        return new CostReport(
                query.from(),
                query.to(),
                query.zone(),
                sum(rows),
                lines(
                        rows,
                        row -> row.call.at().atZone(query.zone()).toLocalDate().toString()),
                lines(parts, row -> row.call.provider()),
                lines(rows, row -> row.call.provider() + "/" + row.call.model()),
                new ArrayList<>(jobs.values()));
    }

    /** One call for each source, with the source where the provider was. */
    private static List<Row> parts(Row row) {
        ProviderCall call = row.call;
        List<ProviderCall.Share> shares = call.shares().isEmpty()
                ? List.of(new ProviderCall.Share(
                        "",
                        call.texts(),
                        call.usage().inputTokens(),
                        call.usage().outputTokens(),
                        call.costUsd()))
                : call.shares();
        return shares.stream()
                .map(share -> new ProviderCall(
                        call.at(),
                        call.took(),
                        share.source(),
                        call.model(),
                        call.capability(),
                        share.texts(),
                        new TokenUsage(
                                share.inputTokens(),
                                share.outputTokens(),
                                call.usage().source()),
                        share.costUsd(),
                        call.failure(),
                        List.of()))
                .map(part -> new Row(part, row.jobId, row.job))
                .toList();
    }

    private static List<CostReport.Line> lines(List<Row> rows, Function<Row, String> key) {
        Map<String, List<Row>> groups =
                rows.stream().collect(Collectors.groupingBy(key, TreeMap::new, Collectors.toList()));
        return groups.entrySet().stream()
                .map(group -> new CostReport.Line(group.getKey(), sum(group.getValue())))
                .toList();
    }

    private static CostReport.Sum sum(List<Row> rows) {
        long input = 0;
        long output = 0;
        boolean estimated = false;
        BigDecimal known = BigDecimal.ZERO;
        long unpriced = 0;
        for (Row row : rows) {
            input += row.call.usage().inputTokens();
            output += row.call.usage().outputTokens();
            estimated |= row.call.usage().source() == TokenUsage.Source.ESTIMATED;
            BigDecimal cost = row.call.costUsd();
            known = cost == null ? known : known.add(cost);
            unpriced += cost == null ? row.call.usage().totalTokens() : 0;
        }
        return new CostReport.Sum(
                rows.size(),
                input,
                output,
                estimated,
                known.signum() == 0 ? BigDecimal.ZERO : known.stripTrailingZeros(),
                unpriced);
    }
}
