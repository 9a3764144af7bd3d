package dev.evervec.provider.openai;

import okhttp3.Headers;

/**
 * An answer that is an error.
 *
 * @param httpStatus the status of the HTTP answer, or the one that an error inside a 200 means
 * @param headers its headers
 * @param body what it says
 */
record Refusal(int httpStatus, Headers headers, ErrorBody body) {}
