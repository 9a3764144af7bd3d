package dev.evervec.store.jdbc;

import dev.evervec.provider.Embedding;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** How a column holds vectors. */
enum VectorType {
    /** Bytes: 32-bit floats, little-endian. */
    BLOB("blob", "%s", 0, Float.BYTES),
    /** PostgreSQL's own array; each component comes with its length. */
    REAL_ARRAY("real[]", "array_send(%s)", 20, 2 * Float.BYTES),
    /** The type of the extension pgvector. */
    PGVECTOR("vector", "vector_send(%s)", 4, Float.BYTES);

    private final String code;
    private final String bytes;
    private final int header;
    private final int width;

    VectorType(String code, String bytes, int header, int width) {
        this.code = code;
        this.bytes = bytes;
        this.header = header;
        this.width = width;
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
        float[] components = new float[(bytes.length - header) / width];
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        for (int i = 0; i < components.length; i++) {
            components[i] = buffer.getFloat(header + i * width + width - Float.BYTES);
        }
        return Embedding.of(components);
    }
}
