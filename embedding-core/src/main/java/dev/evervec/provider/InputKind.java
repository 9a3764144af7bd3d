package dev.evervec.provider;

/** What the texts of an embedding request are; some models embed queries differently from documents. */
public enum InputKind {
    /** A record's text, to be stored. */
    DOCUMENT,
    /** A search query, to be compared with stored vectors. */
    QUERY
}
