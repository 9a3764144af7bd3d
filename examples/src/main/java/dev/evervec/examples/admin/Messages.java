package dev.evervec.examples.admin;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * The words of the admin page in one language, by key. {@code {name}} in them stands for a value that is filled in. Immutable.
 *
 * @param byKey the words
 */
record Messages(Map<String, String> byKey) {
    Messages {
        byKey = Map.copyOf(byKey);
    }

    /** Reads the words of this language, which are part of the program. */
    static Messages of(Language language) {
        String file = "messages_" + language.tag() + ".properties";
        try (InputStream in = Messages.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("the program lacks its file " + file);
            }
            Properties properties = new Properties();
            properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
            Map<String, String> byKey = new TreeMap<>();
            properties.stringPropertyNames().forEach(key -> byKey.put(key, properties.getProperty(key)));
            return new Messages(byKey);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }

    /**
     * The words of this key.
     *
     * @throws IllegalArgumentException if there is no such key
     */
    String text(String key) {
        String text = byKey.get(key);
        if (text == null) {
            throw new IllegalArgumentException("there is no message " + key);
        }
        return text;
    }
}
