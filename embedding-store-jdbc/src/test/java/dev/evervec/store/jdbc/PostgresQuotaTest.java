package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.SharedQuota;
import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.SharedQuota.Amount;
import dev.evervec.provider.SharedQuota.Answer;
import dev.evervec.provider.SharedQuota.Ask;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class PostgresQuotaTest {
    private static final OptionalInt NONE = OptionalInt.empty();
    private static final Duration LONG = Duration.ofDays(100);
    private static final long SECOND = 1_000_000;

    private static TestPostgres database;

    private final AtomicLong micros = new AtomicLong(1_000_000 * SECOND);
    private final List<PostgresQuota> opened = new ArrayList<>();
    private PostgresQuota quota;

    @BeforeAll
    static void create() {
        database = TestPostgres.newDatabase();
        database.open().close();
    }

    @AfterAll
    static void drop() {
        database.drop();
    }

    @BeforeEach
    void open() {
        database.execute("delete from evervec.evervec_quota");
        quota = another();
    }

    @AfterEach
    void close() {
        opened.forEach(PostgresQuota::close);
    }

    private PostgresQuota another() {
        return another(PostgresServer.of(database.settings()));
    }

    private PostgresQuota another(PostgresServer server) {
        PostgresQuota another = new PostgresQuota(server, new PostgresDialect(server, null), "evervec", micros::get);
        opened.add(another);
        return another;
    }

    private void pass(double seconds) {
        micros.addAndGet((long) (seconds * SECOND));
    }

    private static Account requests(int perMinute) {
        return new Account("toy", OptionalInt.of(perMinute), NONE);
    }

    private static Account tokens(int perMinute) {
        return new Account("toy", NONE, OptionalInt.of(perMinute));
    }

    private static Ask ask(Account account, long requests, long tokens) {
        return ask(account, new Amount(requests, tokens), Amount.NONE);
    }

    private static Ask ask(Account account, Amount wanted, Amount returned) {
        return new Ask(account, wanted, returned, LONG, LONG);
    }

    private static Answer answer(SharedQuota quota, Ask ask) throws Exception {
        return quota.ask(ask).toCompletableFuture().get();
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }

    private void assertGranted(Answer answer, double usableIn) {
        assertThat(answer.granted()).isTrue();
        assertThat(seconds(answer.usableIn())).isCloseTo(usableIn, within(0.001));
    }

    @Test
    void aSecondsWorthIsThereAtOnceAndTheRestIsSpread() throws Exception {
        for (int i = 0; i < 10; i++) {
            assertGranted(answer(quota, ask(requests(600), 1, 0)), 0);
        }
        assertGranted(answer(quota, ask(requests(600), 1, 0)), 0.1);
        assertGranted(answer(another(), ask(requests(600), 1, 0)), 0.2);

        pass(3600);
        assertGranted(answer(quota, ask(requests(600), 10, 0)), 0);
        assertGranted(answer(quota, ask(requests(600), 1, 0)), 0.1);
    }

    @Test
    void aCallOverTheBurstGoesAtOnceAndLaterOnesWaitItsDebtOut() throws Exception {
        assertGranted(answer(quota, ask(requests(100), 100, 0)), 0);
        assertGranted(answer(quota, ask(requests(100), 100, 0)), 60);
    }

    @Test
    void theScarcerOfBothQuotasCountsAndNeitherIsTakenIfTheOtherIsShort() throws Exception {
        Account both = new Account("toy", OptionalInt.of(6000), OptionalInt.of(60));
        assertGranted(answer(quota, ask(both, 1, 31)), 0);

        for (int i = 0; i < 200; i++) {
            Ask hasty = new Ask(both, new Amount(1, 1), Amount.NONE, Duration.ofSeconds(1), LONG);
            Answer answer = answer(quota, hasty);
            assertThat(answer.granted()).isFalse();
            assertThat(seconds(answer.usableIn())).isCloseTo(31, within(0.001));
        }
        assertGranted(answer(quota, ask(both, 1, 1)), 31);
    }

    @Test
    void whatIsReturnedCountsFirstAndNeverFillsMoreThanThereIsRoomFor() throws Exception {
        Account account = tokens(6000);
        answer(quota, ask(account, 1, 100));

        assertGranted(answer(quota, ask(account, new Amount(1, 100), new Amount(0, -1000))), 11);
        assertGranted(answer(quota, ask(account, new Amount(1, 100), new Amount(0, 1_000_000))), 0);
        assertGranted(answer(quota, ask(account, 1, 100)), 1);
    }

    @Test
    void whoMayWaitIsGrantedNothingFarAhead() throws Exception {
        answer(quota, ask(requests(60), 30, 0));
        Ask patient = new Ask(requests(60), new Amount(1, 0), Amount.NONE, LONG, Duration.ofSeconds(2));

        Answer tooEarly = answer(quota, patient);
        assertThat(tooEarly.granted()).isFalse();
        assertThat(seconds(tooEarly.fullIn())).isCloseTo(30, within(0.001));

        pass(28);
        assertGranted(answer(quota, patient), 2);
    }

    @Test
    void aPauseHoldsForEverybody() throws Exception {
        answer(quota, ask(requests(600), 1, 0));
        quota.pause("toy", Duration.ofSeconds(20));
        quota.pause("toy", Duration.ofSeconds(5));
        answer(quota, ask(requests(600), 1, 0)); // has come after the pauses

        assertGranted(answer(another(), ask(requests(600), 1, 0)), 20);
        assertGranted(answer(another(), ask(new Account("another", NONE, NONE), 1, 1)), 0);
    }

    @Test
    void aDebtIsPaidOffAsTheLimitIsByThen() throws Exception {
        answer(quota, ask(requests(1), 100, 0));

        assertGranted(answer(quota, ask(requests(6000), 1, 0)), 1);
    }

    @Test
    void processesThatKnowNoLimitOfAKindTakeNothingFromThoseThatDo() throws Exception {
        answer(quota, ask(tokens(6000), 1, 100));
        pass(0.5);
        for (int i = 0; i < 10; i++) {
            assertGranted(answer(quota, ask(new Account("toy", NONE, NONE), 1, 1_000_000)), 0);
        }
        pass(0.5);

        assertGranted(answer(quota, ask(tokens(6000), 1, 100)), 0);
    }

    /** All at one moment, and at many: what is granted is judged one after the other. */
    @Test
    void manyProcessesNeverGetMoreThanThereIsAndAllOfIt() throws Exception {
        long seed = System.nanoTime();
        System.out.println("PostgresQuotaTest seed " + seed);
        Random random = new Random(seed);
        int perMinute = 6000;
        int processes = 6;
        int asks = 300;
        List<long[]> granted = Collections.synchronizedList(new ArrayList<>()); // microseconds, cost
        ExecutorService threads = Executors.newFixedThreadPool(processes);
        try {
            List<Future<?>> ends = new ArrayList<>();
            for (int i = 0; i < processes; i++) {
                PostgresQuota process = another();
                Random own = new Random(random.nextLong());
                ends.add(threads.submit(() -> {
                    for (int call = 0; call < asks; call++) {
                        int cost = 1 + own.nextInt(20);
                        long now = micros.addAndGet(own.nextInt(3) == 0 ? 50_000 : 0);
                        Answer answer = answer(process, ask(requests(perMinute), cost, 0));
                        // the ask was judged then or later
                        granted.add(new long[] {
                            now,
                            now
                                    + TimeUnit.NANOSECONDS.toMicros(
                                            answer.usableIn().toNanos()),
                            cost
                        });
                    }
                    return null;
                }));
            }
            for (Future<?> end : ends) {
                end.get();
            }
        } finally {
            threads.shutdownNow();
        }

        long total = granted.stream().mapToLong(grant -> grant[2]).sum();
        Answer last = answer(quota, ask(requests(perMinute), 0, 0));
        double taken =
                (micros.get() - 1_000_000 * SECOND + seconds(last.fullIn()) * SECOND) * perMinute / (60.0 * SECOND);
        assertThat(taken).as("what was granted is what was taken").isCloseTo(total, within(perMinute / 60.0));
        granted.sort(Comparator.comparingLong(grant -> grant[1]));
        double burst = perMinute / 60.0 + 20;
        double least = Double.POSITIVE_INFINITY;
        double sum = 0;
        double slack =
                0.05 * processes * 2 * perMinute / 60.0; // the clock may have gone on between reading it and asking
        for (long[] grant : granted) {
            double allowed = grant[1] * (perMinute / (60.0 * SECOND));
            least = Math.min(least, sum - allowed);
            sum += grant[2];
            assertThat(sum - allowed - least).isLessThanOrEqualTo(burst + slack);
        }
    }

    @Test
    void theDatabaseSaysWhatTimeItIs() throws Exception {
        try (EmbeddingStore store = database.open()) {
            SharedQuota shared = Objects.requireNonNull(store.sharedQuota());
            answer(shared, ask(new Account("real", OptionalInt.of(1), NONE), 60, 0));

            Answer answer = answer(shared, ask(new Account("real", OptionalInt.of(1), NONE), 1, 0));

            assertThat(seconds(answer.usableIn())).isBetween(3000.0, 3600.0);
        }
    }

    @Test
    void aLostConnectionIsReplacedAndAnErrorQuotesNothing() throws Exception {
        answer(quota, ask(requests(60), 1, 0));
        database.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = '"
                        + database.name() + "'");

        assertThatThrownBy(() -> answer(quota, ask(requests(60), 1, 0)))
                .isInstanceOf(ExecutionException.class)
                .cause()
                .isInstanceOfSatisfying(
                        StoreException.class, e -> assertThat(e.kind()).isEqualTo(StoreException.Kind.TRANSIENT))
                .hasMessageContaining("share a quota");
        assertGranted(answer(quota, ask(requests(60), 1, 0)), 1);
    }

    @Test
    void aHostsConnectionIsGivenBackAsItWasAfterEachUse() throws Exception {
        AtomicInteger out = new AtomicInteger();
        PostgresQuota lent = another(PostgresServer.of(source(out)));

        assertGranted(answer(lent, ask(requests(60), 1, 0)), 0);
        assertGranted(answer(lent, ask(requests(60), 1, 0)), 1);
        lent.close();

        assertThat(out).hasValue(0);
    }

    /** Connections that must come back without a transaction and with the autocommit mode that they had. */
    private static DataSource source(AtomicInteger out) {
        return (DataSource) Proxy.newProxyInstance(
                PostgresQuotaTest.class.getClassLoader(),
                new Class<?>[] {DataSource.class},
                (proxy, method, arguments) -> {
                    Connection connection = database.connect();
                    connection.setAutoCommit(false);
                    out.incrementAndGet();
                    return Proxy.newProxyInstance(
                            PostgresQuotaTest.class.getClassLoader(),
                            new Class<?>[] {Connection.class},
                            (self, call, values) -> {
                                if (call.getName().equals("close")) {
                                    assertThat(connection.getAutoCommit()).isFalse();
                                    out.decrementAndGet();
                                }
                                return call.invoke(connection, values);
                            });
                });
    }

    @Test
    void askersOverAHostsSerializableConnectionsDoNotFailForEachOther() throws Exception {
        try (StrictPool pool = new StrictPool(
                database.dataSource(),
                4,
                connection -> connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE))) {
            List<PostgresQuota> askers = new ArrayList<>();
            List<CompletionStage<Answer>> answers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                askers.add(another(PostgresServer.of(pool.connections())));
            }
            for (int i = 0; i < 50; i++) {
                askers.forEach(asker -> answers.add(asker.ask(ask(requests(60_000), 1, 0))));
            }

            for (CompletionStage<Answer> answer : answers) {
                assertThat(answer.toCompletableFuture()
                                .get(30, TimeUnit.SECONDS)
                                .granted())
                        .isTrue();
            }
            askers.forEach(PostgresQuota::close);
            pool.requireAllGivenBackAsTheyWere();
        }
    }

    @Test
    void afterItsEndItFailsAndDoesNotHang() {
        quota.close();
        quota.pause("toy", Duration.ofSeconds(1));

        assertThatThrownBy(() -> answer(quota, ask(requests(60), 1, 0))).hasMessageContaining("the store is closed");
        quota.close();
    }

    @Test
    void sqliteHasNone(@TempDir Path folder) {
        try (EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("a.db"))) {
            assertThat(store.sharedQuota()).isNull();
        }
    }
}
