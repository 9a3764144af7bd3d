/**
 * Google's Gemini models (Developer API) behind the provider SPI, on the official Google Gen AI SDK. The front door is
 * {@link dev.evervec.provider.gemini.GeminiProviderFactory}, which {@link java.util.ServiceLoader} finds.
 */
@NullMarked
package dev.evervec.provider.gemini;

import org.jspecify.annotations.NullMarked;
