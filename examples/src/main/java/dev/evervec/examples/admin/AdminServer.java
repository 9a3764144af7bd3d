package dev.evervec.examples.admin;

import dev.evervec.config.HealthSettings;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.util.JavalinException;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Clock;
import java.util.Objects;
import org.eclipse.jetty.http.UriCompliance;

/**
 * Serves the admin page and its API over HTTP.
 *
 * <pre>{@code
 * try (AdminServer server = AdminServer.builder(jobs, pipeline, secret).start("127.0.0.1", 0)) {
 *     System.err.println(server.url());
 *     ...
 * }
 * }</pre>
 *
 * <p>It speaks no TLS: other machines should reach it through a proxy that does, and that passes the {@code Host} header on and
 * sets {@code X-Forwarded-Proto}. It closes nothing that it was given. Thread-safe.
 */
public final class AdminServer implements AutoCloseable {
    private final Javalin javalin;
    private final Api api;
    private final String host;

    private AdminServer(Builder builder, String host, int port) {
        Access access = new Access(builder.secret, builder.clock);
        Body body = new Body(System::nanoTime);
        this.host = host;
        this.api = new Api(builder.jobs, builder.pipeline, builder.thresholds, access, body, builder.clock);
        PageRoutes pages = new PageRoutes(access, body);
        try {
            this.javalin =
                    Javalin.create(config -> configure(config, access, pages)).start(host, port);
        } catch (JavalinException e) {
            api.close();
            String where = host + ":" + port;
            throw new UncheckedIOException(
                    "the admin page cannot be served at " + where + " (" + reason(e) + ")", new IOException(e));
        } catch (RuntimeException | Error e) {
            api.close();
            throw e;
        }
    }

    /** What the operating system said, such as "Address already in use". */
    private static String reason(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        if (root instanceof UnresolvedAddressException) {
            return "unknown host";
        }
        return root instanceof IOException && root.getMessage() != null
                ? root.getMessage()
                : root.getClass().getSimpleName();
    }

    /**
     * Describes a server.
     *
     * @param jobs what runs the jobs that are asked for
     * @param pipeline the pipeline that they run on
     * @param secret what a person must know to get in
     */
    public static Builder builder(EmbeddingJobs jobs, BuildPipeline pipeline, AdminSecret secret) {
        return new Builder(jobs, pipeline, secret);
    }

    private void configure(JavalinConfig config, Access access, PageRoutes pages) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.startup.startupWatcherEnabled = false;
        // Compressed, a token could be guessed from the length of the pages that hold it; and answers are short.
        config.http.compressionStrategy = CompressionStrategy.NONE;
        config.http.prefer405over404 = true;
        config.router.ignoreTrailingSlashes = false;
        config.router.javaLangErrorHandler(AdminServer::answerError);
        config.jetty.modifyHttpConfiguration(http -> {
            // No encoded slashes and dots: a path means what it says.
            http.setUriCompliance(UriCompliance.DEFAULT);
            http.setSendServerVersion(false);
            http.setSendXPoweredBy(false);
        });
        config.jetty.modifyServer(server -> {
            server.setErrorHandler(new RefusalHandler());
            server.insertHandler(new NoWebSockets());
        });
        config.jetty.modifyServletContextHandler(context -> context.setErrorHandler(new RefusalHandler()));
        config.routes.before(SecurityHeaders::set);
        config.routes.before(AdminServer::refuseMethodOverride);
        config.routes.before("/admin/api/*", access::requireForApi);
        Routes routes = new Routes(config.routes);
        api.addTo(routes);
        pages.addTo(routes);
        Failures.addTo(config.routes);
    }

    /** Javalin would take the method from this header: a harmless request could turn into another one. */
    private static void refuseMethodOverride(Context request) {
        if (request.header("x-http-method-override") != null) {
            throw Problem.invalid(null, "the method is that of the request: no header overrides it");
        }
    }

    /** Too little memory, for one: nothing but the status can be relied on. */
    private static void answerError(HttpServletResponse response, Error error) {
        Failures.unexpected(error);
        response.setStatus(500);
    }

    /** Where the server is, such as {@code http://127.0.0.1:8642}, without a slash at the end. */
    public String url() {
        boolean wildcard = host.equals("0.0.0.0") || host.equals("::");
        String name = wildcard ? "localhost" : host.contains(":") ? "[" + host + "]" : host;
        return "http://" + name + ":" + javalin.port();
    }

    /** Ends all event streams, and answers nothing more. Closing twice is harmless. */
    @Override
    public void close() {
        api.close();
        javalin.stop();
    }

    /** Describes a server. Not thread-safe. */
    public static final class Builder {
        private final EmbeddingJobs jobs;
        private final BuildPipeline pipeline;
        private final AdminSecret secret;
        private HealthSettings thresholds = HealthSettings.NONE;
        private Clock clock = Clock.systemUTC();

        private Builder(EmbeddingJobs jobs, BuildPipeline pipeline, AdminSecret secret) {
            this.jobs = Objects.requireNonNull(jobs, "jobs");
            this.pipeline = Objects.requireNonNull(pipeline, "pipeline");
            this.secret = Objects.requireNonNull(secret, "secret");
        }

        /** What counts as healthy; {@link HealthSettings#NONE} otherwise. */
        public Builder thresholds(HealthSettings health) {
            thresholds = Objects.requireNonNull(health, "health");
            return this;
        }

        /** Tells the time to sessions, to the slowing of logins and to costs; the system's otherwise. */
        public Builder clock(Clock time) {
            clock = Objects.requireNonNull(time, "time");
            return this;
        }

        /**
         * Starts the server.
         *
         * @param host name or address to listen on
         * @param port from 0 to 65535; 0 takes any that is free
         * @throws UncheckedIOException if it cannot listen there; the message says why
         * @throws IllegalArgumentException if the port is not in this range
         */
        public AdminServer start(String host, int port) {
            if (port < 0 || port > 65535) {
                throw new IllegalArgumentException("the port must be from 0 to 65535, not " + port);
            }
            return new AdminServer(this, host, port);
        }
    }
}
