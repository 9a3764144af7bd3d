package dev.evervec.benchmarks.contest;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The least that can be done: a socket, a request written by hand, and base64 read from the wire straight into {@code float[]}.
 * It believes the service everything, and is the limit here rather than a client to use.
 */
public final class BareSocket extends PooledContender {
    private static final byte[] VECTOR = "\"embedding\":\"".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] LENGTH = "content-length:".getBytes(StandardCharsets.US_ASCII);

    private final ConcurrentLinkedQueue<Connection> idle = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Connection> all = new ConcurrentLinkedQueue<>();
    private final URI url;

    /** One for the task. */
    public BareSocket(Task task) {
        super(task);
        this.url = URI.create(task.baseUrl());
    }

    @Override
    protected int embed(List<String> batch) throws IOException {
        return vectors(batch).length;
    }

    float[][] vectors(List<String> batch) throws IOException {
        Connection connection = idle.poll();
        if (connection == null) {
            connection = new Connection(url, task().dimension());
            all.add(connection);
        }
        float[][] vectors = connection.embed(batch);
        idle.add(connection);
        return vectors;
    }

    @Override
    public void close() throws IOException {
        super.close();
        for (Connection connection : all) {
            connection.channel.close();
        }
    }

    /** For one thread at a time. */
    private static final class Connection {
        private final SocketChannel channel;
        private final String path;
        private final byte[] base64;
        private final byte[] decoded;
        private final ByteBuffer wire = ByteBuffer.allocateDirect(256 * 1024);
        private final byte[] in = new byte[256 * 1024];
        private int at;
        private int end;
        private long unread;

        Connection(URI url, int dimension) throws IOException {
            this.channel = SocketChannel.open(new InetSocketAddress(url.getHost(), url.getPort()));
            this.channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            this.path = url.getPath() + "/embeddings";
            this.decoded = new byte[dimension * Float.BYTES];
            this.base64 = new byte[(decoded.length + 2) / 3 * 4];
        }

        float[][] embed(List<String> batch) throws IOException {
            send(batch);
            readHead();
            List<float[]> vectors = new ArrayList<>(batch.size());
            for (int i = 0; i < batch.size(); i++) {
                skipPast(VECTOR);
                vectors.add(vector());
            }
            skip(unread + end - at);
            return vectors.toArray(new float[0][]);
        }

        private void send(List<String> batch) throws IOException {
            String body = "{\"model\":\"stub\",\"encoding_format\":\"base64\",\"input\":[\""
                    + String.join("\",\"", batch) + "\"]}";
            String head =
                    "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.length() + "\r\n\r\n";
            ByteBuffer request = ByteBuffer.wrap((head + body).getBytes(StandardCharsets.ISO_8859_1));
            while (request.hasRemaining()) {
                channel.write(request);
            }
        }

        private void readHead() throws IOException {
            at = 0;
            end = 0;
            unread = Long.MAX_VALUE;
            long length = 0;
            for (byte[] line = line(); line.length > 0; line = line()) {
                String text = new String(line, StandardCharsets.US_ASCII);
                if (text.regionMatches(true, 0, new String(LENGTH, StandardCharsets.US_ASCII), 0, LENGTH.length)) {
                    length = Long.parseLong(text.substring(LENGTH.length).strip());
                }
            }
            unread = length - (end - at);
        }

        private byte[] line() throws IOException {
            StringBuilder line = new StringBuilder();
            for (byte next = next(); next != '\n'; next = next()) {
                line.append((char) next);
            }
            return line.toString().strip().getBytes(StandardCharsets.US_ASCII);
        }

        private float[] vector() throws IOException {
            for (int have = 0; have < base64.length; ) {
                fillIfEmpty();
                int part = Math.min(base64.length - have, end - at);
                System.arraycopy(in, at, base64, have, part);
                at += part;
                have += part;
            }
            Base64.getDecoder().decode(base64, decoded);
            float[] components = new float[decoded.length / Float.BYTES];
            ByteBuffer.wrap(decoded)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(components);
            return components;
        }

        private void skipPast(byte[] mark) throws IOException {
            int matched = 0;
            while (matched < mark.length) {
                byte next = next();
                if (next == mark[matched]) {
                    matched++;
                } else {
                    matched = next == mark[0] ? 1 : 0;
                }
            }
        }

        private void skip(long bytes) throws IOException {
            for (long left = bytes; left > 0; left--) {
                next();
            }
        }

        private byte next() throws IOException {
            fillIfEmpty();
            return in[at++];
        }

        private void fillIfEmpty() throws IOException {
            if (at < end) {
                return;
            }
            wire.clear().limit((int) Math.min(wire.capacity(), unread));
            int read = channel.read(wire);
            if (read < 0) {
                throw new EOFException("the service has closed the connection");
            }
            wire.flip().get(in, 0, read);
            at = 0;
            end = read;
            unread -= read;
        }
    }
}
