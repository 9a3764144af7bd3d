package dev.evervec.store.jdbc;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** What a store that was never written to answers: every query finds nothing. */
final class NoTables extends Session {
    NoTables(Dialect dialect) {
        super(
                (Connection) Proxy.newProxyInstance(
                        NoTables.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, values) -> {
                            throw new UnsupportedOperationException("there is no connection");
                        }),
                dialect,
                Use.READING);
    }

    @Override
    <T> T inTransaction(Work<T> work) throws SQLException {
        return work.run(this);
    }

    @Override
    void forEach(String sql, RowConsumer consumer, @Nullable Object... values) {
        // There is none.
    }

    @Override
    void stream(String sql, RowConsumer consumer, @Nullable Object... values) {
        // There is none.
    }

    @Override
    long number(String sql, @Nullable Object... values) {
        return 0;
    }

    @Override
    long now() {
        return System.currentTimeMillis();
    }

    @Override
    Rows rows(Bulk bulk) {
        return new Rows() {
            @Override
            public void add(@Nullable Object... values) {
                // There is nothing to find for it.
            }

            @Override
            public void run() {
                throw new UnsupportedOperationException("nothing is written where there are no tables");
            }

            @Override
            public void forEach(Found consumer) {
                // There is none.
            }
        };
    }

    @Override
    public void close() {
        // There is nothing to close.
    }
}
