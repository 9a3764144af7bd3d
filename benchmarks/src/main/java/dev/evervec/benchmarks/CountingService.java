package dev.evervec.benchmarks;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** A service on 127.0.0.1 that answers at once and remembers when it was asked by whom and for how much. */
final class CountingService implements AutoCloseable {
    /** A call when it arrived; its tokens are in the address. */
    record Call(long nanos, int tokens) {}

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final ConcurrentLinkedQueue<Call> calls = new ConcurrentLinkedQueue<>();
    private final Set<String> workers = ConcurrentHashMap.newKeySet();
    private volatile CountDownLatch newWorker = new CountDownLatch(1);

    private CountingService(HttpServer server) {
        this.server = server;
    }

    static CountingService start() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
        CountingService service = new CountingService(server);
        server.createContext("/", exchange -> {
            long now = System.nanoTime();
            String[] path = exchange.getRequestURI().getPath().split("/", -1);
            service.calls.add(new Call(now, Integer.parseInt(path[2])));
            if (service.workers.add(path[1])) {
                service.newWorker.countDown();
            }
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.setExecutor(service.threads);
        server.start();
        return service;
    }

    int port() {
        return server.getAddress().getPort();
    }

    /** Returns when so many have sent something. */
    void awaitWorkers(int count) throws InterruptedException {
        while (workers.size() < count) {
            CountDownLatch next = newWorker;
            if (workers.size() < count && !next.await(60, TimeUnit.SECONDS)) {
                throw new IllegalStateException("only " + workers.size() + " of " + count + " workers came");
            }
            newWorker = new CountDownLatch(1);
        }
    }

    /** In the order in which they came. */
    List<Call> callsBetween(long from, long until) {
        List<Call> between = new ArrayList<>(calls);
        between.removeIf(call -> call.nanos() - from < 0 || call.nanos() - until > 0);
        between.sort(Comparator.comparingLong(Call::nanos));
        return between;
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
