package dev.evervec.examples.admin;

import static dev.evervec.examples.admin.AdminHost.LIMIT;
import static dev.evervec.examples.admin.AdminHost.SECRET;
import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.examples.admin.AdminHost.Answer;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Strangers that begin a body and do not send the rest. */
@Timeout(120)
class SlowBodiesTest {
    private static final int MANY = 300;

    private final List<Socket> sockets = new ArrayList<>();
    private AdminHost host;

    @BeforeEach
    void start(@TempDir Path folder) {
        host = new AdminHost(folder);
    }

    @AfterEach
    void close() throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
        host.close();
    }

    private Socket begin(String path) throws IOException {
        URI url = URI.create(host.server().url());
        Socket socket = new Socket(url.getHost(), url.getPort());
        sockets.add(socket);
        socket.setSoTimeout((int) LIMIT.toMillis());
        String head = "POST " + path + " HTTP/1.1\r\nHost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
                + "content-length: 5000\r\n\r\nx";
        socket.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
        return socket;
    }

    @Test
    void everybodyElseIsStillAnswered() throws Exception {
        String cookie = host.logIn();
        for (int i = 0; i < MANY; i++) {
            begin(i % 2 == 0 ? "/admin/login" : "/admin/language");
        }

        assertThat(host.send("GET", "/admin/login", null).status()).isEqualTo(200);
        assertThat(host.get("status").status()).isEqualTo(200);
        assertThat(host.send("GET", "/admin/embeddings", null, "cookie", cookie).status())
                .isEqualTo(200);
        // Whoever is logged in is no stranger.
        assertThat(host.form("/admin/language", "lang=en", "cookie", cookie).status())
                .isEqualTo(303);
    }

    @Test
    void strangersAreReadAFewAtATimeAndAgainWhenTheOthersHaveLeft() throws Exception {
        for (int i = 0; i < Body.MOST_FROM_STRANGERS; i++) {
            begin("/admin/login");
        }
        Answer answer = awaitLogin(503);
        assertThat(answer.header("retry-after")).isEqualTo("5");

        for (Socket socket : sockets) {
            socket.close();
        }

        awaitLogin(303);
    }

    /** Asks until the server has seen what the sockets did; the test's limit ends a wait in vain. */
    private Answer awaitLogin(int status) {
        Answer answer = host.form("/admin/login", "secret=" + SECRET);
        while (answer.status() != status) {
            answer = host.form("/admin/login", "secret=" + SECRET);
        }
        return answer;
    }
}
