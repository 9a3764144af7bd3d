package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.StoreException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Optional;

/** A dialect whose writer lets a chosen statement fail, with a message that quotes what it must not. */
final class FaultyDialect implements Dialect {
    static final String SECRET = "a text that a driver quotes";

    private final Dialect dialect;
    private Session writer;
    private int toFail;

    FaultyDialect(Dialect dialect) {
        this.dialect = dialect;
    }

    /** The n-th statement from now on fails; a rollback never does. */
    void failAt(int statement) {
        toFail = statement;
    }

    void failNone() {
        toFail = 0;
    }

    /** Executes a statement on the writer's connection. */
    void onWriter(String sql) throws SQLException {
        writer.execute(sql);
    }

    @Override
    public Session openWriter() throws SQLException {
        Connection connection = dialect.openWriter().connection();
        writer = new Session(proxy(Connection.class, (proxy, method, arguments) -> {
            Object answer = invoke(connection, method, arguments);
            if (answer instanceof PreparedStatement prepared) {
                return faulty(PreparedStatement.class, prepared);
            }
            return answer instanceof Statement statement ? faulty(Statement.class, statement) : answer;
        }));
        return writer;
    }

    private <S extends Statement> S faulty(Class<S> type, S statement) {
        return proxy(type, (proxy, method, arguments) -> {
            boolean executes = method.getName().startsWith("execute");
            boolean rollback = arguments != null && arguments.length > 0 && "rollback".equals(arguments[0]);
            if (executes && !rollback && toFail > 0 && --toFail == 0) {
                throw new SQLException(SECRET, "HY000", 10);
            }
            return invoke(statement, method, arguments);
        });
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(FaultyDialect.class.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private static Object invoke(Object target, java.lang.reflect.Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    @Override
    public String name() {
        return dialect.name();
    }

    @Override
    public String location() {
        return dialect.location();
    }

    @Override
    public Session openReader() throws SQLException {
        return dialect.openReader();
    }

    @Override
    public List<String> scratchTables() {
        return dialect.scratchTables();
    }

    @Override
    public String beginWrite() {
        return dialect.beginWrite();
    }

    @Override
    public String beginRead() {
        return dialect.beginRead();
    }

    @Override
    public boolean hasTable(Session session, String table) throws SQLException {
        return dialect.hasTable(session, table);
    }

    @Override
    public String claim() {
        return dialect.claim();
    }

    @Override
    public Optional<JobLock> tryLock() {
        return dialect.tryLock();
    }

    @Override
    public boolean lockedHere() {
        return dialect.lockedHere();
    }

    @Override
    public StoreException failure(String action, SQLException cause) {
        return dialect.failure(action, cause);
    }
}
