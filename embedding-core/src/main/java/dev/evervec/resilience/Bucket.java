package dev.evervec.resilience;

/**
 * A quota of one kind, refilled when somebody looks. It holds what comes in some time at most, or one call. What costs more goes
 * when it is full, and leaves a debt that later calls wait out. Guarded by the pacer's lock.
 */
final class Bucket {
    private final double nanosHeld;
    private double perNano;
    private double capacity;
    private double level;
    private long refilled;

    /** A full one. */
    Bucket(double perNano, double nanosHeld) {
        this.nanosHeld = nanosHeld;
        set(perNano);
        this.level = capacity;
    }

    private void set(double newPerNano) {
        perNano = newPerNano;
        capacity = Math.max(1, newPerNano * nanosHeld);
    }

    /** From now on it fills at another rate. */
    void retune(double newPerNano, long now) {
        refill(now);
        set(newPerNano);
        level = Math.min(level, capacity);
    }

    /** Nanoseconds until so much may be taken; 0: now. */
    long until(long cost, long now) {
        refill(now);
        double missing = Math.min((double) cost, capacity) - level;
        return missing <= 0 ? 0 : (long) Math.ceil(missing / perNano);
    }

    void take(long cost) {
        level -= cost;
    }

    /** So much was taken too much, or, if negative, too little. */
    void giveBack(long count, long now) {
        refill(now);
        level = Math.min(capacity, level + count);
    }

    /** There is no more in it than this. */
    void lower(double most, long now) {
        refill(now);
        level = Math.min(level, most);
    }

    /** It fills from this time on, and has not filled before. */
    void fillFrom(long time) {
        refilled = time;
    }

    /** Nothing is left, and nothing comes in before then. */
    void emptyUntil(long time, long now) {
        lower(0, now);
        refilled = Math.max(refilled, time);
    }

    private void refill(long now) {
        if (now > refilled) {
            level = Math.min(capacity, level + (now - refilled) * perNano);
            refilled = now;
        }
    }
}
