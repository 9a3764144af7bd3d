package dev.evervec.provider;

/** Which limit a refused request passed, as far as the refusal tells. */
public enum RequestLimit {
    /** Too many texts in one request. */
    TEXTS,
    /** Too many tokens in all texts of the request together. */
    TOKENS,
    /** A request body with too many bytes. */
    BYTES,
    /** One text alone is longer than the model accepts. */
    TEXT_LENGTH
}
