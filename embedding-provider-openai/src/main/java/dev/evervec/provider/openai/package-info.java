/**
 * The {@code openai} provider: embeddings and rewriting over the official OpenAI SDK, for OpenAI itself, Azure OpenAI and
 * servers that speak the same protocol (Ollama, vLLM, TEI, LM Studio and others).
 */
@NullMarked
package dev.evervec.provider.openai;

import org.jspecify.annotations.NullMarked;
