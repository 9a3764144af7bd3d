package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifyCommandTest {
    private Cli cli;

    @BeforeEach
    void aStoreOfTwentyVectors(@TempDir Path folder) {
        cli = new Cli(folder);
        cli.config(64);
        cli.records(20);
        cli.run(Cli.withConfig("build"));
    }

    private Result verify(String... options) {
        return cli.run(Cli.withConfig("verify", options));
    }

    private void mixUpTwoVectors() throws SQLException {
        try (Connection connection = DriverManager.getConnection(
                        "jdbc:sqlite:" + cli.folder().resolve("embeddings.db"));
                Statement statement = connection.createStatement()) {
            statement.execute("update evervec_vector set vector ="
                    + " (select vector from evervec_vector where id = 'r19') where id = 'r0'");
        }
    }

    @Test
    void thePriceComesFirstAndVectorsMatch() {
        Result result = verify("--sample", "10");

        assertThat(result.code()).isZero();
        assertThat(result.outLines().get(0)).startsWith("To be computed anew: 10 texts in 1 request, about ");
        assertThat(result.out()).contains("10 vectors of generation ", ": 10 matched, 0 did not");
    }

    @Test
    void aVectorOfAnotherTextIsNamed() throws Exception {
        mixUpTwoVectors();

        Result result = verify("--sample", "100");
        JsonNode json = verify("--sample", "100", "--json").json();

        assertThat(result.code()).isEqualTo(1);
        assertThat(result.out()).contains("  default/r0  cosine 0.", ": 19 matched, 1 did not");
        assertThat(json.get("sampled").asInt()).isEqualTo(20);
        assertThat(json.at("/mismatched/0/id").asText()).isEqualTo("r0");
    }

    @Test
    void itsCallsAreInTheBill() {
        int before = costs().at("/total/requests").asInt();

        verify("--sample", "5");

        assertThat(costs().at("/total/requests").asInt()).isEqualTo(before + 1);
    }

    private JsonNode costs() {
        return cli.run(Cli.withConfig("costs", "--json")).json();
    }

    @Test
    void mistakesAreSaidBeforeAnything(@TempDir Path empty) {
        assertThat(cli.refused(Cli.withConfig("verify")).err()).contains("--sample");
        assertThat(cli.refused(Cli.withConfig("verify", "--sample", "0")).err()).contains("from 1 to 10000");
        Cli elsewhere = new Cli(empty);
        elsewhere.config(64);
        elsewhere.records(1);
        assertThat(elsewhere.refused(Cli.withConfig("verify", "--sample", "1")).err())
                .contains("run a build first");
    }
}
