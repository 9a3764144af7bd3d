package dev.evervec.it;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/**
 * Leads from a port of 127.0.0.1 to another one, over links that can be cut, and that can swallow everything without a word.
 * Each link has two daemon threads; {@link #close()} ends them all. Thread-safe.
 */
final class TcpProxy implements AutoCloseable {
    private final ServerSocket socket;
    private final int target;
    private final List<Link> links = new CopyOnWriteArrayList<>();

    /** One connection, from its client to the server. */
    final class Link {
        private final Socket client;
        private final Socket server;
        private final CountDownLatch end = new CountDownLatch(1);
        private volatile boolean swallowing;

        private Link(Socket client) throws IOException {
            this.client = client;
            this.server = new Socket(InetAddress.getLoopbackAddress(), target);
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            start("proxy-to-server", () -> pump(client, server));
            start("proxy-to-client", () -> pump(server, client));
        }

        private void pump(Socket from, Socket to) {
            try {
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream();
                byte[] bytes = new byte[1 << 16];
                for (int read = in.read(bytes); read >= 0; read = in.read(bytes)) {
                    if (swallowing) {
                        end.await();
                    }
                    out.write(bytes, 0, read);
                }
                finish(false);
            } catch (IOException e) {
                finish(true);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** The port that the server sees. */
        int port() {
            return server.getLocalPort();
        }

        boolean swallows() {
            return swallowing;
        }

        /** Both ends get a reset, whatever is on its way. */
        void cut() {
            swallowing = false;
            finish(true);
        }

        /**
         * From now on nothing reaches the other end, not even that the connection is closed: as if the network between them
         * had gone.
         */
        void swallow() {
            swallowing = true;
        }

        private void finish(boolean reset) {
            if (swallowing) {
                return; // nobody is to learn of it
            }
            end.countDown();
            links.remove(this);
            for (Socket each : List.of(client, server)) {
                try (each) {
                    if (reset) {
                        each.setSoLinger(true, 0);
                    }
                } catch (IOException e) {
                    // It is closed, which is what is wanted.
                }
            }
        }
    }

    private TcpProxy(int target) throws IOException {
        this.target = target;
        this.socket = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
        start("proxy-accept", this::accept);
    }

    /** To this port of 127.0.0.1. */
    static TcpProxy to(int port) throws IOException {
        return new TcpProxy(port);
    }

    private static void start(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                link(socket.accept());
            } catch (IOException e) {
                if (!socket.isClosed()) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    private void link(Socket client) throws IOException {
        try {
            links.add(new Link(client));
        } catch (IOException e) {
            client.setSoLinger(true, 0);
            client.close(); // the server is not there: neither is this one
        }
    }

    int port() {
        return socket.getLocalPort();
    }

    List<Link> links() {
        return List.copyOf(links);
    }

    @Override
    public void close() throws IOException {
        socket.close();
        links().forEach(Link::cut);
    }
}
