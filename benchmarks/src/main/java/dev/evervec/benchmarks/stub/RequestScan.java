package dev.evervec.benchmarks.stub;

/**
 * What of a request's body matters here: how many texts it has, of how many bytes, and whether vectors are wanted as base64.
 * Only strings are told from everything else, which is all that it takes: a text is a value of the key "input" (OpenAI) or
 * "text" (Gemini).
 *
 * @param texts at least 1
 * @param bytes of all texts, as they were sent
 */
record RequestScan(int texts, long bytes, boolean base64) {
    private enum Key {
        TEXT,
        FORMAT,
        OTHER
    }

    static RequestScan of(byte[] body, int length) {
        int texts = 0;
        long bytes = 0;
        boolean base64 = false;
        Key key = Key.OTHER;
        for (int at = next(body, 0, length); at < length; ) {
            int begin = at + 1;
            int end = endOfString(body, begin, length);
            if (isKey(body, end + 1, length)) {
                key = key(body, begin, end);
            } else if (key == Key.TEXT) {
                texts++;
                bytes += end - begin;
            } else if (key == Key.FORMAT) {
                base64 = is(body, begin, end, "base64");
            }
            at = next(body, end + 1, length);
        }
        return new RequestScan(Math.max(1, texts), bytes, base64);
    }

    /** The next quote. */
    private static int next(byte[] body, int from, int length) {
        int at = from;
        while (at < length && body[at] != '"') {
            at++;
        }
        return at;
    }

    private static int endOfString(byte[] body, int from, int length) {
        int at = from;
        while (at < length && body[at] != '"') {
            at += body[at] == '\\' ? 2 : 1;
        }
        return Math.min(at, length);
    }

    private static boolean isKey(byte[] body, int from, int length) {
        int at = from;
        while (at < length && body[at] <= ' ') {
            at++;
        }
        return at < length && body[at] == ':';
    }

    private static Key key(byte[] body, int begin, int end) {
        if (is(body, begin, end, "input") || is(body, begin, end, "text")) {
            return Key.TEXT;
        }
        return is(body, begin, end, "encoding_format") ? Key.FORMAT : Key.OTHER;
    }

    private static boolean is(byte[] body, int begin, int end, String word) {
        if (end - begin != word.length()) {
            return false;
        }
        for (int i = 0; i < word.length(); i++) {
            if (body[begin + i] != word.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
