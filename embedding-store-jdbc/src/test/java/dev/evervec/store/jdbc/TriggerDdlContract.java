package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.live.Change;
import dev.evervec.pipeline.live.NotedChange;
import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What triggers note, in every database that has them. Its database is shared by the tests of a class. */
abstract class TriggerDdlContract {
    static final TriggerSpec QUESTIONS = TriggerSpec.on("question")
            .source("questions")
            .watching("title", "body")
            .build();

    private EmbeddingQueue queue;

    protected abstract DataSource database();

    protected abstract Database product();

    /** A collation that holds small and capital letters equal. */
    protected abstract String caseless() throws SQLException;

    @BeforeEach
    void makeTheTables() throws SQLException {
        queue = EmbeddingQueue.in(database());
        execute("drop table if exists question");
        execute("drop table if exists evervec_outbox");
        execute("create table question (id bigint, title text, body text, views int default 0, kind text)");
        queue.createTableIfMissing();
    }

    @Test
    void insertsUpdatesAndDeletesAreNoted() throws SQLException {
        apply(QUESTIONS);

        execute("insert into question (id, title, body) values (1, 'Title', 'How?'), (2, null, 'Why?')");
        execute("update question set body = 'How, then?' where id = 1");
        execute("delete from question where id = 1");

        assertThat(changes())
                .containsExactly(
                        Change.created("questions", "1"),
                        Change.created("questions", "2"),
                        Change.updated("questions", "1"),
                        Change.deleted("questions", "1"));
    }

    @Test
    void anUpdateThatChangesNothingOfTheTextIsNotNoted() throws SQLException {
        execute("insert into question (id, title, body) values (1, null, 'How?')");
        apply(QUESTIONS);

        execute("update question set views = views + 1, title = null, body = 'How?', id = 1");

        assertThat(changes()).isEmpty();
    }

    @Test
    void aValueThatAppearsOrGoesIsAChange() throws SQLException {
        execute("insert into question (id, title, body) values (1, null, 'How?')");
        apply(QUESTIONS);

        execute("update question set title = ''");
        execute("update question set title = null");

        assertThat(changes()).containsExactly(Change.updated("questions", "1"), Change.updated("questions", "1"));
    }

    @Test
    void aNewIdIsADeletionAndACreation() throws SQLException {
        execute("insert into question (id, body) values (1, 'How?')");
        apply(QUESTIONS);

        execute("update question set id = 2");

        assertThat(changes()).containsExactly(Change.deleted("questions", "1"), Change.created("questions", "2"));
    }

    @Test
    void theSourceMayBeAColumn() throws SQLException {
        apply(TriggerSpec.on("question").sourceColumn("kind").watching("body").build());

        execute("insert into question (id, body, kind) values (1, 'How?', 'maths')");
        execute("update question set kind = null");
        execute("update question set kind = 'physics', body = 'Why?'");

        assertThat(changes())
                .containsExactly(
                        Change.created("maths", "1"),
                        Change.deleted("maths", "1"),
                        Change.created("default", "1"),
                        Change.deleted("default", "1"),
                        Change.created("physics", "1"));
    }

    @Test
    void whatACollationHoldsEqualIsAChangeAllTheSame() throws SQLException {
        execute("drop table if exists caseless");
        execute("create table caseless (id bigint primary key, body text collate " + caseless() + ")");
        execute("insert into caseless values (1, 'us')");
        apply(TriggerSpec.on("caseless").watching("body").build());

        execute("update caseless set body = 'US' where body = 'Us'");

        assertThat(changes()).containsExactly(Change.updated("default", "1"));
    }

    @Test
    void aRowWithoutAnIdIsNotNotedAndStillWritten() throws SQLException {
        apply(QUESTIONS);

        execute("insert into question (id, body) values (null, 'How?')");
        execute("update question set id = 7");
        execute("update question set id = null");
        execute("delete from question");

        assertThat(changes()).containsExactly(Change.created("questions", "7"), Change.deleted("questions", "7"));
    }

    @Test
    void whatIsRolledBackIsNotNoted() throws SQLException {
        apply(QUESTIONS);

        try (Connection host = database().getConnection();
                Statement statement = host.createStatement()) {
            host.setAutoCommit(false);
            statement.execute("insert into question (id, body) values (1, 'How?')");
            assertThat(changes()).isEmpty();
            host.rollback();
        }

        assertThat(changes()).isEmpty();
    }

    @Test
    void namesAreNothingButNames() throws SQLException {
        String table = "q\"; drop table evervec_outbox; -- $evervec$ '";
        String id = "the \"id\" ' $evervec$";
        String text = "body\"'; $evervec1$ end; \\";
        execute("drop table if exists " + SqlNames.quoted(table));
        execute("create table " + SqlNames.quoted(table) + " (" + SqlNames.quoted(id) + " text, "
                + SqlNames.quoted(text) + " text)");
        TriggerSpec spec = TriggerSpec.on(table)
                .id(id)
                .source("o'neil\\ $evervec$ \"x\"")
                .watching(text)
                .build();
        apply(spec);
        apply(spec);

        execute("insert into " + SqlNames.quoted(table) + " values ('1', 'How?')");
        execute("update " + SqlNames.quoted(table) + " set " + SqlNames.quoted(text) + " = 'Why?'");

        String source = "o'neil\\ $evervec$ \"x\"";
        assertThat(changes()).containsExactly(Change.created(source, "1"), Change.updated(source, "1"));
        drop(spec);
        execute("drop table " + SqlNames.quoted(table));
    }

    @Test
    void appliedTwiceItNotesOnceAndDroppedTwiceNothing() throws SQLException {
        apply(QUESTIONS);
        apply(QUESTIONS);
        execute("insert into question (id, body) values (1, 'How?')");
        assertThat(changes()).hasSize(1);

        drop(QUESTIONS);
        drop(QUESTIONS);
        execute("update question set body = 'Why?'");
        execute("delete from question");
        assertThat(changes()).hasSize(1);
    }

    @Test
    void otherColumnsReplaceThoseOfBefore() throws SQLException {
        apply(QUESTIONS);
        apply(TriggerSpec.on("question").source("questions").watching("title").build());
        execute("insert into question (id, title, body) values (1, 'Title', 'How?')");

        execute("update question set body = 'Why?'");

        assertThat(changes()).hasSize(1);
    }

    @Test
    void oneTableMayBeTwoSources() throws SQLException {
        apply(QUESTIONS);
        apply(TriggerSpec.on("question").source("titles").watching("title").build());
        execute("insert into question (id, title, body) values (1, 'Title', 'How?')");

        execute("update question set body = 'Why?'");

        assertThat(changes())
                .containsExactlyInAnyOrder(
                        Change.created("questions", "1"),
                        Change.created("titles", "1"),
                        Change.updated("questions", "1"));
    }

    @Test
    void theTextIsAlwaysTheSameAndItsNamesAreShort() throws SQLException {
        String table = "the_longest_name_that_postgresql_keeps_of_any_table_is_this_one";
        execute("drop table if exists " + table);
        execute("create table " + table + " (id bigint, body text)");
        TriggerSpec spec = TriggerSpec.on(table).watching("body").build();

        List<String> ddl = EmbeddingQueue.triggerDdl(product(), spec);

        assertThat(ddl)
                .isEqualTo(EmbeddingQueue.triggerDdl(
                        product(), TriggerSpec.on(table).watching("body").build()));
        assertThat(Pattern.compile("\"(evervec_[^\"]*)\"")
                        .matcher(String.join("\n", ddl))
                        .results())
                .isNotEmpty()
                .allMatch(name -> name.group(1).getBytes(StandardCharsets.UTF_8).length <= 63);
        assertThat(ddl).noneMatch(statement -> statement.endsWith(";"));
        apply(spec);
        execute("insert into " + table + " values (1, 'How?')");
        assertThat(changes()).hasSize(1);
        execute("drop table " + table);
    }

    @Test
    void aMistakeIsFoundWhenTheStatementsAreExecutedAndNotWhenTheHostWrites() throws SQLException {
        for (TriggerSpec mistake : List.of(
                TriggerSpec.on("question").watching("bodi").build(),
                TriggerSpec.on("question").id("number").watching("body").build(),
                TriggerSpec.on("question").sourceColumn("sort").watching("body").build(),
                TriggerSpec.on("answer").watching("body").build())) {
            assertThatThrownBy(() -> apply(mistake)).as("%s", mistake).isInstanceOf(SQLException.class);
        }
        execute("drop table evervec_outbox");
        assertThatThrownBy(() -> apply(QUESTIONS)).isInstanceOf(SQLException.class);

        execute("insert into question (id, body) values (1, 'How?')");
        execute("update question set body = 'Why?'");
        execute("delete from question");
    }

    final void apply(TriggerSpec spec) throws SQLException {
        execute(EmbeddingQueue.triggerDdl(product(), spec));
    }

    final void drop(TriggerSpec spec) throws SQLException {
        execute(EmbeddingQueue.dropTriggerDdl(product(), spec));
    }

    final List<Change> changes() {
        return queue.read(0, 1_000).stream().map(NotedChange::change).toList();
    }

    final void execute(String sql) throws SQLException {
        execute(List.of(sql));
    }

    private void execute(List<String> statements) throws SQLException {
        try (Connection connection = database().getConnection();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            for (String sql : statements) {
                statement.execute(sql);
            }
            connection.commit();
        }
    }
}
