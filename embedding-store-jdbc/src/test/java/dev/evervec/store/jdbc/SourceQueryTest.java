package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.source.SourceException;
import dev.evervec.store.jdbc.SourceQuery.Parameter;
import dev.evervec.store.jdbc.SourceSql.Condition;
import java.sql.Types;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SourceQueryTest {
    @Test
    void findsParametersOutsideQuotesCommentsAndCasts() {
        SourceQuery query = SourceQuery.of("select ':after', \":limit\", x::after, :afterwards /* :after */ -- :limit\n"
                + "from t where (:after is null or id > :AFTER) limit :limit ; ");

        assertThat(query.parameters()).containsExactly(Parameter.AFTER, Parameter.AFTER, Parameter.LIMIT);
        assertThat(query.sql())
                .isEqualTo("select ':after', \":limit\", x::after, :afterwards    \n"
                        + "from t where (? is null or id > ?) limit ?");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "select 1",
                "  (SELECT 1)",
                "-- note\nselect 1;",
                "/* note */ with x as (select 1) select * from x",
                "values (1)",
                "select 1;\n-- the end"
            })
    void takesSelects(String text) {
        assertThat(SourceQuery.of(text).pagesItself()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ";",
                "delete from t",
                "update t set a = 1",
                "-- select\ndrop table t",
                "insert into t select 1"
            })
    void refusesWhatIsNoSelect(String text) {
        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(() -> SourceQuery.of(text))
                .withMessageContaining("not a select");
    }

    @Test
    void refusesTwoStatementsAndHalfAPaging() {
        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(() -> SourceQuery.of("select 1; drop table t"))
                .withMessageContaining("more than one statement");
        for (String half : List.of("select 1 where id > :after", "select 1 limit :limit")) {
            assertThatExceptionOfType(SourceException.class)
                    .isThrownBy(() -> SourceQuery.of(half))
                    .withMessageContaining("needs both");
        }
    }

    @Test
    void aPageIsSelectedByRangeOrderAndLimit() {
        SourceColumn id = new SourceColumn("id", "`id`", Types.BIGINT, "BIGINT");
        SourceColumn source = new SourceColumn("source", "`source`", Types.VARCHAR, "VARCHAR");
        SourceColumn content = new SourceColumn("content", "`content`", Types.LONGVARCHAR, "TEXT");
        SourceColumns columns = new SourceColumns(id, source, null, content);

        SourceSql page = SourceSql.page(
                SourceQuery.of("select * from problems"),
                columns,
                Condition.equal(source, SourceValue.text("a")),
                SourceValue.integer(41),
                101);

        assertThat(page.sql())
                .isEqualTo("select `id`, `content`, `source` from (\nselect * from problems\n) evervec_rows"
                        + " where `source` = ? and `id` is not null and `id` >= ? order by `id` limit ?");
        assertThat(page.values())
                .containsExactly(SourceValue.text("a"), SourceValue.integer(41), SourceValue.integer(101));
    }

    @Test
    void knowsDatabasesByTheirProductNames() {
        assertThat(SourceDialect.named("SQLite")).isEqualTo(SourceDialect.SQLITE);
        assertThat(SourceDialect.named("PostgreSQL")).isEqualTo(SourceDialect.POSTGRESQL);
        assertThat(SourceDialect.named("MySQL")).isEqualTo(SourceDialect.MYSQL);
        assertThat(SourceDialect.named("MariaDB")).isEqualTo(SourceDialect.MYSQL);
        assertThat(SourceDialect.named("H2")).isEqualTo(SourceDialect.H2);
        assertThat(SourceDialect.named("Oracle")).isEqualTo(SourceDialect.OTHER);
        // Connector/J streams only so; MariaDB's driver refuses the number.
        assertThat(SourceDialect.MYSQL.fetchSize("MySQL Connector/J")).isEqualTo(Integer.MIN_VALUE);
        assertThat(SourceDialect.MYSQL.fetchSize("MariaDB Connector/J")).isPositive();
    }
}
