package dev.evervec.provider.openai;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;

/** A server on 127.0.0.1 that answers with given bytes, right or wrong, and then does with the connection as told. */
final class RawServer implements AutoCloseable {
    enum End {
        KEEP,
        CLOSE,
        RESET,
        HANG,
        /** A blank from time to time, without end. */
        TRICKLE
    }

    private static final int TRICKLE_MILLIS = 40;

    record Request(String head, String body) {
        /** Header names in lower case, without the request line. */
        List<String> headerNames() {
            return head.lines()
                    .skip(1)
                    .filter(line -> line.contains(":"))
                    .map(line -> line.substring(0, line.indexOf(':')).toLowerCase(Locale.ROOT))
                    .toList();
        }

        String requestLine() {
            return head.lines().findFirst().orElseThrow();
        }
    }

    record Reply(byte[] bytes, End end) {
        Reply(String text, End end) {
            this(text.getBytes(StandardCharsets.UTF_8), end);
        }

        static Reply json(int status, String body) {
            return answer(status, "Content-Type: application/json\r\n", body);
        }

        static Reply answer(int status, String headers, String body) {
            int length = body.getBytes(StandardCharsets.UTF_8).length;
            return new Reply(
                    "HTTP/1.1 " + status + " X\r\n" + headers + "Content-Length: " + length + "\r\n\r\n" + body,
                    End.KEEP);
        }
    }

    final List<Request> requests = new CopyOnWriteArrayList<>();
    private final ServerSocket listener;
    private final Function<Request, Reply> answers;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();

    RawServer(Function<Request, Reply> answers) {
        this.answers = answers;
        try {
            this.listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        daemon(this::accept);
    }

    static RawServer answering(String body) {
        return new RawServer(request -> Reply.json(200, body));
    }

    int port() {
        return listener.getLocalPort();
    }

    String url() {
        return "http://127.0.0.1:" + port() + "/v1";
    }

    private static void daemon(Runnable work) {
        Thread thread = new Thread(work, "raw-server");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket socket = listener.accept();
                sockets.add(socket);
                daemon(() -> serve(socket));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try {
            for (Request request = read(socket.getInputStream());
                    request != null;
                    request = read(socket.getInputStream())) {
                requests.add(request);
                Reply reply = answers.apply(request);
                socket.getOutputStream().write(reply.bytes());
                socket.getOutputStream().flush();
                if (reply.end() == End.TRICKLE) {
                    trickle(socket);
                }
                if (reply.end() == End.RESET) {
                    socket.setSoLinger(true, 0);
                }
                if (reply.end() == End.RESET || reply.end() == End.CLOSE) {
                    socket.close();
                }
                if (reply.end() != End.KEEP) {
                    return;
                }
            }
        } catch (IOException left) {
            // The client cut the call, or the test is over.
        }
    }

    /** Until the client closes the connection, which ends the waiting at once. */
    private static void trickle(Socket socket) throws IOException {
        socket.setSoTimeout(TRICKLE_MILLIS);
        for (int read = 0; read >= 0; ) {
            try {
                read = socket.getInputStream().read();
            } catch (SocketTimeoutException stillThere) {
                socket.getOutputStream().write(' ');
            }
        }
    }

    private static Request read(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                return null;
            }
            head.append((char) next);
        }
        int length = head.toString()
                .lines()
                .filter(line -> line.regionMatches(true, 0, "content-length:", 0, 15))
                .mapToInt(line -> Integer.parseInt(line.substring(15).strip()))
                .findFirst()
                .orElse(0);
        return new Request(head.toString(), new String(in.readNBytes(length), StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        try {
            listener.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
