package dev.evervec.config;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads UTF-8 files strictly: a byte that is not UTF-8 is an error, not a replacement character. */
final class Utf8File {
    private static final char BYTE_ORDER_MARK = '\uFEFF';

    private Utf8File() {}

    /** The text, without a byte order mark. */
    static String read(Path file) throws IOException {
        return withoutByteOrderMark(Files.readString(file, StandardCharsets.UTF_8));
    }

    static String withoutByteOrderMark(String text) {
        return !text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK ? text.substring(1) : text;
    }

    /** Why a file could not be read, as the end of a sentence about it. */
    static String reason(Path file, IOException failure) {
        if (failure instanceof NoSuchFileException) {
            return "does not exist";
        }
        if (failure instanceof CharacterCodingException) {
            return "is not UTF-8";
        }
        return Files.isDirectory(file) ? "is a directory" : "cannot be read (" + failure.getMessage() + ")";
    }
}
