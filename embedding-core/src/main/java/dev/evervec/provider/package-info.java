/**
 * The provider SPI: what a service that embeds or rewrites texts is asked, what it answers and how it fails.
 *
 * <p>A host that writes its own provider needs only this package and {@link dev.evervec.provider.LLMProviderFactory}.
 */
@NullMarked
package dev.evervec.provider;

import org.jspecify.annotations.NullMarked;
