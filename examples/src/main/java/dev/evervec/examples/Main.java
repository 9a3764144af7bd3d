package dev.evervec.examples;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The command line; every command is a class of its own. */
@Command(
        name = "evervec",
        description = {
            "Keeps a correct, current embedding for every record of a table or file.",
            "",
            "Without --config it works on bundled sample records, with a built-in lexical model and an SQLite file in this"
                    + " folder: no key, no network, no server. Start with: evervec build",
            ""
        },
        footer = {
            "",
            "Results go to standard output; progress, logs and errors to standard error. EVERVEC_LOG_LEVEL=INFO logs more.",
            "Exit codes: 0 done; 1 a build with failed records, or what was asked for is not there; 2 wrong usage or"
                    + " configuration, or a source or store that cannot be used."
        })
public final class Main implements Runnable {
    @Spec
    private @Nullable CommandSpec spec;

    private Main() {}

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] args) {
        // Ids and titles are not confined to what the platform's charset can show, and JSON is UTF-8 by definition.
        Shell shell = new Shell(
                System.in,
                utf8(new FileOutputStream(FileDescriptor.out)),
                utf8(new FileOutputStream(FileDescriptor.err)),
                Path.of("").toAbsolutePath(),
                System.getenv(),
                Terminal.isTerminal(System.getenv()));
        int code = run(args, shell);
        shell.out().flush();
        shell.err().flush();
        System.exit(code);
    }

    private static PrintStream utf8(OutputStream stream) {
        return new PrintStream(stream, true, StandardCharsets.UTF_8);
    }

    /** Runs a command there; returns the exit code. */
    static int run(String[] args, Shell shell) {
        Failures failures = new Failures(shell);
        return commandLine(shell)
                .setParameterExceptionHandler(failures)
                .setExecutionExceptionHandler(failures)
                .execute(args);
    }

    private static CommandLine commandLine(Shell shell) {
        CommandLine line = new CommandLine(new Main())
                .addSubcommand(new BuildCommand(shell))
                .addSubcommand(new RetryFailedCommand(shell))
                .addSubcommand(new StatsCommand(shell))
                .addSubcommand(new HealthCommand(shell))
                .addSubcommand(new CostsCommand(shell, Clock.systemUTC()))
                .addSubcommand(new ServeCommand(shell))
                .addSubcommand(new EmbedTextCommand(shell))
                .addSubcommand(new QueryCommand(shell))
                .addSubcommand(new ExplainCommand(shell))
                .addSubcommand(new VerifyCommand(shell))
                .addSubcommand(new ExportCommand(shell))
                .addSubcommand(new GenerationsCommand(shell))
                .addSubcommand(new PruneCommand(shell))
                .addSubcommand(new IndexCommand(shell))
                .addSubcommand(new SchemaCommand(shell));
        addStandardOptions(line);
        line.registerConverter(BigDecimal.class, Main::amount);
        return line.setOut(writer(shell.out()))
                .setErr(writer(shell.err()))
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
                .setUsageHelpWidth(100);
    }

    /** Java's own message tells of classes. */
    private static BigDecimal amount(String text) {
        try {
            return new BigDecimal(text);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("'" + text + "' is no number such as 2.50");
        }
    }

    private static void addStandardOptions(CommandLine line) {
        line.getCommandSpec().mixinStandardHelpOptions(true).versionProvider(new ManifestVersion());
        line.getSubcommands().values().forEach(Main::addStandardOptions);
    }

    private static PrintWriter writer(PrintStream stream) {
        return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), true);
    }

    /** Without a command there is nothing to do but to say which there are. */
    @Override
    public void run() {
        if (spec != null) {
            throw new ParameterException(spec.commandLine(), "a command is missing, such as: evervec build");
        }
    }

    private static final class ManifestVersion implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"evervec " + (version == null ? "(not from a jar)" : version)};
        }
    }
}
