package dev.evervec.store.jdbc;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/**
 * A connection of the host while it is read from: set to stream rows, and given back as it was. A transaction that was open
 * before is the host's and is neither committed nor rolled back. Not thread-safe.
 */
final class SourceConnection implements AutoCloseable {
    private final Connection connection;
    private final SourceDialect dialect;
    private final String driver;
    private final String identifierQuote;
    private final boolean ownTransaction;
    private final boolean madeReadOnly;

    private SourceConnection(Connection connection) throws SQLException {
        this.connection = connection;
        DatabaseMetaData database = connection.getMetaData();
        dialect = SourceDialect.of(database);
        driver = database.getDriverName();
        String quote = database.getIdentifierQuoteString();
        identifierQuote = quote == null ? "" : quote;
        boolean autoCommit = connection.getAutoCommit();
        // Only a connection without a transaction can be switched.
        madeReadOnly = autoCommit && dialect.canBeSetReadOnly() && !connection.isReadOnly();
        if (madeReadOnly) {
            connection.setReadOnly(true);
        }
        ownTransaction = autoCommit && dialect.streamsInTransaction();
        if (ownTransaction) {
            connection.setAutoCommit(false);
        }
    }

    static SourceConnection open(SourceDatabase database) {
        Connection connection;
        try {
            connection = database.connect();
        } catch (SQLException e) {
            throw SourceFailures.failed("connecting", e);
        }
        try {
            return new SourceConnection(connection);
        } catch (SQLException e) {
            try {
                connection.close();
            } catch (SQLException suppressed) {
                // The first failure tells more.
            }
            throw SourceFailures.failed("preparing the connection", e);
        }
    }

    SourceDialect dialect() {
        return dialect;
    }

    /** The columns of the query, without reading any of its rows. */
    SourceColumns columns(SourceQuery query) {
        try {
            return dialect.wraps() ? columnsOfNoRows(query) : columnsOfOwnPage(query);
        } catch (SQLException e) {
            throw SourceFailures.queryRefused(e);
        }
    }

    PreparedStatement prepare(SourceSql sql) throws SQLException {
        PreparedStatement statement =
                connection.prepareStatement(sql.sql(), ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY);
        try {
            statement.setFetchSize(dialect.fetchSize(driver));
            int index = 1;
            for (SourceValue value : sql.values()) {
                value.bind(statement, index++, dialect);
            }
            return statement;
        } catch (SQLException e) {
            statement.close();
            throw e;
        }
    }

    @Override
    public void close() {
        try (connection) {
            if (ownTransaction) {
                connection.rollback();
                connection.setAutoCommit(true);
            }
            if (madeReadOnly) {
                connection.setReadOnly(false);
            }
        } catch (SQLException e) {
            throw SourceFailures.failed("giving the connection back", e);
        }
    }

    private SourceColumns columnsOfNoRows(SourceQuery query) throws SQLException {
        try (PreparedStatement statement = prepare(SourceSql.columnsOnly(query));
                ResultSet none = statement.executeQuery()) {
            return SourceColumns.of(none.getMetaData(), identifierQuote);
        }
    }

    private SourceColumns columnsOfOwnPage(SourceQuery query) throws SQLException {
        try (PreparedStatement statement = prepare(SourceSql.ownPage(query, SourceValue.NULL, 1));
                ResultSet some = statement.executeQuery()) {
            return SourceColumns.of(some.getMetaData(), identifierQuote);
        }
    }
}
