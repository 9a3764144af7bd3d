package dev.evervec.examples;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** A table for people: columns as wide as their longest cell, numbers to the right. */
final class TextTable {
    private static final String GAP = "  ";

    private final List<Column> columns;
    private final List<List<String>> rows = new ArrayList<>();

    /** Where the cells of a column stand. */
    enum Align {
        LEFT,
        RIGHT
    }

    /** A column. */
    record Column(String title, Align align) {
        static Column text(String title) {
            return new Column(title, Align.LEFT);
        }

        static Column number(String title) {
            return new Column(title, Align.RIGHT);
        }
    }

    TextTable(Column... columns) {
        this.columns = List.of(columns);
    }

    void row(String... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException(cells.length + " cells for " + columns.size() + " columns");
        }
        rows.add(List.of(cells));
    }

    void print(PrintStream out) {
        int[] widths = new int[columns.size()];
        List<String> titles = columns.stream().map(Column::title).toList();
        widen(widths, titles);
        rows.forEach(row -> widen(widths, row));
        out.println(line(widths, titles));
        rows.forEach(row -> out.println(line(widths, row)));
    }

    private static void widen(int[] widths, List<String> cells) {
        for (int i = 0; i < widths.length; i++) {
            widths[i] = Math.max(widths[i], length(cells.get(i)));
        }
    }

    private String line(int[] widths, List<String> cells) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String padding = " ".repeat(widths[i] - length(cells.get(i)));
            boolean right = columns.get(i).align() == Align.RIGHT;
            line.append(i == 0 ? "" : GAP).append(right ? padding + cells.get(i) : cells.get(i) + padding);
        }
        return line.toString().stripTrailing();
    }

    private static int length(String cell) {
        return cell.codePointCount(0, cell.length());
    }
}
