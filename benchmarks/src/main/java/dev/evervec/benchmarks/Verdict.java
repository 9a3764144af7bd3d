package dev.evervec.benchmarks;

import java.util.Arrays;
import java.util.Locale;

/**
 * What a measurement says of one goal.
 *
 * @param goal its number and name
 * @param what was measured
 */
record Verdict(String goal, String what, String measured, String limit, boolean met) {
    static Verdict atLeast(String goal, String what, double measured, double limit) {
        return new Verdict(goal, what, number(measured), "≥ " + number(limit), measured >= limit);
    }

    static Verdict atMost(String goal, String what, double measured, double limit) {
        return new Verdict(goal, what, number(measured), "≤ " + number(limit), measured <= limit);
    }

    /** Where something was not measured, which is never met. */
    static Verdict missing(String goal, String what, String why) {
        return new Verdict(goal, what, why, "", false);
    }

    /** A line of a table. */
    String row() {
        return "| " + goal + " | " + what + " | " + measured + " | " + limit + " | " + (met ? "met" : "**MISSED**")
                + " |\n";
    }

    static double median(double... numbers) {
        double[] sorted = numbers.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** As many digits as say something. */
    static String number(double value) {
        if (value >= 1_000) {
            return String.format(Locale.ROOT, "%,.0f", value);
        }
        return String.format(
                Locale.ROOT, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : value < 0.1 ? "%.4f" : "%.3f", value);
    }
}
