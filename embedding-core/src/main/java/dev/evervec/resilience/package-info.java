/**
 * What stands between a caller and a provider: retry of passing failures and pacing to the quota. Live calls and a build
 * that use the same decorated provider share one quota.
 */
@NullMarked
package dev.evervec.resilience;

import org.jspecify.annotations.NullMarked;
