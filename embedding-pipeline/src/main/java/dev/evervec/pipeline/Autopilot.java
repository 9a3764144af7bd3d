package dev.evervec.pipeline;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds how many calls at a time are enough: as many as let the service, or its quota, do all it can, and no more, because
 * further ones would only wait there. Part of the state machine; times are nanoseconds of its clock.
 *
 * <p>What counts is how many calls are answered per second. It is measured at one limit, then at another, and the other one is
 * kept if it does better, or as well with fewer: first in large steps, until the service is known, then now and then in small
 * ones, because services change. Nothing is assumed about how long a call takes, which depends on texts, load and distance.
 */
final class Autopilot {
    private static final Logger log = LoggerFactory.getLogger(BuildPipeline.class);

    private static final int START = 4;
    private static final int LEAST_ANSWERS = 8;
    private static final int ROUNDS = 3;
    /** A limit that fewer calls than this part of it were under way at tells nothing. */
    private static final double USED = 0.85;
    /** Of what a higher limit could bring at best it must bring so much. */
    private static final double LEAST_GAIN = 0.25;
    /** A lower limit must bring so much of what the higher one did. */
    private static final double AS_GOOD = 0.97;
    /** What is enough if an answer and the next call take no time at all falls short by a little. */
    private static final double RESERVE = 1.1;
    /** A service that does so much more or less has become another one. */
    private static final double ANOTHER = 1.3;
    /** Measurements at the best limit before another one is tried. */
    private static final int PATIENCE = 8;

    /** Of so many tries one is of fewer calls. */
    private static final int MOST_OFTEN = 2;

    private static final int LEAST_OFTEN = 32;

    private static final double STEP = 1.25;

    private final int most;
    private final Measurement measurement = new Measurement();
    private int limit;
    private Search search = Search.RISE;
    private @Nullable Level best;
    /** Seconds that a call takes when none waits for another, as far as known. */
    private double shortest = Double.POSITIVE_INFINITY;

    private boolean rose;
    private int heldFor;
    private int tryFewerEvery = MOST_OFTEN;
    private int untilFewer = MOST_OFTEN;

    /** What the limit at present is for. */
    private enum Search {
        /** Twice as many each time, as long as that helps. */
        RISE,
        /** Half as many each time, as long as that does no harm. */
        SINK,
        /** The best one known. */
        HOLD,
        /** Once more. */
        TRY_MORE,
        /** Once fewer. */
        TRY_FEWER
    }

    /**
     * A limit and what it brought.
     *
     * @param rate answers per second
     */
    private record Level(int limit, double rate) {}

    /** {@code most}: so many calls at a time there may ever be. */
    Autopilot(int most) {
        this.most = most;
        this.limit = Math.min(START, most);
    }

    /** How many calls may be under way. */
    int limit() {
        return limit;
    }

    /** So many calls are under way from now on. */
    void underWay(int calls, long now) {
        measurement.underWay(calls, now);
    }

    /** A call was answered. */
    void answered(long sentAt, long now) {
        measurement.answered(sentAt, now);
        if (measurement.answers() < Math.max(LEAST_ANSWERS, ROUNDS * limit) || measurement.isEmpty(now)) {
            return;
        }
        boolean used = measurement.callsUnderWay(now) >= USED * limit;
        Level level = new Level(limit, measurement.rate(now));
        measurement.begin(now);
        if (used) {
            judge(level);
        } else if (best != null && limit > best.limit) {
            hold(best);
        }
    }

    /** Calls wait for something that does not depend on how many they are. */
    void disturbed(long now) {
        measurement.begin(now);
    }

    /** Nothing is answered any more, perhaps because there were too many. */
    void collapsed(long now) {
        best = null;
        shortest = Double.POSITIVE_INFINITY;
        rose = false;
        search = Search.RISE;
        go(Math.max(1, limit / 2));
        measurement.begin(now);
    }

    private void judge(Level level) {
        if (search != Search.HOLD) {
            // The least of very many measurements would be a matter of luck.
            shortest = Math.min(shortest, level.limit / level.rate);
        }
        Level known = best;
        if (known == null) {
            best = level;
            rise();
            return;
        }
        switch (search) {
            case RISE -> judgeRise(level, known);
            case SINK -> judgeSink(level, known);
            case HOLD -> watch(level, known);
            case TRY_MORE -> {
                if (isBetter(level, known)) {
                    best = level;
                    rise();
                } else {
                    hold(known);
                }
            }
            case TRY_FEWER -> judgeFewer(level, known);
        }
    }

    private static boolean isBetter(Level higher, Level known) {
        double mostGain = (double) higher.limit / known.limit - 1;
        return higher.rate >= known.rate * (1 + LEAST_GAIN * mostGain);
    }

    private static boolean isAsGood(Level lower, Level known) {
        return lower.rate >= AS_GOOD * known.rate;
    }

    private void rise() {
        search = Search.RISE;
        if (limit < most) {
            go(Math.min(most, 2 * limit));
        } else {
            sink();
        }
    }

    private void judgeRise(Level level, Level known) {
        if (isBetter(level, known)) {
            rose = true;
            best = level;
            rise();
        } else if (rose) {
            hold(enough(known));
        } else {
            sink();
        }
    }

    private void sink() {
        Level from = best;
        if (from == null || from.limit == 1 || rose) {
            hold(from == null ? new Level(limit, 0) : from);
        } else {
            search = Search.SINK;
            go(from.limit / 2);
        }
    }

    private void judgeSink(Level level, Level known) {
        if (isAsGood(level, known)) {
            best = level;
            sink();
        } else {
            hold(enough(known));
        }
    }

    /** The limit at which no call would wait for another, a little raised. */
    private Level enough(Level known) {
        double calls = Math.ceil(RESERVE * known.rate * shortest);
        return new Level((int) Math.max(1, Math.min(known.limit, calls)), known.rate);
    }

    private void hold(Level level) {
        search = Search.HOLD;
        best = level;
        heldFor = 0;
        go(level.limit);
    }

    private void watch(Level level, Level known) {
        boolean another = level.rate > ANOTHER * known.rate || level.rate < known.rate / ANOTHER;
        if (another) {
            best = level;
            heldFor = PATIENCE - 1; // part of it may have been the old one
            return;
        }
        best = new Level(level.limit, known.rate + (level.rate - known.rate) / 4);
        if (++heldFor >= PATIENCE) {
            tryAnother(best);
        }
    }

    /** Fewer, if they should be enough; otherwise more or, the more rarely the less it helped, fewer by a step. */
    private void tryAnother(Level from) {
        Level enough = enough(from);
        if (enough.limit < from.limit) {
            tryTo(enough.limit, from);
        } else if (from.limit > 1 && --untilFewer <= 0) {
            untilFewer = tryFewerEvery;
            tryTo(Math.max(1, (int) (from.limit / STEP)), from);
        } else {
            tryTo((int) Math.min(most, Math.ceil(from.limit * STEP)), from);
        }
    }

    private void tryTo(int other, Level from) {
        if (other == from.limit) {
            hold(from);
        } else {
            search = other > from.limit ? Search.TRY_MORE : Search.TRY_FEWER;
            go(other);
        }
    }

    private void judgeFewer(Level level, Level known) {
        if (isAsGood(level, known)) {
            tryFewerEvery = MOST_OFTEN;
            hold(level);
        } else {
            tryFewerEvery = Math.min(LEAST_OFTEN, 2 * tryFewerEvery);
            shortest = level.limit / level.rate; // calls take longer than they did
            hold(known);
        }
    }

    private void go(int next) {
        if (next != limit) {
            log.debug("{} requests at a time instead of {}", next, limit);
            limit = next;
        }
    }

    /** What happened since the limit was set. */
    private static final class Measurement {
        private long began = Long.MIN_VALUE;
        private int answers;
        private double latencies;
        private long from;
        private int calls;
        private long callsSince;
        private double callNanos;

        void begin(long now) {
            began = now;
            answers = 0;
        }

        void underWay(int newCalls, long now) {
            callNanos += (double) calls * (now - callsSince);
            calls = newCalls;
            callsSince = now;
        }

        /** Counts those that were sent since it began; how many are under way is looked at from the first answer on. */
        void answered(long sentAt, long now) {
            if (sentAt <= began) {
                return;
            }
            if (answers == 0) {
                latencies = 0;
                from = now;
                callsSince = now;
                callNanos = 0;
            }
            answers++;
            latencies += now - sentAt;
        }

        int answers() {
            return answers;
        }

        boolean isEmpty(long now) {
            return now <= from || latencies <= 0;
        }

        /** How many calls were under way, on average. */
        double callsUnderWay(long now) {
            return (callNanos + (double) calls * (now - callsSince)) / (now - from);
        }

        /** Answers per second, by Little's law: counted, they would depend on where in a wave of answers one begins. */
        double rate(long now) {
            return callsUnderWay(now) / (latencies / answers) * 1e9;
        }
    }
}
