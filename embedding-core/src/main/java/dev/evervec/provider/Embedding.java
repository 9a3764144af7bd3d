package dev.evervec.provider;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * One vector: at least one component, every component finite, not all of them zero.
 *
 * <p>Immutable; arrays are copied on the way in and out. It holds its components as little-endian bytes, the form in which
 * services send them and stores keep them.
 */
public final class Embedding {
    private static final VarHandle FLOATS = MethodHandles.byteArrayViewVarHandle(float[].class, LITTLE_ENDIAN);
    private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, LITTLE_ENDIAN);

    private static final int MAGNITUDE = 0x7fff_ffff;

    /** Added to the bits of a magnitude, it overflows if all bits of the exponent are set: an infinity or no number. */
    private static final int BEYOND_FINITE = 0x0080_0000;

    private final byte[] littleEndian;

    private Embedding(byte[] littleEndian) {
        this.littleEndian = littleEndian;
    }

    /**
     * A vector of these components (copied).
     *
     * @throws IllegalArgumentException if it is empty, all zero, or has a NaN or infinite component
     */
    public static Embedding of(float... components) {
        return checked(littleEndian(components));
    }

    /**
     * The vector whose components are these little-endian IEEE 754 floats, four bytes each (copied).
     *
     * @throws IllegalArgumentException if the length is not a multiple of four or the components are no valid vector
     */
    public static Embedding fromLittleEndian(byte[] bytes) {
        return checked(wholeFloats(bytes).clone());
    }

    /**
     * The vector whose components are little-endian IEEE 754 floats of four bytes each, in base64, the form in which services
     * send them.
     *
     * @param base64 all of what remains in it is read, without white space
     * @throws IllegalArgumentException if it is no base64, not a whole number of floats, or the components are no valid vector
     */
    public static Embedding fromBase64(ByteBuffer base64) {
        ByteBuffer decoded;
        try {
            decoded = Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("the vector is broken base64", e);
        }
        return checked(wholeFloats(all(decoded)));
    }

    /** What is in a buffer that nobody else has. */
    private static byte[] all(ByteBuffer own) {
        boolean whole = own.arrayOffset() == 0 && own.remaining() == own.array().length;
        byte[] bytes = whole ? own.array() : new byte[own.remaining()];
        if (!whole) {
            own.get(bytes);
        }
        return bytes;
    }

    private static byte[] wholeFloats(byte[] bytes) {
        if (bytes.length % Float.BYTES != 0) {
            throw new IllegalArgumentException(bytes.length + " bytes are not a whole number of 32-bit floats");
        }
        return bytes;
    }

    private static Embedding checked(byte[] littleEndian) {
        String defect = defectOf(littleEndian);
        if (defect != null) {
            throw new IllegalArgumentException(defect);
        }
        return new Embedding(littleEndian);
    }

    private static byte[] littleEndian(float[] components) {
        byte[] bytes = new byte[components.length * Float.BYTES];
        ByteBuffer.wrap(bytes).order(LITTLE_ENDIAN).asFloatBuffer().put(components);
        return bytes;
    }

    /** Why these bytes, four for each component, are no vector, or null if they are one. */
    private static @Nullable String defectOf(byte[] littleEndian) {
        if (littleEndian.length == 0) {
            return "the vector is empty";
        }
        int magnitudes = 0;
        int sums = 0;
        for (int at = 0; at < littleEndian.length; at += Float.BYTES) {
            int magnitude = (int) INTS.get(littleEndian, at) & MAGNITUDE;
            magnitudes |= magnitude;
            sums |= magnitude + BEYOND_FINITE;
        }
        if (sums < 0) {
            return "the vector has a component that is not a finite number";
        }
        return magnitudes == 0 ? "the vector is all zero" : null;
    }

    /** The number of components. */
    public int dimension() {
        return littleEndian.length / Float.BYTES;
    }

    /** The component at this position. */
    public float get(int index) {
        return (float) FLOATS.get(littleEndian, Math.multiplyExact(index, Float.BYTES));
    }

    /** A copy of the components. */
    public float[] toArray() {
        float[] components = new float[dimension()];
        ByteBuffer.wrap(littleEndian).order(LITTLE_ENDIAN).asFloatBuffer().get(components);
        return components;
    }

    /** The components as little-endian IEEE 754 floats, four bytes each: the form that stores keep. */
    public byte[] toLittleEndian() {
        return littleEndian.clone();
    }

    /** The vector of the same direction with Euclidean length 1. */
    public Embedding normalized() {
        float[] components = toArray();
        double squares = 0;
        for (float component : components) {
            squares += (double) component * component;
        }
        double length = Math.sqrt(squares);
        for (int i = 0; i < components.length; i++) {
            components[i] = (float) (components[i] / length);
        }
        return of(components);
    }

    /**
     * The cosine of the angle between the two vectors, from -1 to 1.
     *
     * @throws IllegalArgumentException if the dimensions differ
     */
    public double cosine(Embedding other) {
        if (other.dimension() != dimension()) {
            throw new IllegalArgumentException(
                    "cosine of vectors of dimensions " + dimension() + " and " + other.dimension());
        }
        float[] these = toArray();
        float[] those = other.toArray();
        double dot = 0;
        double mine = 0;
        double theirs = 0;
        for (int i = 0; i < these.length; i++) {
            dot += (double) these[i] * those[i];
            mine += (double) these[i] * these[i];
            theirs += (double) those[i] * those[i];
        }
        return dot / Math.sqrt(mine * theirs);
    }

    /** Whether the other one is a vector of the same components, bit by bit. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Embedding embedding && Arrays.equals(embedding.littleEndian, littleEndian);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(littleEndian);
    }

    @Override
    public String toString() {
        return "Embedding[dimension=" + dimension() + "]";
    }
}
