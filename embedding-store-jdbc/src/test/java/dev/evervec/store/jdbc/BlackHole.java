package dev.evervec.store.jdbc;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;

/** A way to a server on this machine, whose connections can fall silent without an end. */
final class BlackHole implements AutoCloseable {
    private final ServerSocket door;
    private final int server;
    private final List<Way> ways = new ArrayList<>(); // guarded by this
    private final Thread porter = new Thread(this::accept, "black-hole");

    BlackHole(int server) throws IOException {
        this.server = server;
        this.door = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        porter.setDaemon(true);
        porter.start();
    }

    int port() {
        return door.getLocalPort();
    }

    /** What is sent on the present connections, either way, arrives nowhere from now on. New ones are not concerned. */
    synchronized void swallow() {
        ways.forEach(way -> way.swallows = true);
    }

    private void accept() {
        try {
            while (true) {
                open(door.accept());
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    private synchronized void open(Socket client) throws IOException {
        Way way = new Way(client, new Socket(door.getInetAddress(), server));
        ways.add(way);
        way.start();
    }

    @Override
    public synchronized void close() throws IOException {
        door.close();
        for (Way way : ways) {
            way.client.close();
            way.server.close();
        }
    }

    private static final class Way {
        final Socket client;
        final Socket server;
        volatile boolean swallows;

        Way(Socket client, Socket server) {
            this.client = client;
            this.server = server;
        }

        void start() {
            carry(client, server);
            carry(server, client);
        }

        private void carry(Socket from, Socket to) {
            Thread carrier = new Thread(() -> carryAll(from, to), "black-hole-way");
            carrier.setDaemon(true);
            carrier.start();
        }

        private void carryAll(Socket from, Socket to) {
            byte[] some = new byte[8192];
            try (InputStream in = from.getInputStream();
                    OutputStream out = to.getOutputStream()) {
                for (int length = in.read(some); length >= 0; length = in.read(some)) {
                    if (!swallows) {
                        out.write(some, 0, length);
                    }
                }
            } catch (IOException e) {
                // Closed at the other end.
            }
        }
    }
}
