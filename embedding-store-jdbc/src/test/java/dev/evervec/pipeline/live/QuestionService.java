package dev.evervec.pipeline.live;

import dev.evervec.store.jdbc.EmbeddingQueue;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.sql.DataSource;

/**
 * A host as it may be: questions and a log of what was done to them, each written in one transaction, which notes the change for
 * Evervec as its last statement.
 */
final class QuestionService implements AutoCloseable {
    static final String SOURCE = "questions";
    static final String QUERY = "select id, 'questions' as source, title, body as content from question";

    private final DataSource database;
    private final EmbeddingQueue queue;
    private final Connection pooled;
    private boolean forgetsToNote;

    /** Work in a transaction. */
    @FunctionalInterface
    private interface Work {
        void on(Connection connection) throws SQLException;
    }

    QuestionService(DataSource database, EmbeddingQueue queue) throws SQLException {
        this.database = database;
        this.queue = queue;
        this.pooled = begin();
        execute(pooled, "drop table if exists question");
        execute(pooled, "drop table if exists question_log");
        execute(
                pooled,
                "create table question (id varchar(40) primary key, title varchar(200), body varchar(2000) not null)");
        execute(pooled, "create table question_log (question varchar(40), what varchar(40))");
        pooled.commit();
    }

    /** From now on changes are made without being noted, or are noted again. */
    void setForgetsToNote(boolean forgets) {
        forgetsToNote = forgets;
    }

    void ask(String id, String title, String body) throws SQLException {
        inTransaction(connection -> ask(connection, id, title, body));
    }

    void ask(Connection connection, String id, String title, String body) throws SQLException {
        execute(connection, "insert into question (id, title, body) values (?, ?, ?)", id, title, body);
        note(connection, id, Change.created(SOURCE, id));
    }

    void edit(String id, String body) throws SQLException {
        inTransaction(connection -> edit(connection, id, body));
    }

    void edit(Connection connection, String id, String body) throws SQLException {
        execute(connection, "update question set body = ? where id = ?", body, id);
        note(connection, id, Change.updated(SOURCE, id));
    }

    void delete(String id) throws SQLException {
        inTransaction(connection -> {
            execute(connection, "delete from question where id = ?", id);
            note(connection, id, Change.deleted(SOURCE, id));
        });
    }

    private void note(Connection connection, String id, Change change) throws SQLException {
        execute(
                connection,
                "insert into question_log values (?, ?)",
                id,
                change.kind().code());
        if (!forgetsToNote) {
            queue.enqueue(connection, change);
        }
    }

    private void inTransaction(Work work) throws SQLException {
        work.on(pooled);
        pooled.commit();
    }

    /** Another connection in a transaction. */
    Connection begin() throws SQLException {
        Connection connection = database.getConnection();
        connection.setAutoCommit(false);
        return connection;
    }

    /** Each question's text as it is to be embedded. */
    Map<String, String> texts() throws SQLException {
        Map<String, String> texts = new LinkedHashMap<>();
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select id, title, body from question")) {
            while (row.next()) {
                texts.put(row.getString(1), row.getString(2) + "\n\n" + row.getString(3));
            }
        }
        return texts;
    }

    long logged() throws SQLException {
        try (Connection connection = database.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select count(*) from question_log")) {
            row.next();
            return row.getLong(1);
        }
    }

    @Override
    public void close() throws SQLException {
        pooled.close();
    }

    private static void execute(Connection connection, String sql, String... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setString(i + 1, values[i]);
            }
            statement.executeUpdate();
        }
    }
}
