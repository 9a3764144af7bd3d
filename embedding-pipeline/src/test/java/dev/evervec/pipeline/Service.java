package dev.evervec.pipeline;

import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** What the providers of a story answer wrongly: first what troubles the service, then what it makes of the texts. */
final class Service implements FaultScript {
    private record Script(Trouble trouble, FaultScript faults) {}

    private final Host host;
    private final Truth truth;
    private final Random random;
    private final ManualClock clock;
    private final Tally tally;
    private final List<Script> scripts = new ArrayList<>();

    Service(Host host, Truth truth, Random random, ManualClock clock, Tally tally) {
        this.host = host;
        this.truth = truth;
        this.random = random;
        this.clock = clock;
        this.tally = tally;
    }

    // ---- what troubles it ----

    /** A trouble that is not one of services changes nothing. */
    void with(Trouble trouble) {
        FaultScript faults = switch (trouble) {
            case CHANCE, CHANCE_IN_REWRITING -> FaultScript.random(random.nextLong(), random.nextDouble() * 0.4);
            case FEWER_TEXTS -> FaultScript.maxTexts(1 + random.nextInt(10));
            case FEWER_TOKENS -> FaultScript.maxTokens(60 + random.nextInt(200));
            case FEWER_BYTES -> FaultScript.maxBytes(150 + random.nextInt(1000));
            case LESS_OF_SOMETHING -> {
                int most = 1 + random.nextInt(10);
                yield (call, texts) -> texts.size() > most ? Fault.tooLarge() : null;
            }
            case FALSE_REFUSAL -> sometimes((call, texts) -> texts.size() > 1 ? Fault.badText() : null);
            case FALSE_REFUSAL_BY_NAME ->
                sometimes((call, texts) -> texts.size() > 1 ? Fault.badTextAt(random.nextInt(texts.size())) : null);
            case QUOTA -> FaultScript.nextCalls(1 + random.nextInt(8), Fault.rateLimited(null));
            case QUOTA_IN_REWRITING -> someRewrites(Fault.rateLimited(Duration.ofMillis(random.nextInt(90_000))));
            case QUOTA_WITH_TOLD_WAIT ->
                FaultScript.nextCalls(
                        1 + random.nextInt(8), Fault.rateLimited(Duration.ofMillis(random.nextInt(90_000))));
            case STORM_OF_SERVER_ERRORS -> storm();
            case OUTAGE -> outage(Duration.ofMillis(random.nextInt(280_000)));
            case OUTAGE_IN_REWRITING -> ofRewrites(outage(Duration.ofMillis(random.nextInt(280_000))));
            case QUOTA_FOR_TOO_LONG -> later(Fault.rateLimited(Duration.ofHours(30)));
            case OUTAGE_FOR_TOO_LONG -> outage(Duration.ofHours(3));
            case OUTAGE_FOR_TOO_LONG_IN_REWRITING -> ofRewrites(outage(Duration.ofHours(3)));
            case KEY_REVOKED -> later(Fault.keyRefused());
            case KEY_REVOKED_IN_REWRITING -> ofRewrites(later(Fault.keyRefused()));
            case OTHER_DIMENSION_ALWAYS -> FaultScript.always(Fault.wrongDimension(5));
            case REFUSES_EVERYTHING -> FaultScript.always(Fault.badText());
            case REFUSES_EVERYTHING_LATER -> later(Fault.badText());
            default -> null;
        };
        if (faults != null) {
            scripts.add(new Script(trouble, faults));
        }
    }

    private FaultScript sometimes(FaultScript faults) {
        double rate = random.nextDouble() * 0.5;
        return (call, texts) -> random.nextDouble() < rate ? faults.onEmbed(call, texts) : null;
    }

    private FaultScript storm() {
        int[] left = {10 + random.nextInt(40)};
        return (call, texts) -> left[0]-- > 0 && random.nextInt(10) > 0 ? Fault.serverError(529, null) : null;
    }

    /** The calls of this script count from the first one of the job. */
    private FaultScript later(Fault fault) {
        int[] before = {random.nextInt(20)};
        return (call, texts) -> before[0]-- <= 0 ? fault : null;
    }

    private FaultScript outage(Duration length) {
        Instant begin = clock.instant().plusMillis(random.nextInt(3_000));
        Instant end = begin.plus(length);
        BooleanSupplier lasts =
                () -> !clock.instant().isBefore(begin) && clock.instant().isBefore(end);
        return (call, texts) ->
                lasts.getAsBoolean() ? random.nextBoolean() ? Fault.connectionReset() : Fault.serverError() : null;
    }

    private FaultScript someRewrites(Fault fault) {
        return FaultScript.nextRewrites(1 + random.nextInt(8), fault);
    }

    private static FaultScript ofRewrites(FaultScript faults) {
        return new FaultScript() {
            @Override
            public @Nullable Fault onEmbed(int callNumber, List<String> texts) {
                return null;
            }

            @Override
            public @Nullable Fault onRewrite(int callNumber, String prompt) {
                return faults.onEmbed(callNumber, List.of(prompt));
            }
        };
    }

    // ---- calls ----

    @Override
    public @Nullable Fault onEmbed(int callNumber, List<String> texts) {
        for (Script script : scripts) {
            Fault fault =
                    script.trouble().isOfRewriting() ? null : script.faults().onEmbed(callNumber, texts);
            if (fault != null) {
                return met(script.trouble(), fault);
            }
        }
        return ofTexts(texts);
    }

    private @Nullable Fault ofTexts(List<String> texts) {
        int spoiled = -1;
        for (int i = 0; i < texts.size(); i++) {
            Trait trait = host.traitOfSent(texts.get(i));
            if (trait.spoilsTheAnswer()) {
                spoiled = i;
            } else if (trait.ofEmbedding(i, texts.size()) != null) {
                return ofText(trait, i, texts.size());
            }
        }
        return spoiled < 0 ? null : ofText(host.traitOfSent(texts.get(spoiled)), spoiled, texts.size());
    }

    private @Nullable Fault ofText(Trait trait, int index, int texts) {
        tally.met("text " + trait);
        return trait.ofEmbedding(index, texts);
    }

    @Override
    public @Nullable Fault onRewrite(int callNumber, String prompt) {
        Host.Text text = host.textOfPrompt(prompt);
        if (text != null) {
            truth.rewriteAsked(text);
        }
        Fault fault = faultOfRewrite(callNumber, prompt, text == null ? Trait.HARMLESS : text.trait());
        if (text != null && fault == null) {
            truth.rewriteBought(text);
        }
        return fault;
    }

    private @Nullable Fault faultOfRewrite(int callNumber, String prompt, Trait trait) {
        for (Script script : scripts) {
            Fault fault = script.trouble().isOfRewriting() ? script.faults().onRewrite(callNumber, prompt) : null;
            if (fault != null) {
                return met(script.trouble(), fault);
            }
        }
        if (trait.isOfRewrites()) {
            tally.met("text " + trait);
        }
        return trait.ofRewrite();
    }

    private Fault met(Trouble trouble, Fault fault) {
        if (trouble == Trouble.CHANCE || trouble == Trouble.CHANCE_IN_REWRITING) {
            tally.met("chance: " + fault.name());
        }
        tally.met("trouble " + trouble);
        return fault;
    }
}
