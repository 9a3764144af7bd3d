package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.it.GeneratedRecords.Kind;
import dev.evervec.it.TcpProxy.Link;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.SourceStats;
import dev.evervec.pipeline.store.StoredVector;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Generated records, a PostgreSQL server behind a proxy, and workers that share the work on it, each in a process of its own.
 * However they end, their books are kept here: what was paid for, and how much of that may have been in vain.
 */
final class SharedSite implements AutoCloseable {
    static final String DATABASE = "shared";
    static final Duration LEASE = Duration.ofSeconds(4);
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final Fingerprint FINGERPRINT = SharedBuild.fingerprint();
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final int records;
    private final PostgresServer server;
    private final TcpProxy proxy;
    private final Map<String, BuildProcess> working = new LinkedHashMap<>();
    private final List<BuildProcess> all = new ArrayList<>();
    private int mayBeTwice;

    /**
     * How a worker came to its end.
     *
     * @param code its exit code
     * @param output all that it said
     * @param report the last of that
     */
    record End(int code, String output, JsonNode report) {
        long count(String kind) {
            JsonNode counts = report.path(kind);
            long sum = counts.asLong();
            for (JsonNode count : counts) {
                sum += count.asLong();
            }
            return sum;
        }

        /** Whether it said more than what it did. */
        boolean stopped() {
            return code == 2 || output.lines().count() > 1;
        }

        boolean failedFor(String reason) {
            return report.path("failed").has(reason);
        }
    }

    SharedSite(Path folder, int records) throws IOException, SQLException {
        this.folder = folder;
        this.records = records;
        this.server = PostgresServer.start(folder).withDatabase(DATABASE);
        this.proxy = TcpProxy.to(server.port());
    }

    PostgresServer server() {
        return server;
    }

    // ---- workers ----

    /** One more worker, which begins at once. */
    BuildProcess hire(Traffic traffic) throws IOException {
        String name = "worker-" + (all.size() + 1);
        // What comes through a dead network is given up before the lease is over.
        String url = PostgresServer.url(proxy.port(), DATABASE) + "&socketTimeout=3";
        SharedBuild.Settings settings = new SharedBuild.Settings(name, url, records, LEASE);
        BuildProcess worker = BuildProcess.start(settings, traffic, log(name)).go();
        working.put(name, worker);
        all.add(worker);
        return worker;
    }

    Path log(String worker) {
        return folder.resolve(worker + ".log");
    }

    List<BuildProcess> working() {
        return List.copyOf(working.values());
    }

    /** How many texts all workers have sent so far. */
    int sent() {
        return all.stream().mapToInt(worker -> worker.traffic().size()).sum();
    }

    /** SIGKILL; what it had in flight may be paid for once more. */
    void kill(BuildProcess worker) throws SQLException {
        List<Link> links = links(worker);
        worker.kill();
        working.remove(worker.jobId());
        links.forEach(Link::cut);
        awaitNoConnection(worker);
        long inFlight = inFlight(worker);
        assertThat(inFlight).as("texts in flight when a worker was killed").isLessThanOrEqualTo(SharedBuild.MOST_TEXTS);
        mayBeTwice += (int) inFlight;
    }

    /** Its connections, whether anything comes through or not. */
    List<Link> links(BuildProcess worker) throws SQLException {
        List<String> ports = server.strings(
                DATABASE, "select client_port from pg_stat_activity where application_name = '" + worker.jobId() + "'");
        return proxy.links().stream()
                .filter(link -> ports.contains(Integer.toString(link.port())))
                .toList();
    }

    /** Until then a transaction that it had sent may still be committed. */
    private void awaitNoConnection(BuildProcess worker) {
        await().atMost(PATIENCE).until(() -> links(worker).isEmpty() && connections(worker) == 0);
    }

    private long connections(BuildProcess worker) throws SQLException {
        return Long.parseLong(server.strings(
                        DATABASE,
                        "select count(*) from pg_stat_activity where application_name = '" + worker.jobId() + "'")
                .get(0));
    }

    private long inFlight(BuildProcess worker) {
        Set<Sha256> stored = new HashSet<>();
        try (EmbeddingStore store = open()) {
            store.forEachVector(FINGERPRINT, null, vector -> stored.add(vector.textHash()));
        }
        return worker.traffic().texts().stream()
                .filter(text -> !stored.contains(Sha256.ofText(text)))
                .count();
    }

    /** Waits for its end, which must be an orderly one. */
    End end(BuildProcess worker) throws IOException, InterruptedException {
        int code = worker.exitCode();
        working.remove(worker.jobId());
        String output = worker.output().replaceFirst("^" + KilledBuild.READY + "\\R", "");
        assertThat(code)
                .as("exit code of %s, which said %s", worker.jobId(), output)
                .isBetween(0, 2);
        String last = output.lines().reduce("", (before, line) -> line);
        End end = new End(code, output, code == 2 ? JSON.createObjectNode() : JSON.readTree(last));
        assertThat(end.count("succeeded") + end.count("skipped") + end.count("failed"))
                .as("records that %s accounts for", end.report)
                .isEqualTo(end.count("total_pending"));
        if (end.failedFor("store_error") || end.failedFor("aborted")) {
            mayBeTwice += SharedBuild.MOST_TEXTS;
        }
        // It was away for longer than its lease and went on: another one did what it had in flight.
        mayBeTwice += end.report.at("/skipped/superseded").asInt();
        return end;
    }

    /**
     * Builds again and again, until a build has found nothing to do: refused texts are tried three times. A worker that
     * came to a bad end counts as alive until its lease is over, and a job goes on until its last worker is dead.
     */
    void finish() throws IOException, InterruptedException {
        await().atMost(PATIENCE).until(() -> leases() == 0);
        for (int builds = 0; builds < 6; builds++) {
            End end = end(hire(Traffic.answered()));
            assertThat(end.stopped()).as(end.output).isFalse();
            if (end.count("total_pending") == 0) {
                return;
            }
        }
        throw new AssertionError("there is always something left to do");
    }

    private long leases() throws SQLException {
        return Long.parseLong(server.strings(
                        DATABASE,
                        "select count(*) from evervec.evervec_worker"
                                + " where ended_at is null and lease_end > extract(epoch from now()) * 1000")
                .get(0));
    }

    // ---- what must be true at the end ----

    void assertNothingIsLostAndNothingIsWrong() throws SQLException {
        try (EmbeddingStore store = open()) {
            assertVectors(store);
            assertStats(store);
        }
        assertNothingIsLeftOver();
        assertBooksBalance();
        assertPaidOnce();
    }

    /** Every record that can be embedded has the vector of its text, once, and no other has one. */
    private void assertVectors(EmbeddingStore store) {
        int[] next = {0};
        store.forEachVector(FINGERPRINT, null, stored -> {
            next[0] = nextEmbedded(next[0]);
            String text = GeneratedRecords.text(next[0]);
            assertThat(stored.key().id()).isEqualTo(GeneratedRecords.id(next[0]));
            assertThat(stored)
                    .isEqualTo(new StoredVector(
                            stored.key(),
                            Sha256.ofText(text),
                            LoopbackServer.openAiVector(KilledBuild.MODEL, text, KilledBuild.DIMENSION)));
            next[0]++;
        });
        assertThat(nextEmbedded(next[0]))
                .as("the first record without its vector")
                .isGreaterThanOrEqualTo(records);
    }

    private static int nextEmbedded(int from) {
        int index = from;
        while (GeneratedRecords.kind(index) != Kind.EMBEDDED) {
            index++;
        }
        return index;
    }

    private void assertStats(EmbeddingStore store) {
        GeneratedRecords expected = GeneratedRecords.sound(records);
        SourceStats stats = store.stats(FINGERPRINT).get(0);
        assertThat(stats.pending()).as("pending").isZero();
        assertThat(stats.embedded()).as("embedded").isEqualTo(expected.count(Kind.EMBEDDED));
        assertThat(stats.failed()).as("failed").isEqualTo(expected.count(Kind.REFUSED));
    }

    private void assertNothingIsLeftOver() throws SQLException {
        assertThat(server.strings(
                        DATABASE,
                        "select number from evervec.evervec_ledger where job is not null or owner is not null"))
                .as("records that are still on a list")
                .isEmpty();
        assertThat(server.strings(DATABASE, "select id from evervec.evervec_job where state = 'running'"))
                .as("jobs that are still running")
                .isEmpty();
        assertSame(
                "kept counts",
                "select generation, source, state, count(*) from evervec.evervec_ledger group by 1, 2, 3",
                "select generation, source, state, records from evervec.evervec_count where records <> 0");
    }

    /** A job's totals are those of all its workers, whatever became of them, and every vector was stored once. */
    private void assertBooksBalance() throws SQLException {
        assertSame(
                "calls of jobs",
                "select number, requests, input_tokens from evervec.evervec_job where requests > 0",
                "select job, sum(requests), sum(input_tokens) from evervec.evervec_usage group by job");
        assertSame(
                "vectors of jobs",
                "select sum(embedded) from evervec.evervec_job",
                "select count(*) from evervec.evervec_ledger where state = 'embedded'");
        assertThat(server.strings(
                        DATABASE, "select deadlocks from pg_stat_database where datname = current_database()"))
                .as("deadlocks")
                .containsExactly("0");
    }

    private void assertSame(String what, String one, String other) throws SQLException {
        for (String difference : List.of(one + " except " + other, other + " except " + one)) {
            assertThat(server.strings(DATABASE, difference))
                    .as("differences in the %s", what)
                    .isEmpty();
        }
    }

    /** Texts that were paid for again, all of which must have been in flight when a worker came to a bad end. */
    int assertPaidOnce() {
        Set<String> once = new HashSet<>();
        int twice = 0;
        for (BuildProcess worker : all) {
            for (String text : worker.traffic().texts()) {
                twice += once.add(text) ? 0 : 1;
            }
        }
        assertThat(twice).as("texts paid for twice").isLessThanOrEqualTo(mayBeTwice);
        return twice;
    }

    @Override
    public String toString() {
        return all.size() + " workers paid for " + sent() + " texts, " + assertPaidOnce() + " of them twice, of "
                + mayBeTwice + " that were in flight at bad ends";
    }

    private EmbeddingStore open() {
        return SharedBuild.open(server.url(DATABASE));
    }

    @Override
    public void close() throws IOException {
        all.forEach(BuildProcess::close);
        proxy.close();
        server.close();
    }
}
