package dev.evervec.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** People who have the admin page open. They share one client with few threads, so that they need little of the machine. */
public final class PageVisitors {
    private static final String SECRET_VARIABLE = "EVERVEC_ADMIN_SECRET";
    private static final long POLL_MILLIS = 3_000;
    private static final String READY = "ready";

    private final HttpClient client;
    private final String api;
    private final String secret;
    private final Crowd crowd;
    private final CountDownLatch served;
    private final AtomicInteger answers = new AtomicInteger();
    private final AtomicInteger events = new AtomicInteger();
    private final AtomicInteger failures = new AtomicInteger();

    /**
     * How many there are.
     *
     * @param pollers of them ask every 3 seconds
     * @param streams of them are told
     */
    record Crowd(int pollers, int streams) {}

    private PageVisitors(String url, String secret, Crowd crowd, HttpClient client) {
        this.api = url + "/admin/api/embeddings/";
        this.secret = secret;
        this.crowd = crowd;
        this.client = client;
        this.served = new CountDownLatch(2 * crowd.pollers + crowd.streams); // a poller has two questions
    }

    /** An empty process, so that all that differs is what is asked. */
    static final Crowd NOBODY = new Crowd(0, 0);

    /** Lets them come in a process of their own; returns when each has been served once. */
    static Outside start(String url, String secret, Crowd crowd) throws IOException {
        ProcessBuilder process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        PageVisitors.class.getName(),
                        url,
                        Integer.toString(crowd.pollers),
                        Integer.toString(crowd.streams))
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        process.environment().put(SECRET_VARIABLE, secret);
        return new Outside(process.start());
    }

    /** The process that they are in. */
    static final class Outside implements AutoCloseable {
        private final Process process;
        private final BufferedReader output;

        private Outside(Process process) throws IOException {
            this.process = process;
            this.output = process.inputReader(StandardCharsets.UTF_8);
            boolean ready = false;
            try {
                require(READY);
                ready = true;
            } finally {
                if (!ready) {
                    process.destroyForcibly();
                }
            }
        }

        private void require(String wanted) throws IOException {
            String line = output.readLine();
            if (!wanted.equals(line)) {
                throw new IllegalStateException("those who watch were not served: " + line);
            }
        }

        /** Lets them go, and makes sure that they were served all the time. */
        @Override
        public void close() throws IOException {
            try {
                process.outputWriter().close();
                require("");
            } finally {
                process.destroyForcibly();
            }
        }
    }

    /** Arguments: the server, pollers, streams. Ends when its input does. */
    public static void main(String[] args) throws Exception {
        Crowd crowd = new Crowd(Integer.parseInt(args[1]), Integer.parseInt(args[2]));
        ScheduledExecutorService threads = Executors.newScheduledThreadPool(2);
        HttpClient client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .executor(threads)
                .build();
        String secret = Objects.requireNonNull(System.getenv(SECRET_VARIABLE), SECRET_VARIABLE);
        PageVisitors visitors = new PageVisitors(args[0], secret, crowd, client);
        visitors.come(threads);
        System.out.println(visitors.served.await(60, TimeUnit.SECONDS) ? READY : visitors.trouble());
        while (System.in.read() >= 0) {
            // Only its end says something.
        }
        System.out.println(visitors.trouble());
        System.exit(0);
    }

    private void come(ScheduledExecutorService threads) {
        for (int i = 0; i < crowd.streams; i++) {
            listen();
        }
        for (int i = 0; i < crowd.pollers; i++) {
            Future<?> unused = threads.scheduleAtFixedRate(
                    this::poll, i * POLL_MILLIS / crowd.pollers, POLL_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    /** Empty if everybody was served and heard of something. */
    private String trouble() {
        boolean heard = (crowd.streams == 0 || events.get() > crowd.streams)
                && (crowd.pollers == 0 || answers.get() >= crowd.pollers);
        return heard && failures.get() == 0
                ? ""
                : answers + " answers, " + events + " events, " + failures + " failures";
    }

    private HttpRequest request(String what) {
        return HttpRequest.newBuilder(URI.create(api + what))
                .header("x-admin-secret", secret)
                .build();
    }

    private void poll() {
        for (String what : List.of("status", "stats")) {
            Future<?> unused = client.sendAsync(request(what), HttpResponse.BodyHandlers.ofString())
                    .whenComplete((response, failure) -> {
                        if (failure == null && response.statusCode() == 200) {
                            answers.incrementAndGet();
                            served.countDown();
                        } else {
                            failures.incrementAndGet();
                        }
                    });
        }
    }

    private void listen() {
        Future<?> unused = client.sendAsync(
                        request("events"), HttpResponse.BodyHandlers.fromLineSubscriber(new Listener()))
                .whenComplete((response, failure) -> failures.incrementAndGet()); // a stream has no end
    }

    /** Counts the events of one stream. */
    private final class Listener implements Flow.Subscriber<String> {
        private boolean first = true;

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(String line) {
            if (line.startsWith("event:")) {
                events.incrementAndGet();
                if (first) {
                    first = false;
                    served.countDown();
                }
            }
        }

        @Override
        public void onError(Throwable failure) {
            failures.incrementAndGet();
        }

        @Override
        public void onComplete() {}
    }
}
