package dev.evervec.provider;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The provider factories that can be used, by name. A registered factory that cannot be loaded, for instance because its
 * SDK is missing, is left out and noted; it never hides another one. Immutable.
 */
public final class ProviderFactories {
    /** A registration file that cannot be read fails again at every step; this many failures in a row end the search. */
    private static final int MOST_FAILURES_IN_A_ROW = 64;

    /** The providers of this project, each in a module {@code embedding-provider-<name>}. */
    private static final Set<String> OWN_PROVIDERS = Set.of("openai", "gemini", "local");

    private final Map<String, LLMProviderFactory> byName;
    private final List<String> unusable;

    private ProviderFactories(Map<String, LLMProviderFactory> byName, List<String> unusable) {
        this.byName = byName;
        this.unusable = List.copyOf(unusable);
    }

    /**
     * Finds the factories registered for {@link ServiceLoader}: first those that the thread's context class loader sees,
     * then those that this library's own class loader sees. Of two with the same name the first wins.
     */
    public static ProviderFactories onClassPath() {
        Search search = new Search();
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        ClassLoader own = ProviderFactories.class.getClassLoader();
        if (context != null) {
            search.in(context);
        }
        if (context != own) {
            search.in(own);
        }
        return search.result();
    }

    /** Exactly these factories. Of two with the same name the first wins. */
    public static ProviderFactories of(LLMProviderFactory... factories) {
        Search search = new Search();
        for (LLMProviderFactory factory : factories) {
            search.add(factory);
        }
        return search.result();
    }

    /** The factory of this name, if there is a usable one. */
    public Optional<LLMProviderFactory> find(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** The names of all usable factories, in alphabetical order. */
    public List<String> names() {
        return byName.keySet().stream().sorted().toList();
    }

    /**
     * What to tell a user who configured a provider that is not here: the artifact to add for one of the library's own,
     * the names to choose from for any other, and which registered factories could not be loaded.
     */
    public String explainMissing(String name) {
        String known = byName.isEmpty() ? "none" : String.join(", ", names());
        String message = OWN_PROVIDERS.contains(name)
                ? "provider " + name
                        + " is not on the class path: add the Maven artifact dev.evervec:embedding-provider-" + name
                        + " (on the class path: " + known + ")"
                : "unknown provider \"" + name + "\"; on the class path: " + known;
        return unusable.isEmpty() ? message : message + "; could not be loaded: " + String.join("; ", unusable);
    }

    /** For each registered factory that cannot be used, what failed; for messages about a provider that is missing. */
    public List<String> unusable() {
        return unusable;
    }

    @Override
    public String toString() {
        return "ProviderFactories" + names();
    }

    private static final class Search {
        private final Map<String, LLMProviderFactory> byName = new LinkedHashMap<>();
        private final List<String> unusable = new ArrayList<>();

        void in(@Nullable ClassLoader loader) {
            Iterator<LLMProviderFactory> found =
                    ServiceLoader.load(LLMProviderFactory.class, loader).iterator();
            int failures = 0;
            while (failures < MOST_FAILURES_IN_A_ROW) {
                try {
                    if (!found.hasNext()) {
                        return;
                    }
                    add(found.next());
                    failures = 0;
                } catch (ServiceConfigurationError | LinkageError e) {
                    failures++;
                    Throwable cause = e.getCause();
                    note(e.getMessage() + (cause == null ? "" : " (" + cause + ")"));
                }
            }
        }

        void add(LLMProviderFactory factory) {
            try {
                byName.putIfAbsent(factory.name(), factory);
            } catch (LinkageError e) {
                note(factory.getClass().getName() + ": " + e);
            }
        }

        private void note(String what) {
            if (!unusable.contains(what)) {
                unusable.add(what);
            }
        }

        ProviderFactories result() {
            return new ProviderFactories(byName, unusable);
        }
    }
}
