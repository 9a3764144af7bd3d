package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.Embedding;
import dev.evervec.testkit.ScriptedProvider;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a column of the host's own table has, in every database. */
abstract class HostColumnContract {
    private static final String UPDATE = "update app.question set embedding = :embedding where id = :id";

    private final ScriptedProvider provider =
            ScriptedProvider.builder().dimension(4).build();

    /** Its connections find the schema {@code app}. */
    protected abstract DataSource database();

    protected abstract JdbcStore.Builder store();

    /** The type of the host's column. */
    protected abstract String vectorType();

    protected abstract Embedding vector(ResultSet row, int place) throws SQLException;

    /** The table's name as the store's connection knows it. */
    protected abstract String named(String statement);

    /** Nothing is in it. */
    protected void makeADatabase() {}

    @BeforeEach
    void makeTheTables() throws SQLException {
        makeADatabase();
        makeTable("bigint");
        execute("insert into app.question (id, body) values (1, 'one'), (2, 'two'), (3, 'three')");
    }

    private void makeTable(String idType) throws SQLException {
        execute("drop table if exists app.question");
        execute("create table app.question (id " + idType + " primary key, body text, active int default 1, embedding "
                + vectorType() + ", model text, dimension int, hash " + bytes()
                + ", source text, grade int not null default 0)");
        execute("drop table if exists app.gate");
        execute("create table app.gate (grade int)");
    }

    /** The type of bytes. */
    protected abstract String bytes();

    @AfterEach
    void close() {
        provider.close();
    }

    @Test
    void everyVectorIsInTheColumnToo() throws SQLException {
        build(column(UPDATE), BuildRequest.all());

        assertThat(vectors()).isEqualTo(wanted("1", "one", "2", "two", "3", "three"));
    }

    @Test
    void aChangedTextReplacesItAndALostVectorEmptiesIt() throws SQLException {
        build(column(UPDATE), BuildRequest.all());
        execute("update app.question set body = 'two again' where id = 2");
        execute("update app.question set body = ' ' where id = 1");
        execute("update app.question set active = 0 where id = 3");

        build(column(UPDATE), BuildRequest.all().removeVanished(1));

        assertThat(vectors()).isEqualTo(wanted("2", "two again"));
    }

    @Test
    void whatIsRemovedLiveLeavesTheColumn() throws SQLException {
        build(column(UPDATE), BuildRequest.all());
        execute("update app.question set active = 0 where id = 3");
        execute("update app.question set body = '' where id = 2");

        build(
                column(UPDATE),
                BuildRequest.changes(Set.of(new RecordKey("questions", "2")), Set.of(new RecordKey("questions", "3"))));

        assertThat(vectors()).isEqualTo(wanted("1", "one"));
    }

    @Test
    void recordsOfOtherSourcesDoNotConcernIt() throws SQLException {
        build(column(UPDATE).forSource("answers"), BuildRequest.all());
        assertThat(vectors()).isEmpty();

        execute("update app.question set body = body || '!'");
        build(column(UPDATE).forSource("questions"), BuildRequest.all());
        assertThat(vectors()).hasSize(3);
    }

    @Test
    void aRowThatIsGoneIsPassedOver() throws SQLException {
        BuildReport report = build(
                column("update app.question set embedding = :embedding where id = :id and id <> 2"),
                BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(3);
        assertThat(vectors()).isEqualTo(wanted("1", "one", "3", "three"));
    }

    @Test
    void theStatementMayWriteWhatElseIsKnown() throws SQLException {
        String all = "update app.question set embedding = :embedding, model = :model, dimension = :dimension,"
                + " hash = :text_hash, source = :source where id = :id -- :nothing";
        build(column(all), BuildRequest.all());

        try (Connection connection = database().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "select model, dimension, hash, source from app.question where id = 2")) {
            row.next();
            assertThat(row.getString(1)).isEqualTo(provider.model().model());
            assertThat(row.getInt(2)).isEqualTo(4);
            assertThat(row.getBytes(3)).isEqualTo(Sha256.ofText("two").bytes());
            assertThat(row.getString(4)).isEqualTo("questions");
        }
        execute("update app.question set body = ''");
        build(column(all), BuildRequest.all());
        assertThat(number("select count(*) from app.question where model is null and dimension is null and hash is null"
                        + " and embedding is null and source = 'questions'"))
                .isEqualTo(3);
    }

    @Test
    void aStatementThatFailsStoresNothingAndSaysWhy() throws SQLException {
        HostColumn graded = column("update app.question set embedding = :embedding,"
                        + " grade = (select max(grade) from app.gate) where id = :id")
                .forSource("questions");

        BuildReport report = build(graded, BuildRequest.all());

        assertThat(report.failed()).containsEntry(Reason.STORE_ERROR, 3L);
        assertThat(report.stopCause().orElseThrow())
                .contains("cannot write with the HostColumn for the source questions")
                .contains("constraints")
                .doesNotContain("null value");
        assertThat(vectors()).isEmpty();
        try (JdbcStore store = store().open()) {
            assertThat(stored(store)).isEmpty();
        }

        execute("insert into app.gate values (7)");
        assertThat(build(graded, BuildRequest.all()).succeeded()).isEqualTo(3);
        assertThat(vectors()).hasSize(3);
        assertThat(number("select count(*) from app.question where grade = 7")).isEqualTo(3);
    }

    @Test
    void aMistakeIsFoundWhenTheStoreIsOpened() {
        for (String mistake : List.of(
                "update app.answer set embedding = :embedding where id = :id",
                "update app.question set vector = :embedding where id = :id",
                "update app.question set embedding = :embedding where nr = :id",
                "update app.question sett embedding = :embedding where id = :id")) {
            assertThatExceptionOfType(StoreException.class)
                    .as(mistake)
                    .isThrownBy(() -> store().alsoWrite(column(mistake)).open())
                    .withMessageContaining("cannot use the HostColumn for all sources");
        }
    }

    @Test
    void idsOfOtherTypesAreFound() throws SQLException {
        for (String type : idTypes()) {
            makeTable(type);
            execute("insert into app.question (id, body) values ('0e37df36-f698-11e6-8dd4-cb9ced3df976', 'one')");

            build(column(UPDATE), BuildRequest.all().removeVanished(1));

            assertThat(vectors()).as(type).isEqualTo(wanted("0e37df36-f698-11e6-8dd4-cb9ced3df976", "one"));
            execute("delete from app.question");
            build(column(UPDATE), BuildRequest.all().removeVanished(1));
        }
    }

    protected abstract List<String> idTypes();

    final HostColumn column(String statement) {
        return HostColumn.update(named(statement));
    }

    final BuildReport build(HostColumn column, BuildRequest request) {
        try (JdbcStore store = store().alsoWrite(column).open()) {
            return pipeline(store).run(request);
        }
    }

    private BuildPipeline pipeline(EmbeddingStore store) {
        return BuildPipeline.builder()
                .records(JdbcRecordSource.of(
                        database(),
                        "select id, 'questions' as source, body as content from app.question where active = 1"))
                .embedder(provider)
                .store(store)
                .build();
    }

    private Map<String, Embedding> stored(EmbeddingStore store) {
        Map<String, Embedding> stored = new HashMap<>();
        store.forEachVector(
                pipeline(store).fingerprint(),
                null,
                vector -> stored.put(vector.key().id(), vector.embedding()));
        return stored;
    }

    /** What the host's rows have. */
    final Map<String, @Nullable Embedding> vectors() throws SQLException {
        Map<String, @Nullable Embedding> vectors = new HashMap<>();
        try (Connection connection = database().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row =
                        statement.executeQuery("select id, embedding from app.question where embedding is not null")) {
            while (row.next()) {
                vectors.put(row.getString(1), vector(row, 2));
            }
        }
        return vectors;
    }

    private Map<String, Embedding> wanted(String... idsAndTexts) {
        Map<String, Embedding> wanted = new HashMap<>();
        for (int i = 0; i < idsAndTexts.length; i += 2) {
            wanted.put(idsAndTexts[i], provider.vectorOf(idsAndTexts[i + 1]));
        }
        return wanted;
    }

    final void execute(String sql) throws SQLException {
        try (Connection connection = database().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private long number(String query) throws SQLException {
        try (Connection connection = database().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            row.next();
            return row.getLong(1);
        }
    }
}
