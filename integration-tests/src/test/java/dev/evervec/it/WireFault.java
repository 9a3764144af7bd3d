package dev.evervec.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.it.LoopbackServer.End;
import dev.evervec.it.LoopbackServer.Wire;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;

/** What may go wrong on the wire with the answer to an embedding request, for either vendor. */
enum WireFault {
    // The vector of one text.
    NAN(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.withComponents(at, "NaN");
        }
    },
    INFINITY(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.withComponents(at, "1e999");
        }
    },
    NULL_COMPONENT(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.withComponents(at, "null");
        }
    },
    WORD_FOR_A_NUMBER(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.withComponents(at, "\"half\"");
        }
    },
    ZERO_VECTOR(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.withVector(at, "[" + "0,".repeat(DIMENSION - 1) + "0]");
        }
    },
    NULL_VECTOR(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.withVector(at, "null");
        }
    },
    WRONG_DIMENSION_OF_ONE(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.withVector(at, "[0.5,0.5]");
        }
    },
    BROKEN_BASE64(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.withVector(at, "\"!?\"");
        }
    },
    MISSING(Kind.ONE_VECTOR) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.without(at);
        }
    },
    // Every vector, or which belongs to which.
    EVERY_DIMENSION_WRONG(Kind.EVERY_DIMENSION) {
        @Override
        String spoiled(Answer answer, int at) {
            for (int i = 0; i < answer.size(); i++) {
                answer.withVector(i, "[0.5,0.5]");
            }
            return answer.json();
        }
    },
    EXTRA(Kind.BODY) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.with(answer.entry(at, answer.size()));
        }
    },
    DUPLICATE(Kind.BODY) {
        @Override
        String spoiled(Answer answer, int at) {
            return answer.with(answer.entry(at, at));
        }
    },
    ONE_FOR_ALL(Kind.BODY_OF_SEVERAL) {
        @Override
        String spoiled(Answer answer, int at) {
            ObjectNode only = answer.entry(answer.size() - 1, 0);
            answer.clear();
            return answer.with(only);
        }
    },
    // The body as a whole.
    HTML(Kind.BODY) {
        @Override
        String spoiled(Answer answer, int at) {
            return "<!doctype html><title>Please wait</title>";
        }
    },
    UNEXPLAINED_ERROR(Kind.BODY) {
        @Override
        String spoiled(Answer answer, int at) {
            return "{\"error\":\"please wait\"}";
        }
    },
    HALF_A_DOCUMENT(Kind.BODY) {
        @Override
        String spoiled(Answer answer, int at) {
            String json = answer.json();
            return json.substring(0, json.length() / 2);
        }
    },
    EMPTY(Kind.BODY) {
        @Override
        String spoiled(Answer answer, int at) {
            return "";
        }
    },
    NESTED_WITHOUT_END(Kind.BODY) {
        @Override
        String spoiled(Answer answer, int at) {
            return "{\"data\":" + "[".repeat(100_000);
        }
    },
    ENDLESS(Kind.BODY) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw(HEAD + "\r\n{\"data\":[" + " ".repeat(2 << 20), End.TRICKLE);
        }
    },
    LENGTH_TOO_SHORT(Kind.BODY) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw(HEAD + "Content-Length: " + (body.length - 9) + "\r\n\r\n" + text(body), End.KEEP);
        }
    },
    DAMAGED_GZIP(Kind.BODY) {
        @Override
        Wire wire(byte[] body, int at) {
            byte[] compressed = gzip(body);
            compressed[compressed.length / 2] ^= 0x55;
            return raw(
                    HEAD + "Content-Encoding: gzip\r\nContent-Length: " + compressed.length + "\r\n\r\n",
                    compressed,
                    End.KEEP);
        }
    },
    NO_CONTENT(Kind.BODY) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw("HTTP/1.1 204 -\r\n\r\n", End.KEEP);
        }
    },
    // Failures that the service reports.
    SERVER_ERROR(Kind.SERVER) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw("HTTP/1.1 503 -\r\nContent-Length: 0\r\n\r\n", End.KEEP);
        }
    },
    ERROR_INSIDE_A_200(Kind.SERVER) {
        @Override
        String spoiled(Answer answer, int at) {
            return "{\"error\":{\"code\":503,\"message\":\"overloaded\"}}";
        }
    },
    // The connection.
    RESET(Kind.CONNECTION) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw("", End.RESET);
        }
    },
    RESET_IN_THE_HEAD(Kind.CONNECTION) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw("HTTP/1.1 200 -\r\nContent-", End.RESET);
        }
    },
    RESET_IN_THE_BODY(Kind.CONNECTION) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw(HEAD + "Content-Length: " + body.length + "\r\n\r\n" + half(body), End.RESET);
        }
    },
    LENGTH_TOO_LONG(Kind.CONNECTION) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw(HEAD + "Content-Length: " + (body.length + 9) + "\r\n\r\n" + text(body), End.CLOSE);
        }
    },
    CHUNK_BROKEN_OFF(Kind.CONNECTION) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw(HEAD + "Transfer-Encoding: chunked\r\n\r\nFFFF\r\n" + half(body), End.CLOSE);
        }
    },
    SILENCE(Kind.TIMEOUT) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw("", End.SILENCE);
        }
    },
    SILENCE_AFTER_THE_HEAD(Kind.TIMEOUT) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw(HEAD + "Content-Length: " + body.length + "\r\n\r\n", End.SILENCE);
        }
    },
    SILENCE_IN_THE_BODY(Kind.TIMEOUT) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw(HEAD + "Content-Length: " + body.length + "\r\n\r\n" + half(body), End.SILENCE);
        }
    },
    TRICKLE(Kind.TIMEOUT) {
        @Override
        Wire wire(byte[] body, int at) {
            return raw(HEAD + "Content-Length: " + body.length + "\r\n\r\n" + half(body), End.TRICKLE);
        }
    };

    /** What a fault spoils, which decides what becomes of a text whose requests always meet it. */
    enum Kind {
        ONE_VECTOR,
        EVERY_DIMENSION,
        BODY,
        /** As {@link #BODY}, but a text alone is answered as it should be. */
        BODY_OF_SEVERAL,
        SERVER,
        CONNECTION,
        TIMEOUT
    }

    static final int DIMENSION = 128;
    private static final String HEAD = "HTTP/1.1 200 -\r\nContent-Type: application/json\r\n";
    private static final ObjectMapper JSON = new ObjectMapper();

    final Kind kind;

    WireFault(Kind kind) {
        this.kind = kind;
    }

    /** What is sent in place of this body when the request has the spoiled text at this place. */
    Wire wire(byte[] body, int at) {
        byte[] spoiled = spoiled(new Answer(body), at).getBytes(StandardCharsets.UTF_8);
        return raw(HEAD + "Content-Length: " + spoiled.length + "\r\n\r\n", spoiled, End.KEEP);
    }

    String spoiled(Answer answer, int at) {
        return answer.json();
    }

    private static Wire raw(String head, End end) {
        return raw(head, new byte[0], end);
    }

    private static Wire raw(String head, byte[] body, End end) {
        byte[] ascii = head.getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(ascii, ascii.length + body.length);
        System.arraycopy(body, 0, all, ascii.length, body.length);
        return new Wire(all, end);
    }

    private static String text(byte[] body) {
        return new String(body, StandardCharsets.US_ASCII);
    }

    private static String half(byte[] body) {
        return text(body).substring(0, body.length / 2);
    }

    private static byte[] gzip(byte[] body) {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(compressed)) {
            gzip.write(body);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return compressed.toByteArray();
    }

    /** The right answer of either vendor, to be spoiled. */
    private static final class Answer {
        private static final String MARK = "@";

        private final JsonNode document;
        private final ArrayNode entries;
        private final String vectorField;
        private String raw = "";

        Answer(byte[] body) {
            try {
                document = JSON.readTree(body);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            boolean openAi = document.has("data");
            entries = (ArrayNode) document.path(openAi ? "data" : "embeddings");
            vectorField = openAi ? "embedding" : "values";
        }

        int size() {
            return entries.size();
        }

        /** A copy of an entry with another index; Gemini's have none. */
        ObjectNode entry(int at, int index) {
            ObjectNode copy = entries.get(at).deepCopy();
            return copy.has("index") ? copy.put("index", index) : copy;
        }

        String with(ObjectNode entry) {
            entries.add(entry);
            return json();
        }

        String without(int at) {
            entries.remove(at);
            return json();
        }

        void clear() {
            entries.removeAll();
        }

        /** With this JSON, maybe broken, in place of a vector. */
        String withVector(int at, String vector) {
            raw = vector;
            ((ObjectNode) entries.get(at)).put(vectorField, MARK);
            return json();
        }

        /** With a vector of numbers whose first component is this. */
        String withComponents(int at, String first) {
            return withVector(at, "[" + first + ",0.5".repeat(DIMENSION - 1) + "]");
        }

        String json() {
            return document.toString().replace("\"" + MARK + "\"", raw);
        }
    }
}
