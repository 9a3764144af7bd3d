package dev.evervec.provider;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One vector: at least one component, every component finite, not all of them zero.
 *
 * <p>Immutable; arrays are copied on the way in and out.
 */
public final class Embedding {
    private final float[] components;

    private Embedding(float[] components) {
        this.components = components;
    }

    /**
     * A vector of these components (copied).
     *
     * @throws IllegalArgumentException if it is empty, all zero, or has a NaN or infinite component
     */
    public static Embedding of(float... components) {
        String defect = defectOf(components);
        if (defect != null) {
            throw new IllegalArgumentException(defect);
        }
        return new Embedding(components.clone());
    }

    /**
     * The vector whose components are these little-endian IEEE 754 floats, four bytes each.
     *
     * @throws IllegalArgumentException if the length is not a multiple of four or the components are no valid vector
     */
    public static Embedding fromLittleEndian(byte[] bytes) {
        if (bytes.length % Float.BYTES != 0) {
            throw new IllegalArgumentException(bytes.length + " bytes are not a whole number of 32-bit floats");
        }
        float[] components = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(components);
        return of(components);
    }

    /** Why these components are no vector, or null if they are one. */
    static @Nullable String defectOf(float[] components) {
        if (components.length == 0) {
            return "the vector is empty";
        }
        boolean allZero = true;
        for (float component : components) {
            if (!Float.isFinite(component)) {
                return "the vector has a component that is not a finite number";
            }
            allZero &= component == 0f;
        }
        return allZero ? "the vector is all zero" : null;
    }

    /** The number of components. */
    public int dimension() {
        return components.length;
    }

    /** The component at this position. */
    public float get(int index) {
        return components[index];
    }

    /** A copy of the components. */
    public float[] toArray() {
        return components.clone();
    }

    /** The components as little-endian IEEE 754 floats, four bytes each: the form that stores keep. */
    public byte[] toLittleEndian() {
        byte[] bytes = new byte[components.length * Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(components);
        return bytes;
    }

    /** The vector of the same direction with Euclidean length 1. */
    public Embedding normalized() {
        double squares = 0;
        for (float component : components) {
            squares += (double) component * component;
        }
        double length = Math.sqrt(squares);
        float[] unit = new float[components.length];
        for (int i = 0; i < unit.length; i++) {
            unit[i] = (float) (components[i] / length);
        }
        return of(unit);
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
        double dot = 0;
        double mine = 0;
        double theirs = 0;
        for (int i = 0; i < components.length; i++) {
            dot += (double) components[i] * other.components[i];
            mine += (double) components[i] * components[i];
            theirs += (double) other.components[i] * other.components[i];
        }
        return dot / Math.sqrt(mine * theirs);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Embedding embedding && Arrays.equals(embedding.components, components);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(components);
    }

    @Override
    public String toString() {
        return "Embedding[dimension=" + components.length + "]";
    }
}
