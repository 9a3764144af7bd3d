package dev.evervec.pipeline.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What every {@link RecordSource} must do. Extended by the tests of each. */
public abstract class RecordSourceContract {
    /** A source whose records are exactly these; called again, it replaces those of the call before. */
    protected abstract RecordSource sourceOf(List<SourceRecord> records) throws Exception;

    /** Turns an id into one that the source under test can have. */
    protected String id(int number) {
        return "id-" + number;
    }

    /** Whether ids may be any text. */
    protected boolean takesTextIds() {
        return true;
    }

    @Test
    public void pagesOfEverySizeGiveEveryRecordOnce() throws Exception {
        List<SourceRecord> records = someRecords(23);
        RecordSource source = sourceOf(records);

        for (int size = 1; size <= records.size() + 1; size++) {
            List<ScanPage> pages = pages(source, null, size, Long.MAX_VALUE);
            assertThat(pages).allSatisfy(p -> assertThat(p.unreadable()).isEmpty());
            for (ScanPage page : pages) {
                assertThat(page.records()).hasSizeBetween(1, size);
            }
            assertSameRecords(recordsOf(pages), records);
        }
    }

    @Test
    public void aPageStaysWithinItsBytes() throws Exception {
        List<SourceRecord> records = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            records.add(SourceRecord.of("a", id(i), null, "é".repeat(50 * (1 + i % 4))));
        }
        RecordSource source = sourceOf(records);

        for (long maxBytes : new long[] {1, 100, 350, 1000, 5000}) {
            List<ScanPage> pages = pages(source, null, 7, maxBytes);
            assertSameRecords(recordsOf(pages), records);
            for (ScanPage page : pages) {
                long bytes = page.records().stream()
                        .mapToLong(r -> r.content().getBytes(StandardCharsets.UTF_8).length)
                        .sum();
                assertThat(page.records().size() == 1 || bytes <= maxBytes)
                        .as("%d bytes in %d records", bytes, page.records().size())
                        .isTrue();
            }
        }
    }

    @Test
    public void anEmptySourceHasNoPageAndNoSources() throws Exception {
        RecordSource source = sourceOf(List.of());

        try (RecordScan scan = source.scan(null)) {
            assertThat(scan.next(10, 1000)).isNull();
            assertThat(scan.next(10, 1000)).isNull();
        }
        assertThat(source.sources()).isEmpty();
        assertThat(source.fetch(List.of()).records()).isEmpty();
        assertThat(source.fetch(List.of(new RecordRef(new RecordKey("a", id(1)), Locator.NONE)))
                        .records())
                .isEmpty();
    }

    @Test
    public void fetchGivesWhatTheScanGave() throws Exception {
        RecordSource source = sourceOf(someRecords(40));
        List<SourceRecord> scanned = recordsOf(pages(source, null, 7, Long.MAX_VALUE));
        List<SourceRecord> shuffled = new ArrayList<>(scanned);
        Collections.shuffle(shuffled, new Random(1));

        FetchedRecords fetched = source.fetch(refs(shuffled));

        assertThat(fetched.unreadable()).isEmpty();
        assertSameRecords(new ArrayList<>(fetched.records().values()), scanned);
    }

    @Test
    public void aScanOfOneSourceGivesItsRecordsOnly() throws Exception {
        List<SourceRecord> records = someRecords(30);
        RecordSource source = sourceOf(records);

        assertThat(source.sources()).containsExactlyInAnyOrder("a", "b", "default");
        for (String name : List.of("a", "b", "default", "nowhere")) {
            List<SourceRecord> wanted =
                    records.stream().filter(r -> r.key().source().equals(name)).toList();
            for (int size : new int[] {1, 4, 100}) {
                assertSameRecords(recordsOf(pages(source, name, size, Long.MAX_VALUE)), wanted);
            }
        }
    }

    @Test
    public void theSameIdInTwoSourcesIsTwoRecords() throws Exception {
        List<SourceRecord> records = List.of(
                SourceRecord.of("a", id(1), "in a", "text of a"), SourceRecord.of("b", id(1), "in b", "text of b"));
        RecordSource source = sourceOf(records);

        List<SourceRecord> scanned = recordsOf(pages(source, null, 1, Long.MAX_VALUE));

        assertSameRecords(scanned, records);
        assertSameRecords(new ArrayList<>(source.fetch(refs(scanned)).records().values()), records);
    }

    @Test
    public void vanishedRecordsAreAbsentAndTheOthersAreFound() throws Exception {
        List<SourceRecord> records = someRecords(20);
        List<SourceRecord> scanned = recordsOf(pages(sourceOf(records), null, 100, Long.MAX_VALUE));
        List<SourceRecord> left =
                records.stream().filter(r -> r.content().hashCode() % 3 != 0).toList();
        assertThat(left).hasSizeBetween(1, records.size() - 1);

        FetchedRecords fetched = sourceOf(left).fetch(refs(scanned));

        assertThat(fetched.unreadable()).isEmpty();
        assertSameRecords(new ArrayList<>(fetched.records().values()), left);
    }

    @Test
    public void changedTextIsFetchedFresh() throws Exception {
        List<SourceRecord> records = someRecords(12);
        List<SourceRecord> scanned = recordsOf(pages(sourceOf(records), null, 5, Long.MAX_VALUE));
        List<SourceRecord> changed = new ArrayList<>();
        for (SourceRecord record : records) {
            changed.add(SourceRecord.of(
                    record.key().source(), record.key().id(), "new title", record.content() + " changed"));
        }

        FetchedRecords fetched = sourceOf(changed).fetch(refs(scanned));

        assertSameRecords(new ArrayList<>(fetched.records().values()), changed);
    }

    @Test
    public void recordsAreFoundByKeyAlone() throws Exception {
        List<SourceRecord> records = someRecords(10);
        RecordSource source = sourceOf(records);
        List<RecordRef> byKey =
                records.stream().map(r -> new RecordRef(r.key(), Locator.NONE)).toList();

        assertSameRecords(new ArrayList<>(source.fetch(byKey).records().values()), records);
    }

    @Test
    public void awkwardIdsComeThroughUnchanged() throws Exception {
        if (!takesTextIds()) {
            return;
        }
        List<SourceRecord> records = new ArrayList<>();
        for (String id : List.of(
                "it's",
                "say \"hi\"",
                "back\\slash",
                "a/b?c=d&e",
                "100%_",
                "Ünïcødé",
                "数学题目",
                "رياضيات",
                "🧮",
                "e\u0301",
                "\u00e9",
                " leading",
                "007",
                "7",
                "7.0",
                "-1",
                "null",
                "ID",
                "id",
                "x".repeat(512),
                "é".repeat(256),
                "'; drop table records; --")) {
            records.add(SourceRecord.of("a", id, null, "text of " + id.length()));
        }
        RecordSource source = sourceOf(records);

        for (int size : new int[] {1, 2, 5, 100}) {
            List<SourceRecord> scanned = recordsOf(pages(source, null, size, Long.MAX_VALUE));
            assertSameRecords(scanned, records);
            assertSameRecords(
                    new ArrayList<>(source.fetch(refs(scanned)).records().values()), records);
        }
    }

    @Test
    public void bigAndBlankContentComesThroughUnchanged() throws Exception {
        List<SourceRecord> records = List.of(
                SourceRecord.of("a", id(1), "", ""),
                SourceRecord.of("a", id(2), null, "  \n\t "),
                SourceRecord.of("a", id(3), "title", "<p>x&nbsp;&lt; 2</p>\r\n\"quoted\" \\ 🧮"),
                SourceRecord.of("a", id(4), null, "wörter und 数学 ".repeat(60_000)));
        RecordSource source = sourceOf(records);

        List<SourceRecord> scanned = recordsOf(pages(source, null, 100, 1000));

        assertSameRecords(scanned, records);
        assertSameRecords(new ArrayList<>(source.fetch(refs(scanned)).records().values()), records);
    }

    @Test
    public void anySetOfRecordsIsScannedAndFetchedWhole() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 8; round++) {
            List<SourceRecord> records = randomRecords(random);
            RecordSource source = sourceOf(records);
            int size = 1 + random.nextInt(20);
            long bytes = 1 + random.nextInt(2000);

            List<SourceRecord> scanned = recordsOf(pages(source, null, size, bytes));

            String detail = "seed " + seed + ", round " + round + ", " + records.size() + " records";
            assertThat(byKey(scanned)).as(detail).isEqualTo(byKey(records));
            assertThat(scanned).as(detail).hasSameSizeAs(records);
            assertThat(byKey(source.fetch(refs(scanned)).records().values()))
                    .as(detail)
                    .isEqualTo(byKey(records));
        }
    }

    /** All pages of a scan. */
    protected static List<ScanPage> pages(RecordSource source, @Nullable String name, int maxRecords, long maxBytes) {
        List<ScanPage> pages = new ArrayList<>();
        try (RecordScan scan = source.scan(name)) {
            for (ScanPage page = scan.next(maxRecords, maxBytes);
                    page != null;
                    page = scan.next(maxRecords, maxBytes)) {
                pages.add(page);
            }
        }
        return pages;
    }

    /** The records of some pages. */
    protected static List<SourceRecord> recordsOf(List<ScanPage> pages) {
        return pages.stream().flatMap(p -> p.records().stream()).toList();
    }

    /** What is to be fetched to get these records again. */
    protected static List<RecordRef> refs(List<SourceRecord> records) {
        return records.stream().map(r -> new RecordRef(r.key(), r.locator())).toList();
    }

    /** Compares keys, titles and contents; locators and order are the source's own. */
    protected static void assertSameRecords(List<SourceRecord> actual, List<SourceRecord> expected) {
        assertThat(actual.stream().map(SourceRecord::key))
                .containsExactlyInAnyOrderElementsOf(
                        expected.stream().map(SourceRecord::key).toList());
        assertThat(byKey(actual)).isEqualTo(byKey(expected));
    }

    private static Map<RecordKey, List<@Nullable String>> byKey(Iterable<SourceRecord> records) {
        Map<RecordKey, List<@Nullable String>> byKey = new LinkedHashMap<>();
        for (SourceRecord record : records) {
            List<@Nullable String> texts = new ArrayList<>();
            texts.add(record.title());
            texts.add(record.content());
            byKey.put(record.key(), texts);
        }
        return byKey;
    }

    private List<SourceRecord> someRecords(int count) {
        List<SourceRecord> records = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String source = i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : RecordKey.DEFAULT_SOURCE;
            records.add(SourceRecord.of(source, id(i), i % 2 == 0 ? "title " + i : null, "content of " + i));
        }
        return records;
    }

    private List<SourceRecord> randomRecords(Random random) {
        Map<RecordKey, SourceRecord> records = new LinkedHashMap<>();
        int count = random.nextInt(60);
        for (int i = 0; i < count; i++) {
            String source = random.nextBoolean() ? "a" : "s" + random.nextInt(3);
            String text = "word ".repeat(random.nextInt(200)) + (random.nextInt(5) == 0 ? "数 🧮" : "");
            SourceRecord record = SourceRecord.of(source, id(random.nextInt(1_000_000)), null, text);
            records.put(record.key(), record);
        }
        return new ArrayList<>(records.values());
    }
}
