/**
 * Vectors made in the process by feature hashing, without network and key: lexical, not semantic. Register nothing: the
 * configuration finds it under the name {@code local}.
 */
@NullMarked
package dev.evervec.provider.local;

import org.jspecify.annotations.NullMarked;
