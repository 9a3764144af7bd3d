/**
 * The ledger and the vectors in a database, and records from any table that JDBC can query.
 */
@NullMarked
package dev.evervec.store.jdbc;

import org.jspecify.annotations.NullMarked;
