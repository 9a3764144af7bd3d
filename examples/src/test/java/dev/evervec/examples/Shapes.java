package dev.evervec.examples;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;
import java.util.TreeSet;

/** The keys of a JSON value, such as {@code sources[].total}. */
final class Shapes {
    /** Objects whose keys are data: counts by reason. */
    private static final Set<String> OPEN = Set.of("skipped", "failed");

    private Shapes() {}

    static Set<String> keys(JsonNode json) {
        Set<String> keys = new TreeSet<>();
        collect(json, "", keys);
        return keys;
    }

    private static void collect(JsonNode json, String path, Set<String> keys) {
        if (json.isArray()) {
            json.forEach(element -> collect(element, path + "[]", keys));
        } else if (json.isObject() && !OPEN.contains(path.substring(path.lastIndexOf('.') + 1))) {
            json.properties().forEach(property -> {
                String key = path.isEmpty() ? property.getKey() : path + "." + property.getKey();
                keys.add(key);
                collect(property.getValue(), key, keys);
            });
        }
    }
}
