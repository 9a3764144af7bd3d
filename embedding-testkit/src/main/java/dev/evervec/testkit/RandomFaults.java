package dev.evervec.testkit;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

final class RandomFaults implements FaultScript {
    private static final int EMBED_KINDS = 19;
    private static final int REWRITE_KINDS = 8;

    private final long seed;
    private final double rate;

    RandomFaults(long seed, double rate) {
        if (!(rate >= 0 && rate <= 1)) {
            throw new IllegalArgumentException("rate must be from 0 to 1: " + rate);
        }
        this.seed = seed;
        this.rate = rate;
    }

    @Override
    public @Nullable Fault onEmbed(int callNumber, List<String> texts) {
        Random random = randomOf(callNumber, 1);
        if (random.nextDouble() >= rate) {
            return null;
        }
        int kind = random.nextInt(EMBED_KINDS);
        int index = random.nextInt(texts.size());
        return switch (kind) {
            case 6 -> Fault.malformedAnswer();
            case 7 -> Fault.notANumberAt(index);
            case 8 -> Fault.zeroAt(index);
            case 9 -> Fault.missingAt(index);
            case 10 -> Fault.shuffled(random.nextLong());
            case 11 -> Fault.duplicateIndex(index);
            case 12 -> Fault.unknownIndex();
            case 13 -> Fault.infinityAt(index);
            case 14 -> Fault.nullAt(index);
            case 15 -> Fault.extraVector();
            case 16 -> Fault.oneVectorForAll();
            case 17 -> Fault.absentIndices();
            case 18 -> Fault.endlessAnswer();
            default -> ofAnyCall(kind, random);
        };
    }

    @Override
    public @Nullable Fault onRewrite(int callNumber, String prompt) {
        Random random = randomOf(callNumber, 2);
        if (random.nextDouble() >= rate) {
            return null;
        }
        int kind = random.nextInt(REWRITE_KINDS);
        return switch (kind) {
            case 6 -> Fault.thoughtsFirst();
            case 7 -> Fault.promptFirst();
            default -> ofAnyCall(kind, random);
        };
    }

    private static Fault ofAnyCall(int kind, Random random) {
        return switch (kind) {
            case 0 -> Fault.rateLimited(null);
            case 1 -> Fault.rateLimited(Duration.ofMillis(1 + random.nextInt(5_000)));
            case 2 -> Fault.serverError();
            case 3 -> Fault.serverError(503, Duration.ofSeconds(1));
            case 4 -> Fault.timeout();
            default -> Fault.connectionReset();
        };
    }

    /** Neighbouring seeds of {@link Random} begin alike, so the call's number is spread over all bits first. */
    private Random randomOf(int callNumber, int stream) {
        return new Random(VectorOracle.mix(seed + VectorOracle.mix(2L * callNumber + stream)));
    }

    @Override
    public String toString() {
        return "random faults[seed=" + seed + ", rate=" + rate + "]";
    }
}
