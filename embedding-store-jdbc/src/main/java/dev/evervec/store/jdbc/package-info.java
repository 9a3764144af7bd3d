/**
 * Ledger, vectors, rewrites and jobs in a SQL database, and records from any table that JDBC can query. This version stores
 * in SQLite.
 */
@NullMarked
package dev.evervec.store.jdbc;

import org.jspecify.annotations.NullMarked;
