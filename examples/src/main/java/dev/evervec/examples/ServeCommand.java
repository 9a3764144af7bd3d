package dev.evervec.examples;

import dev.evervec.config.LlmConfig;
import dev.evervec.config.ServeSettings;
import dev.evervec.examples.admin.AdminSecret;
import dev.evervec.examples.admin.AdminServer;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.provider.Secret;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Serves the admin page until it is told to stop. */
@Command(
        name = "serve",
        description = {
            "Serves an admin page: begins jobs, shows how they stand, and tells of those that were.",
            "Whoever wants in must know a secret: secret in the [serve] table of the configuration, else the environment variable"
                    + " EVERVEC_ADMIN_SECRET. Without either a new one is made at every start and shown on standard error.",
            "It runs until Ctrl-C or SIGTERM, which cancel a running job and store what was paid for; a second one ends at once."
        },
        footer =
                "%nExit codes: 0 it was told to stop; 2 wrong usage or configuration, a port that is taken, or a source or"
                        + " store that cannot be used.")
final class ServeCommand implements Callable<Integer> {
    static final String SECRET_VARIABLE = "EVERVEC_ADMIN_SECRET";
    private static final int MAX_BATCH_SIZE = 256;

    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(
            names = "--port",
            paramLabel = "P",
            description = "Listen on this port, instead of port in the configuration (8642); 0 takes any that is free.")
    private @Nullable Integer port;

    @Option(
            names = "--host",
            paramLabel = "HOST",
            description =
                    "Listen on this address, instead of host in the configuration (127.0.0.1: only this machine).")
    private @Nullable String host;

    ServeCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        LlmConfig loaded = config.load(shell);
        ServeSettings settings = settings(loaded.serve());
        Secret chosen = chosenSecret(settings);
        AdminSecret secret = chosen == null ? AdminSecret.generate() : AdminSecret.of(chosen);
        try (CancelOnSignal signals = CancelOnSignal.install(
                        shell.err(), "Stopping: a running job is cancelled, and what was paid for is stored.");
                Wiring wiring = Wiring.of(loaded)) {
            if (config.isBundled()) {
                BundledExample.provideSamples(shell.folder());
            }
            BuildPipeline pipeline = wiring.pipeline(wiring.records()).build();
            try (EmbeddingJobs jobs = jobs(pipeline, loaded);
                    AdminServer server = start(jobs, pipeline, loaded, secret, settings)) {
                tell(server, settings, chosen == null ? secret : null);
                awaitSignal(signals);
            }
        }
        return ExitCode.OK;
    }

    private ServeSettings settings(ServeSettings configured) {
        int wanted = port == null ? configured.port() : port;
        if (wanted < 0 || wanted > 65535) {
            throw new UsageException("--port must be from 0 to 65535, not " + wanted);
        }
        return new ServeSettings(host == null ? configured.host() : host, wanted, configured.secret());
    }

    private @Nullable Secret chosenSecret(ServeSettings settings) {
        String variable = shell.environment().getOrDefault(SECRET_VARIABLE, "");
        if (settings.secret() != null || variable.isBlank()) {
            return settings.secret();
        }
        try {
            return ServeSettings.secret(variable);
        } catch (IllegalArgumentException e) {
            throw new UsageException(SECRET_VARIABLE + " cannot be used: " + e.getMessage(), e);
        }
    }

    private static EmbeddingJobs jobs(BuildPipeline pipeline, LlmConfig config) {
        int configured = config.embedding().maxTextsPerRequest().orElse(0);
        return EmbeddingJobs.builder(pipeline)
                .maxBatchSize(Math.max(MAX_BATCH_SIZE, configured))
                .build();
    }

    private static AdminServer start(
            EmbeddingJobs jobs, BuildPipeline pipeline, LlmConfig config, AdminSecret secret, ServeSettings settings) {
        try {
            return AdminServer.builder(jobs, pipeline, secret)
                    .thresholds(config.health())
                    .start(settings.host(), settings.port());
        } catch (UncheckedIOException e) {
            throw new UsageException(e.getMessage() + ": choose another with --port or --host", e);
        }
    }

    private void tell(AdminServer server, ServeSettings settings, @Nullable AdminSecret generated) {
        shell.err().println("Admin page: " + server.url() + "/admin/embeddings");
        if (generated == null) {
            shell.err()
                    .println("Log in with the secret of "
                            + (settings.secret() == null ? SECRET_VARIABLE : "[serve] in the configuration"));
        } else {
            shell.err().println("Log in with this secret: " + generated.reveal());
            shell.err()
                    .println(
                            "It is new at every start; choose one with secret in the [serve] table of the configuration, or with "
                                    + SECRET_VARIABLE);
        }
        if (!isLoopback(settings.host())) {
            shell.err()
                    .println("evervec: " + settings.host()
                            + " can be reached from other machines, and the secret would travel there unencrypted: put a proxy"
                            + " that speaks TLS before this server");
        }
    }

    private static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    private static void awaitSignal(CancelOnSignal signals) {
        CountDownLatch told = new CountDownLatch(1);
        signals.does(told::countDown);
        try {
            told.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
