package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.evervec.store.jdbc.NamedSql.Parameter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NamedSqlTest {
    private static final String UPDATE = "update app.question set embedding = :embedding where id = :id";

    @Test
    void parametersAreFoundInTheirOrder() {
        NamedSql sql = NamedSql.of("update t set e = :Embedding, m = :model, d=:dimension,h=:text_hash"
                + " where (source, id) = (:source,:id) ;\n");

        assertThat(sql.parameters())
                .containsExactly(
                        Parameter.EMBEDDING,
                        Parameter.MODEL,
                        Parameter.DIMENSION,
                        Parameter.TEXT_HASH,
                        Parameter.SOURCE,
                        Parameter.ID);
        assertThat(sql.with(parameter -> "<" + parameter + ">"))
                .isEqualTo("update t set e = <EMBEDDING>, m = <MODEL>, d=<DIMENSION>,h=<TEXT_HASH>"
                        + " where (source, id) = (<SOURCE>,<ID>) ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "note = ':nothing; ?'",
                "note = 'it''s :nothing'",
                "note = E'it\\'s :nothing; ?'",
                "note = $$:nothing; ?$$",
                "note = $a$:nothing $$ ; ?$a$",
                "\":nothing\" = 1",
                "`:nothing` = 1",
                "note = null -- :nothing; ?\n",
                "note = null /* :nothing; ? */",
                "note = 'a'::text",
                "note = x.\"a\"::vector(3)"
            })
    void whatIsNoParameterIsLeftAlone(String assignment) {
        NamedSql sql = NamedSql.of("update t set " + assignment + ", e = :embedding::vector where id=:id::bigint");

        assertThat(sql.parameters()).containsExactly(Parameter.EMBEDDING, Parameter.ID);
        assertThat(sql.with(parameter -> "?"))
                .isEqualTo("update t set " + assignment + ", e = ?::vector where id=?::bigint");
    }

    @Test
    void whatCannotBeMeantIsRefusedAtOnce() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HostColumn.update(UPDATE + " and kind = :kind"))
                .withMessageContaining(":kind")
                .withMessageContaining(":embedding, :id, :source, :model, :dimension, :text_hash");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HostColumn.update("update t set e = :embedding"))
                .withMessageContaining("has no :id");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HostColumn.update("update t set e = ':embedding' where id = :id"))
                .withMessageContaining("has no :embedding");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HostColumn.update(UPDATE + "; drop table app.question"))
                .withMessageContaining("more than one");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HostColumn.update(UPDATE + " and kind = ?"))
                .withMessageContaining("question mark");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> HostColumn.update(UPDATE).forSource("all"));
    }

    @Test
    void aHostColumnShowsItsSourceAndNotItsStatement() {
        assertThat(HostColumn.update(UPDATE)).hasToString("the HostColumn for all sources");
        assertThat(HostColumn.update(UPDATE).forSource("questions"))
                .hasToString("the HostColumn for the source questions");
    }
}
