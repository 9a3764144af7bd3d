package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.source.SourceException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JdbcRecordSourceTest {
    @ParameterizedTest
    @CsvSource({
        "jdbc:mysql://127.0.0.1/x?password=PASSWORD, com.mysql:mysql-connector-j",
        "jdbc:mariadb://127.0.0.1/x, org.mariadb.jdbc:mariadb-java-client",
        "jdbc:oracle:thin:PASSWORD@x, the database's JDBC driver",
        "postgres://me:PASSWORD@x/y, the database's JDBC driver"
    })
    void aMissingDriverIsNamedByItsArtifact(String url, String artifact) {
        JdbcRecordSource source = JdbcRecordSource.of(url, "select id, content from records");

        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(() -> source.scan(null))
                .withMessageContaining(artifact)
                .withMessageNotContaining("PASSWORD")
                .withNoCause();
        assertThat(source.toString()).doesNotContain("PASSWORD");
    }

    @Test
    void everyDatabaseThatIsReadPlainlyHasItsArtifactNamed() {
        assertThat(SourceFailures.noDriver("jdbc:sqlite:x.db")).hasMessageContaining("org.xerial:sqlite-jdbc");
        assertThat(SourceFailures.noDriver("jdbc:postgresql://x/y")).hasMessageContaining("org.postgresql:postgresql");
        assertThat(SourceFailures.noDriver("jdbc:h2:mem:x")).hasMessageContaining("com.h2database:h2");
    }
}
