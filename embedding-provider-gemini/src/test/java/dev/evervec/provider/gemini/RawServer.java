package dev.evervec.provider.gemini;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Answers every request on 127.0.0.1 with the same bytes, whatever HTTP says, and ends the connection as told. */
final class RawServer implements AutoCloseable {
    /** What happens after the bytes. */
    enum End {
        CLOSE,
        RESET,
        HANG,
        /** A blank from time to time, without end. */
        TRICKLE
    }

    private static final int TRICKLE_MILLIS = 40;

    private final ServerSocket listener;
    private final byte[] answer;
    private final End end;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final Semaphore answered = new Semaphore(0);

    RawServer(byte[] answer, End end) {
        this.answer = answer;
        this.end = end;
        try {
            this.listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        Thread thread = new Thread(this::serve, "raw-server");
        thread.setDaemon(true);
        thread.start();
    }

    RawServer(String answer, End end) {
        this(answer.getBytes(StandardCharsets.UTF_8), end);
    }

    String url() {
        return "http://127.0.0.1:" + listener.getLocalPort();
    }

    /** Waits until so many more requests were answered. */
    void awaitAnswered(int requests) throws InterruptedException {
        if (!answered.tryAcquire(requests, 20, TimeUnit.SECONDS)) {
            throw new AssertionError("the request did not come");
        }
    }

    /** Waits until the client has closed every connection; only for connections left hanging. */
    void awaitConnectionsClosed() throws IOException {
        for (Socket socket : sockets) {
            socket.setSoTimeout(20_000);
            if (socket.getInputStream().read() >= 0) {
                throw new AssertionError("the client sent more");
            }
        }
    }

    private void serve() {
        while (!listener.isClosed()) {
            try {
                answerOne(listener.accept());
            } catch (SocketException closedOrCut) {
                // The test is over, or the client has left.
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }

    private void answerOne(Socket socket) throws IOException {
        sockets.add(socket);
        readRequest(socket.getInputStream());
        socket.getOutputStream().write(answer);
        socket.getOutputStream().flush();
        answered.release();
        switch (end) {
            case CLOSE -> socket.close();
            case RESET -> {
                socket.setSoLinger(true, 0);
                socket.close();
            }
            case HANG -> {}
            case TRICKLE -> trickle(socket);
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

    private static void readRequest(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                return;
            }
            head.append((char) next);
        }
        for (String line : head.toString().split("\r\n")) {
            if (line.regionMatches(true, 0, "content-length:", 0, 15)) {
                in.readNBytes(Integer.parseInt(line.substring(15).strip()));
            }
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
