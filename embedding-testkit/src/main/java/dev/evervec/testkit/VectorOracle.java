package dev.evervec.testkit;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The functions behind the scripted answers: SHA-256 for the seed, SplitMix64 for the components. */
final class VectorOracle {
    private VectorOracle() {}

    static float[] componentsOf(String model, String text, int dimension) {
        long state = ByteBuffer.wrap(digest(model, text)).getLong();
        float[] components = new float[dimension];
        double squares = 0;
        for (int i = 0; i < dimension; i++) {
            state += 0x9e3779b97f4a7c15L;
            // An odd number of 2^-24 steps from -1: never zero, exact as a float.
            float component = (float) ((2 * (mix(state) >>> 41) + 1) * 0x1p-23 - 1);
            components[i] = component;
            squares += (double) component * component;
        }
        double length = Math.sqrt(squares);
        for (int i = 0; i < dimension; i++) {
            components[i] = (float) (components[i] / length);
        }
        return components;
    }

    static String rewriteOf(String prompt) {
        return "rewritten " + HexFormat.of().formatHex(digest("", prompt), 0, 16);
    }

    /** The finalizer of SplitMix64. */
    static long mix(long value) {
        long z = value;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    private static byte[] digest(String model, String text) {
        byte[] name = model.getBytes(StandardCharsets.UTF_8);
        // The text as UTF-16 units: unlike UTF-8 this keeps lone surrogates apart.
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES + name.length + Character.BYTES * text.length());
        bytes.putInt(name.length).put(name);
        for (int i = 0; i < text.length(); i++) {
            bytes.putChar(text.charAt(i));
        }
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes.array());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
