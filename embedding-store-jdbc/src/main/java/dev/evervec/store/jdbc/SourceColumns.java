package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.SourceException;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Which columns of the host's query are which. Names are compared without regard to case. */
record SourceColumns(
        SourceColumn id,
        @Nullable SourceColumn source,
        @Nullable SourceColumn title,
        SourceColumn content) {

    static SourceColumns of(ResultSetMetaData result, String quote) throws SQLException {
        Map<String, SourceColumn> byName = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        List<String> names = new ArrayList<>();
        for (int i = 1; i <= result.getColumnCount(); i++) {
            String label = result.getColumnLabel(i);
            String typeName = result.getColumnTypeName(i);
            names.add(label);
            byName.put(
                    label,
                    new SourceColumn(
                            label, quoted(label, quote), result.getColumnType(i), typeName == null ? "" : typeName));
        }
        return new SourceColumns(
                required("id", byName, names),
                byName.get("source"),
                byName.get("title"),
                required("content", byName, names));
    }

    /** All of them, for a select list. */
    String list() {
        StringBuilder list = new StringBuilder(id.quoted()).append(", ").append(content.quoted());
        if (source != null) {
            list.append(", ").append(source.quoted());
        }
        if (title != null) {
            list.append(", ").append(title.quoted());
        }
        return list.toString();
    }

    private static SourceColumn required(String name, Map<String, SourceColumn> byName, List<String> names) {
        SourceColumn column = byName.get(name);
        if (column == null) {
            throw new SourceException(
                    "The records query gives no column named " + name + "; it gives " + String.join(", ", names)
                            + ". Name the column in the query: select ... as " + name + ".",
                    null);
        }
        return column;
    }

    private static String quoted(String label, String quote) {
        // A blank stands for "quoting is not supported" in JDBC.
        String mark = quote.strip();
        return mark.isEmpty() ? label : mark + label.replace(mark, mark + mark) + mark;
    }
}
