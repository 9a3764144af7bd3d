package dev.evervec.pipeline;

/**
 * Tells new hashes from known ones in bounded memory. As long as they fit, all hashes are kept. When they do not, only those
 * that begin with one more zero bit are, and so on: half of what there is each time (adaptive sampling, Flajolet 1990). Which
 * hashes are kept depends on the hashes alone. Not thread-safe.
 */
final class HashSample {
    private static final int FIRST_SLOTS = 1 << 10;

    private final int maxHashes;
    private long[] slots = new long[FIRST_SLOTS]; // open addressing; 0 is free
    private int size;
    private int level;

    /** Keeps at most so many hashes, in twice to four times as many slots of eight bytes. */
    HashSample(int maxHashes) {
        this.maxHashes = maxHashes;
    }

    /** Zero bits that a hash begins with. */
    static int zone(long hash) {
        return Long.numberOfLeadingZeros(hash);
    }

    /** Zero bits that a hash must begin with to be kept: one of 2<sup>level</sup> is. Never falls. */
    int level() {
        return level;
    }

    /** Whether this hash would be kept. */
    boolean covers(long hash) {
        return zone(hash) >= level;
    }

    /** Notes a hash that is covered; says whether it is new. */
    boolean add(long hash) {
        long key = hash == 0 ? 1 : hash;
        int slot = slotOf(key);
        if (slots[slot] == key) {
            return false;
        }
        slots[slot] = key;
        size++;
        if (size > maxHashes) {
            thin();
        } else if (size * 2L > slots.length) {
            rehash(slots.length * 2);
        }
        return true;
    }

    private void thin() {
        while (size > maxHashes) {
            level++;
            rehash(slots.length);
        }
    }

    private void rehash(int newLength) {
        long[] old = slots;
        slots = new long[newLength];
        size = 0;
        for (long key : old) {
            if (key != 0 && covers(key)) {
                slots[slotOf(key)] = key;
                size++;
            }
        }
    }

    /** Where the key is, or where it belongs. */
    private int slotOf(long key) {
        int mask = slots.length - 1;
        int slot = (int) key & mask;
        while (slots[slot] != 0 && slots[slot] != key) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }
}
