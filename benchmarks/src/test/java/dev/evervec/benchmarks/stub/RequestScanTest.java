package dev.evervec.benchmarks.stub;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class RequestScanTest {
    @Test
    void countsTheTextsOfOpenAisForm() {
        RequestScan scan = scan(
                "{\"input\": [\"one\", \"say \\\"input\\\": []\"], \"model\":\"input\", \"encoding_format\" : \"base64\"}");

        assertThat(scan).isEqualTo(new RequestScan(2, 3 + 17, true));
    }

    @Test
    void countsTheTextsOfGeminisForm() {
        RequestScan scan = scan("{\"requests\":[{\"model\":\"models/m\",\"content\":{\"parts\":[{\"text\":\"one\"}]}},"
                + "{\"content\":{\"parts\":[{\"text\":\"text\"}],\"role\":\"user\"}}]}");

        assertThat(scan).isEqualTo(new RequestScan(2, 7, false));
    }

    @Test
    void takesNumbersForNotAskingForBase64() {
        assertThat(scan("{\"encoding_format\":\"float\",\"input\":\"one\"}")).isEqualTo(new RequestScan(1, 3, false));
    }

    private static RequestScan scan(String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return RequestScan.of(bytes, bytes.length);
    }
}
