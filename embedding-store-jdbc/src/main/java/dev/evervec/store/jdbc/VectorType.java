package dev.evervec.store.jdbc;

import dev.evervec.provider.Embedding;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** How a column holds vectors. */
enum VectorType {
    /** Bytes: 32-bit floats, little-endian. */
    BLOB("blob", "%s"),
    /** PostgreSQL's own array. */
    REAL_ARRAY("real[]", "array_send(%s)"),
    /** The type of the extension pgvector, whose functions need not be on the path. */
    PGVECTOR("vector", "array_send(cast(%s as real[]))");

    /** What PostgreSQL sends before the components of an array; each of them comes behind its own length. */
    private static final int HEADER = 20;

    private static final int WIDTH = Integer.BYTES + Float.BYTES;

    private final String code;
    private final String bytes;

    VectorType(String code, String bytes) {
        this.code = code;
        this.bytes = bytes;
    }

    /** Its name in a database. */
    String code() {
        return code;
    }

    static VectorType ofCode(String code) {
        return Arrays.stream(values())
                .filter(type -> type.code.equals(code))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no type of vectors " + code));
    }

    /** An expression for the bytes of a column, for {@link #read}. */
    String bytesOf(String column) {
        return bytes.formatted(column);
    }

    /** The vector of these bytes. */
    Embedding read(byte[] bytes) {
        if (this == BLOB) {
            return Embedding.fromLittleEndian(bytes);
        }
        float[] components = new float[(bytes.length - HEADER) / WIDTH];
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        for (int i = 0; i < components.length; i++) {
            components[i] = buffer.getFloat(HEADER + i * WIDTH + Integer.BYTES);
        }
        return Embedding.of(components);
    }
}
