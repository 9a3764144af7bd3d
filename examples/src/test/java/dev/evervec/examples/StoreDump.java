package dev.evervec.examples;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Everything that a store holds about records and vectors, to compare it before and after. */
final class StoreDump {
    private StoreDump() {}

    static List<String> of(Path database) throws SQLException {
        List<String> dump = new ArrayList<>();
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database);
                Statement statement = connection.createStatement()) {
            for (String table : List.of("evervec_ledger", "evervec_vector")) {
                try (ResultSet rows = statement.executeQuery("select * from " + table + " order by number")) {
                    while (rows.next()) {
                        dump.add(row(table, rows));
                    }
                }
            }
        }
        return dump;
    }

    private static String row(String table, ResultSet rows) throws SQLException {
        StringBuilder row = new StringBuilder(table);
        for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
            Object value = rows.getObject(i);
            row.append('|')
                    .append(value instanceof byte[] bytes ? HexFormat.of().formatHex(bytes) : value);
        }
        return row.toString();
    }

    static void execute(Path database, String... statements) throws SQLException {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }
}
