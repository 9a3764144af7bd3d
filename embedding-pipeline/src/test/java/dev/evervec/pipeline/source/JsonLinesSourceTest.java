package dev.evervec.pipeline.source;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonLinesSourceTest extends RecordSourceContract {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    @Override
    protected RecordSource sourceOf(List<SourceRecord> records) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (SourceRecord record : records) {
            ObjectNode line = JSON.createObjectNode().put("id", record.key().id());
            if (!record.key().source().equals(RecordKey.DEFAULT_SOURCE)) {
                line.put("source", record.key().source());
            }
            if (record.title() != null) {
                line.put("title", record.title());
            }
            lines.append(line.put("content", record.content())).append('\n');
        }
        return source(lines.toString());
    }

    @Test
    void readsIntegersNullsUnknownNamesBlankLinesAndWindowsLineEnds() throws IOException {
        RecordSource source = source("\uFEFF{\"id\":12,\"content\":\"a\"}\r\n"
                + "\r\n"
                + "   \t\n"
                + "{\"x\":{\"id\":[1,{\"content\":2}]},\"id\":-3,\"source\":null,\"title\":null,\"content\":\"b\",\"y\":1e400}\r\n"
                + "{\"id\":123456789012345678901234567890,\"content\":\"c\"}");

        List<SourceRecord> records = readAll(source);

        assertThat(records)
                .extracting(r -> r.key().toString())
                .containsExactly("default/12", "default/-3", "default/123456789012345678901234567890");
        assertThat(records).extracting(SourceRecord::content).containsExactly("a", "b", "c");
        assertThat(source.fetch(refs(records)).records()).hasSize(3);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"content\":\"SECRET\"}                                | id is missing",
                "{\"id\":1.5,\"content\":\"SECRET\"}                     | id is a number with a fraction or exponent",
                "{\"id\":true,\"content\":\"SECRET\"}                    | id is a boolean",
                "{\"id\":null,\"content\":\"SECRET\"}                    | id is null",
                "{\"id\":{\"a\":[1]},\"content\":\"SECRET\"}             | id is an object",
                "{\"id\":[1],\"content\":\"SECRET\"}                     | id is an array",
                "{\"id\":\"\",\"content\":\"SECRET\"}                    | id is empty",
                "{\"id\":\"a\\u0000b\",\"content\":\"SECRET\"}           | id has a control character",
                "{\"id\":\"a\\ud800b\",\"content\":\"SECRET\"}           | unpaired surrogate",
                "{\"id\":7,\"source\":\"all\",\"content\":\"SECRET\"}    | source must not be \"all\"",
                "{\"id\":7,\"source\":\"\",\"content\":\"SECRET\"}       | source is empty",
                "{\"id\":7,\"source\":5,\"content\":\"SECRET\"}          | source is a number",
                "{\"id\":7}                                              | content is missing or null",
                "{\"id\":7,\"content\":null}                             | content is missing or null",
                "{\"id\":7,\"content\":{\"text\":\"SECRET\"}}            | content is an object",
                "{\"id\":7,\"content\":5}                                | content is a number",
                "{\"id\":7,\"title\":[\"SECRET\"],\"content\":\"x\"}     | title is an array",
                "[1,\"SECRET\"]                                          | not a JSON object",
                "\"SECRET\"                                              | not a JSON object",
                "SECRET                                                  | not valid JSON at column",
                "{\"id\":7,\"content\":\"SECRET\"} {}                    | more than one JSON value",
                "{\"id\":7,\"content\":\"SECRET\"}}                      | not valid JSON at column",
                "{\"id\":7,\"content\":\"SECRET\",}                      | not valid JSON at column 28",
                "{\"id\":7,\"content\":\"SECRET                          | not valid JSON at column",
                "{'id':7}                                                | not valid JSON at column 2"
            })
    void aBadLineIsReportedWithItsNumberAndTheOthersAreRead(String line, String problem) throws IOException {
        RecordSource source =
                source("{\"id\":1,\"content\":\"one\"}\n\n" + line + "\n{\"id\":2,\"content\":\"two\"}\n");

        List<ScanPage> pages = pages(source, null, 10, 1000);

        assertThat(recordsOf(pages)).extracting(SourceRecord::content).containsExactly("one", "two");
        assertThat(pages.get(0).unreadable()).singleElement().satisfies(bad -> {
            assertThat(bad.where()).isEqualTo("line 3");
            assertThat(bad.problem()).contains(problem).doesNotContain("SECRET");
        });
    }

    @Test
    void aBadLineTellsItsKeyWhereItCanBeRead() throws IOException {
        RecordSource source = source("{\"id\":7,\"source\":\"a\",\"content\":5}\n"
                + "{\"id\":8,\"source\":\"a\",\"content\":\"cut\n"
                + "{\"id\":9,\"content\":\"cut\n"
                + "{\"content\":\"cut\n");

        List<UnreadableRecord> bad = pages(source, null, 10, 1000).get(0).unreadable();

        // Line 3 may be of any source: lines before it name theirs.
        assertThat(bad)
                .extracting(UnreadableRecord::key)
                .containsExactly(new RecordKey("a", "7"), new RecordKey("a", "8"), null, null);
        assertThat(pages(source, "b", 10, 1000).get(0).unreadable()).hasSize(2);
    }

    @Test
    void aLineThatIsCutOffIsOfTheDefaultSourceInAFileThatNamesNone() throws IOException {
        RecordSource source = source("{\"id\":1,\"content\":\"one\"}\n{\"id\":2,\"content\":\"tw");

        ScanPage page = pages(source, null, 10, 1000).get(0);

        assertThat(page.records()).hasSize(1);
        assertThat(page.unreadable()).singleElement().satisfies(bad -> {
            assertThat(bad.where()).isEqualTo("line 2");
            assertThat(bad.problem()).contains("the last line is cut off");
            assertThat(bad.key()).isEqualTo(new RecordKey("default", "2"));
        });
    }

    @Test
    void bytesThatAreNotUtf8SpoilTheirLineOnly() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes("{\"id\":1,\"content\":\"caf".getBytes(UTF_8));
        bytes.write(0xE9);
        bytes.writeBytes("\"}\n{\"id\":2,\"content\":\"overlong ".getBytes(UTF_8));
        bytes.write(0xC0);
        bytes.write(0x80);
        bytes.writeBytes("\"}\n{\"id\":3,\"content\":\"café\"}\n".getBytes(UTF_8));
        RecordSource source = source(bytes.toByteArray());

        ScanPage page = pages(source, null, 10, 1000).get(0);

        assertThat(page.records()).extracting(SourceRecord::content).containsExactly("café");
        assertThat(page.unreadable())
                .extracting(UnreadableRecord::problem)
                .containsExactly("not valid UTF-8 at byte 23 of the line", "not valid UTF-8 at byte 29 of the line");
        assertThat(page.unreadable())
                .extracting(UnreadableRecord::key)
                .containsExactly(new RecordKey("default", "1"), new RecordKey("default", "2"));
    }

    @Test
    void aLineOverTheCapIsPassedOver() throws IOException {
        String big = "x".repeat(400_000);
        Path file = file(("{\"id\":1,\"content\":\"one\"}\n{\"id\":2,\"content\":\"" + big
                        + "\"}\n{\"id\":3,\"content\":\"three\"}\n{\"id\":4,\"content\":\"" + big + "\"}")
                .getBytes(UTF_8));
        RecordSource source = new JsonLinesSource(file, 1000);

        ScanPage page = pages(source, null, 10, 1000).get(0);

        assertThat(page.records()).extracting(SourceRecord::content).containsExactly("one", "three");
        assertThat(page.unreadable()).extracting(UnreadableRecord::where).containsExactly("line 2", "line 4");
        assertThat(page.unreadable().get(0).problem()).isEqualTo("the line has 400021 bytes; at most 1000 are read");
    }

    @Test
    void idsAndSourcesThatAreTooLongAreReported() throws IOException {
        RecordSource source = source("{\"id\":\"" + "é".repeat(257) + "\",\"content\":\"x\"}\n{\"id\":1,\"source\":\""
                + "s".repeat(129) + "\",\"content\":\"x\"}\n");

        assertThat(pages(source, null, 10, 1000).get(0).unreadable())
                .extracting(UnreadableRecord::problem)
                .containsExactly("id is longer than 512 bytes of UTF-8", "source is longer than 128 bytes of UTF-8");
    }

    @Test
    void deepNestingIsReportedNotFollowed() throws IOException {
        RecordSource source = source("{\"x\":" + "[".repeat(200_000) + "\n{\"id\":1,\"content\":\"one\"}\n");

        ScanPage page = pages(source, null, 10, 1000).get(0);

        assertThat(page.records()).hasSize(1);
        assertThat(page.unreadable())
                .singleElement()
                .satisfies(bad -> assertThat(bad.problem()).contains("nested too deeply"));
    }

    @Test
    void ofADuplicatedIdTheOneAtTheLocatorIsFetched() throws IOException {
        RecordSource source = source("{\"id\":1,\"content\":\"first\"}\n{\"id\":1,\"content\":\"second\"}\n");

        for (SourceRecord record : readAll(source)) {
            assertThat(source.fetch(refs(List.of(record)))
                            .records()
                            .get(record.key())
                            .content())
                    .isEqualTo(record.content());
        }
    }

    @Test
    void recordsThatMovedAreFound() throws IOException {
        RecordSource source = source("{\"id\":1,\"content\":\"one\"}\n{\"id\":2,\"content\":\"two\"}\n");
        List<RecordRef> refs = refs(readAll(source));

        source("{\"id\":0,\"content\":\"zero, and longer\"}\n{\"id\":2,\"content\":\"two, new\"}\n"
                + "{\"x\":{\"id\":1},\"id\":1,\"content\":\"one, new\"}\n");

        assertThat(source.fetch(refs).records().values())
                .extracting(SourceRecord::content)
                .containsExactlyInAnyOrder("one, new", "two, new");
    }

    @Test
    void aRecordWhoseLineBrokeIsUnreadableNotVanished() throws IOException {
        String good =
                "{\"id\":1,\"content\":\"one\"}\n{\"id\":2,\"content\":\"two\"}\n{\"id\":3,\"content\":\"three\"}\n";
        RecordSource source = source(good);
        List<RecordRef> refs = refs(readAll(source));

        source("{\"id\":1,\"content\":12345}\nxxxxxxxxxxxxxxxxxxxxxxxx\n" + "{\"id\":4}\n");

        FetchedRecords fetched = source.fetch(refs);
        assertThat(fetched.records()).isEmpty();
        // What stands in the place of 3 is another record.
        assertThat(fetched.unreadable()).containsOnlyKeys(new RecordKey("default", "1"), new RecordKey("default", "2"));
    }

    @Test
    void aScanGoesOnInTheOldFileWhenItIsReplaced() throws IOException {
        Path file = file("{\"id\":1,\"content\":\"one\"}\n{\"id\":2,\"content\":\"two\"}\n".getBytes(UTF_8));
        try (RecordScan scan = JsonLinesSource.of(file).scan(null)) {
            scan.next(1, 1000);
            Files.delete(file);
            Files.writeString(file, "");

            assertThat(scan.next(1, 1000))
                    .isNotNull()
                    .satisfies(p -> assertThat(p.records())
                            .extracting(SourceRecord::content)
                            .containsExactly("two"));
        }
    }

    @Test
    void anUnusableFileIsRefusedWithWhatToDo() throws IOException {
        Path gzip = folder.resolve("records.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(gzip))) {
            out.write("{}".getBytes(UTF_8));
        }
        Path utf16 = folder.resolve("utf16.jsonl");
        Files.write(utf16, "\uFEFF{\"id\":1}".getBytes(StandardCharsets.UTF_16LE));

        assertRefused(folder.resolve("none.jsonl"), "none.jsonl: there is no such file. Check the path.");
        assertRefused(folder, "it is a folder");
        assertRefused(gzip, "compressed with gzip. Unpack it first");
        assertRefused(utf16, "UTF-16. Convert it to UTF-8");
    }

    @Test
    void aThousandBrokenLinesComeInPages() throws IOException {
        RecordSource source = source("{broken\n".repeat(1000) + "{\"id\":1,\"content\":\"one\"}\n");

        List<ScanPage> pages = pages(source, null, 64, 1000);

        assertThat(pages)
                .allSatisfy(p ->
                        assertThat(p.records().size() + p.unreadable().size()).isLessThanOrEqualTo(64));
        assertThat(pages.stream().mapToInt(p -> p.unreadable().size()).sum()).isEqualTo(1000);
        assertThat(recordsOf(pages)).hasSize(1);
    }

    @Test
    void anyMixOfGoodAndBrokenLinesGivesTheGoodOnes() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 20; round++) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            List<String> good = new ArrayList<>();
            List<String> broken = new ArrayList<>();
            int lines = random.nextInt(60);
            for (int i = 1; i <= lines; i++) {
                byte[] line = ("{\"id\":" + i + ",\"content\":\"" + "é".repeat(random.nextInt(50_000)) + "\"}")
                        .getBytes(UTF_8);
                if (random.nextInt(4) == 0) {
                    // Any cut of a line breaks it.
                    line = Arrays.copyOf(line, 1 + random.nextInt(line.length - 1));
                    broken.add("line " + i);
                } else {
                    good.add(String.valueOf(i));
                }
                bytes.writeBytes(line);
                bytes.write('\n');
            }

            List<ScanPage> pages = pages(source(bytes.toByteArray()), null, 1 + random.nextInt(9), 100_000);

            assertThat(recordsOf(pages))
                    .as("seed " + seed)
                    .extracting(r -> r.key().id())
                    .isEqualTo(good);
            assertThat(pages.stream().flatMap(p -> p.unreadable().stream()).map(UnreadableRecord::where))
                    .as("seed " + seed)
                    .containsExactlyElementsOf(broken);
        }
    }

    private static void assertRefused(Path file, String message) {
        RecordSource source = JsonLinesSource.of(file);
        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(() -> source.scan(null).close())
                .withMessageContaining(message);
        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(() -> source.fetch(List.of()))
                .withMessageContaining(message);
        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(source::sources)
                .withMessageContaining(message);
    }

    private static List<SourceRecord> readAll(RecordSource source) {
        return recordsOf(pages(source, null, 100, 1_000_000));
    }

    private RecordSource source(String lines) throws IOException {
        return source(lines.getBytes(UTF_8));
    }

    private RecordSource source(byte[] bytes) throws IOException {
        return JsonLinesSource.of(file(bytes));
    }

    private Path file(byte[] bytes) throws IOException {
        Path file = folder.resolve("records.jsonl");
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
            out.write(bytes);
        }
        return file;
    }
}
