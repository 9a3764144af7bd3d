package dev.evervec.provider;

/** Who a failed call is charged to; it decides what happens next. */
public enum FaultOwner {
    /** One of the texts (refused content, filter): the request is split until the bad text stands alone. */
    ITEM,
    /** The form of the request (too many texts, tokens or bytes): it is cut smaller; no text is charged. */
    REQUEST_SHAPE,
    /** The quota of the key: wait as told and send the same again; never counts as a try. */
    QUOTA,
    /** The service or the way to it (5xx, timeout, reset, an answer that is not the promised one): try again. */
    PROVIDER,
    /** What the operator configured (key, model, account, dimension): stop and say what to change. */
    CONFIGURATION
}
