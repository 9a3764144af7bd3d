package dev.evervec.examples;

import dev.evervec.examples.TextTable.Column;
import dev.evervec.pipeline.store.SourceStats;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** The records by source and state, with a line for all of them where there are several sources. */
final class SourceTable {
    private SourceTable() {}

    static void print(List<SourceStats> sources, PrintStream out) {
        TextTable table = new TextTable(
                Column.text("source"),
                Column.number("records"),
                Column.number("with content"),
                Column.number("embedded"),
                Column.number("pending"),
                Column.number("skipped"),
                Column.number("failed"));
        for (SourceStats source : sources) {
            table.row(
                    source.source(),
                    count(source.total()),
                    count(source.withContent()),
                    count(source.embedded()),
                    count(source.pending()),
                    count(source.skipped()),
                    count(source.failed()));
        }
        if (sources.size() > 1) {
            table.row(
                    "(all)",
                    count(sumKnown(sources, SourceStats::total)),
                    count(sumKnown(sources, SourceStats::withContent)),
                    count(sum(sources, SourceStats::embedded)),
                    count(sum(sources, SourceStats::pending)),
                    count(sum(sources, SourceStats::skipped)),
                    count(sum(sources, SourceStats::failed)));
        }
        table.print(out);
        if (sources.stream().anyMatch(source -> source.total() == null)) {
            out.println("?: known after a build that reads all of the source");
        }
    }

    private static long sum(List<SourceStats> sources, ToLongFunction<SourceStats> count) {
        return sources.stream().mapToLong(count).sum();
    }

    /** Null if one of them is not known. */
    private static @Nullable Long sumKnown(List<SourceStats> sources, Function<SourceStats, @Nullable Long> count) {
        long sum = 0;
        for (SourceStats source : sources) {
            Long known = count.apply(source);
            if (known == null) {
                return null;
            }
            sum += known;
        }
        return sum;
    }

    private static String count(@Nullable Long number) {
        return number == null ? "?" : count(number.longValue());
    }

    static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** Such as {@code 1 request} and {@code 1,200 requests}. */
    static String count(long number, String noun) {
        return count(number) + " " + noun + (number == 1 ? "" : "s");
    }
}
