package dev.evervec.store.jdbc;

import java.sql.SQLException;

/** Keeps what drivers say to themselves: their messages may quote bound values. */
final class Failures {
    private Failures() {}

    /** The same failure at the same place, without any message of the driver. */
    static SQLException withoutMessage(SQLException cause) {
        SQLException silent = new SQLException(
                cause.getClass().getName() + " (its message is withheld, because it may quote values)",
                cause.getSQLState(),
                cause.getErrorCode());
        silent.setStackTrace(cause.getStackTrace());
        return silent;
    }
}
