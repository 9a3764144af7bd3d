package dev.evervec.resilience;

import dev.evervec.provider.Secret;
import dev.evervec.provider.SharedQuota.Account;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * The pacers that are in use: one for each account, whoever made the providers that draw on it. A pacer is forgotten when the last
 * of its providers has been closed. Thread-safe.
 */
final class Pacers {
    /** Those of everybody in this process: a service does not see who of us asks. */
    static final Pacers OF_THE_PROCESS = new Pacers(SystemTiming.INSTANCE);

    private final Timing timing;
    private final Map<Key, Entry> inUse = new HashMap<>();

    Pacers(Timing timing) {
        this.timing = timing;
    }

    /** An account as far as the service can tell it from others. */
    private record Key(String account, @Nullable String keyHash) {}

    private static final class Entry {
        final Pacer pacer;
        int users;

        Entry(Pacer pacer) {
            this.pacer = pacer;
        }
    }

    /** One provider's use of a pacer. Closing it twice is harmless. */
    final class Use implements AutoCloseable {
        private final Key key;
        private final Pacer pacer;
        private boolean closed;

        private Use(Key key, Pacer pacer) {
            this.key = key;
            this.pacer = pacer;
        }

        Pacer pacer() {
            return pacer;
        }

        @Override
        public void close() {
            synchronized (inUse) {
                Entry entry = inUse.get(key);
                if (!closed && entry != null && --entry.users == 0) {
                    inUse.remove(key);
                }
                closed = true;
            }
        }
    }

    /** The pacer of this account, which is the one of all others with the same name and key. */
    Use use(Account account, @Nullable Secret apiKey) {
        Key key = new Key(account.name(), apiKey == null ? null : hashOf(apiKey));
        synchronized (inUse) {
            Entry entry = inUse.get(key);
            if (entry == null) {
                entry = new Entry(new Pacer(account, timing, new Random()));
                inUse.put(key, entry);
            } else {
                entry.pacer.alsoFor(account);
            }
            entry.users++;
            return new Use(key, entry.pacer);
        }
    }

    /** How many accounts are in use. */
    int size() {
        synchronized (inUse) {
            return inUse.size();
        }
    }

    private static String hashOf(Secret apiKey) {
        try {
            byte[] hash =
                    MessageDigest.getInstance("SHA-256").digest(apiKey.reveal().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
