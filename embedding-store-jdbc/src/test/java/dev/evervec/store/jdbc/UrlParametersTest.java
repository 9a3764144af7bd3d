package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.DriverManager;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UrlParametersTest {
    private static final String URL = "jdbc:postgresql://h/db";

    private static String problemOf(String url) throws SQLException {
        return UrlParameters.problemOf(url, DriverManager.getDriver(URL));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "?sslmode=require&user=u&password=s3cret",
                "?prepareThreshold=0",
                "?ApplicationName=a%26b&options=-c%20x"
            })
    void whatTheDriverKnowsIsTaken(String parameters) throws SQLException {
        assertThat(problemOf(URL + parameters)).isNull();
    }

    @ParameterizedTest
    @CsvSource({
        "?sslmod=require, 1",
        "?user=u&password=s3cret&reWriteBatchedInsert=true, 3",
        "?password=a&s3cret, 2",
        "?%zz=1, 1"
    })
    void aParameterThatItWouldPassOverIsToldByItsPlaceAlone(String parameters, int place) throws SQLException {
        assertThat(problemOf(URL + parameters))
                .startsWith("parameter " + place + " ")
                .doesNotContain("s3cret");
    }

    @Test
    void anEmptyParameterIsNone() throws SQLException {
        assertThat(problemOf(URL + "?")).startsWith("parameter 1 ");
    }
}
