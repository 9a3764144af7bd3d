package dev.evervec.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.evervec.micrometer.EvervecMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** Serves metrics to a Prometheus on this machine, under {@code /metrics}. */
final class MetricsEndpoint implements AutoCloseable {
    private static final String PATH = "/metrics";

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final EvervecMetrics metrics = EvervecMetrics.on(registry);
    private final HttpServer server;

    private MetricsEndpoint(HttpServer server) {
        this.server = server;
    }

    /** On this port, or with 0 on any that is free. */
    static MetricsEndpoint start(int port) {
        try {
            InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
            MetricsEndpoint endpoint = new MetricsEndpoint(HttpServer.create(address, 0));
            endpoint.server.createContext(PATH, endpoint::answer);
            endpoint.server.start();
            return endpoint;
        } catch (IOException e) {
            throw new UsageException("metrics cannot be served on port " + port + ": " + IoReason.of(e), e);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--metrics-port must be from 0 to 65535, not " + port, e);
        }
    }

    /** What is served. */
    EvervecMetrics metrics() {
        return metrics;
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + PATH;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = registry.scrape().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        registry.close();
    }
}
