package dev.evervec.pipeline;

import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.Embedding;
import dev.evervec.testkit.ScriptedProvider;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A host that goes on writing while jobs read: its table, every text it ever wrote and what services make of them. No record
 * gets a text again that it had before.
 */
final class Host implements RecordSource {
    /**
     * A text of the host.
     *
     * @param content what it wrote
     * @param contentHash what a ledger remembers of it
     * @param preparedHash what its rewrite is kept under
     * @param sent what is sent to be embedded
     * @param sentHash the hash of that
     * @param vector the only right vector
     * @param trait what services make of it
     */
    record Text(
            String content,
            Sha256 contentHash,
            Sha256 preparedHash,
            String sent,
            Sha256 sentHash,
            Embedding vector,
            Trait trait) {
        boolean isBlank() {
            return content.isBlank();
        }
    }

    private static final String NOTHING = "<p></p>";
    private static final String PADDING = "and so on ".repeat(8);

    private final Random random;
    private final ScriptedProvider embedder;
    private final boolean rewriting;
    private final List<Trait> traits;
    private final double traitRate;
    private final Map<RecordKey, @Nullable Text> table = new LinkedHashMap<>();
    private final List<RecordKey> keys = new ArrayList<>();
    private final Map<String, Text> bySent = new HashMap<>();
    private final Map<String, Text> byPrompt = new HashMap<>();
    private final Map<RecordKey, @Nullable Text> lastFetched = new HashMap<>();
    private int written;

    Host(Random random, ScriptedProvider embedder, boolean rewriting, List<Trait> traits, double traitRate) {
        this.random = random;
        this.embedder = embedder;
        this.rewriting = rewriting;
        this.traits = traits;
        this.traitRate = traitRate;
    }

    // ---- writing ----

    void insert() {
        RecordKey key = new RecordKey("s" + keys.size() % 3, "id-" + keys.size());
        keys.add(key);
        table.put(key, someText());
    }

    void change(RecordKey key) {
        table.put(key, someText());
    }

    void delete(RecordKey key) {
        table.put(key, null);
    }

    /** Any of its keys, be there a record or not. */
    RecordKey someKey() {
        return keys.get(random.nextInt(keys.size()));
    }

    private Text someText() {
        int kind = random.nextInt(100);
        if (kind == 0) {
            return text("  ", Trait.NOTHING_BUT_MARKUP);
        } else if (kind == 1) {
            return text(NOTHING, Trait.NOTHING_BUT_MARKUP);
        }
        Trait trait = random.nextDouble() < traitRate && !traits.isEmpty()
                ? traits.get(random.nextInt(traits.size()))
                : Trait.HARMLESS;
        int times = random.nextInt(20) == 0 ? 2 : 1;
        String content = "text " + ++written + " of the host " + PADDING.substring(0, random.nextInt(PADDING.length()));
        return times == 1 ? text(content, trait) : twin(content, trait);
    }

    /** The same text for a second record, which has none yet. */
    private Text twin(String content, Trait trait) {
        Text text = text(content, trait);
        RecordKey key = new RecordKey("s" + keys.size() % 3, "id-" + keys.size());
        keys.add(key);
        table.put(key, text);
        return text;
    }

    private Text text(String content, Trait trait) {
        String prepared = TextPreparer.prepare(null, content);
        String prompt = "Rewrite: " + prepared;
        String sent = rewriting ? ScriptedProvider.rewriteOf(prompt) : prepared;
        Text text = new Text(
                content,
                Sha256.ofContent(null, content),
                Sha256.ofText(prepared),
                sent,
                Sha256.ofText(sent),
                embedder.vectorOf(sent),
                trait);
        bySent.put(sent, text);
        byPrompt.put(prompt, text);
        return text;
    }

    // ---- what is true ----

    int size() {
        return keys.size();
    }

    List<RecordKey> keys() {
        return keys;
    }

    /** What the record has now, or null if there is no such record. */
    @Nullable
    Text textOf(RecordKey key) {
        return table.get(key);
    }

    /** What a job read when it last asked for the record, or null if it did not find it. */
    @Nullable
    Text lastFetched(RecordKey key) {
        return lastFetched.get(key);
    }

    Trait traitOfSent(String sent) {
        Text text = bySent.get(sent);
        return text == null ? Trait.HARMLESS : text.trait();
    }

    /** The text that is to be rewritten, or null if the prompt is not about one. */
    @Nullable
    Text textOfPrompt(String prompt) {
        return byPrompt.get(prompt);
    }

    // ---- reading ----

    @Override
    public RecordScan scan(@Nullable String source) {
        return new RecordScan() {
            private int position;

            @Override
            public @Nullable ScanPage next(int maxRecords, long maxBytes) {
                List<SourceRecord> page = new ArrayList<>();
                while (position < keys.size() && page.size() < maxRecords) {
                    RecordKey key = keys.get(position++);
                    Text text = table.get(key);
                    if (text != null && (source == null || source.equals(key.source()))) {
                        page.add(SourceRecord.of(key.source(), key.id(), null, text.content()));
                    }
                }
                return page.isEmpty() ? null : new ScanPage(page, List.of());
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public FetchedRecords fetch(List<RecordRef> refs) {
        Map<RecordKey, SourceRecord> found = new HashMap<>();
        for (RecordRef ref : refs) {
            RecordKey key = ref.key();
            Text text = table.get(key);
            lastFetched.put(key, text);
            if (text != null) {
                found.put(key, SourceRecord.of(key.source(), key.id(), null, text.content()));
            }
        }
        return new FetchedRecords(found, Map.of());
    }

    @Override
    public Set<String> sources() {
        Set<String> names = new TreeSet<>();
        keys.forEach(key -> names.add(key.source()));
        return names;
    }
}
