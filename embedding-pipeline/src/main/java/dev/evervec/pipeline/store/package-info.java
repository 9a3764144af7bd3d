/**
 * Where the ledger, vectors and rewrites are kept, and the values that go in and out.
 */
@NullMarked
package dev.evervec.pipeline.store;

import org.jspecify.annotations.NullMarked;
