package dev.evervec.examples;

import dev.evervec.config.ConfigException;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.ProviderException;
import java.nio.file.InvalidPathException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Turns what went wrong into a message and an exit code: never a stack trace, that is for the log at debug. */
final class Failures implements IExecutionExceptionHandler, IParameterExceptionHandler {
    private static final Logger log = LoggerFactory.getLogger(Failures.class);

    private final Shell shell;

    Failures(Shell shell) {
        this.shell = shell;
    }

    @Override
    public int handleParseException(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        shell.err().println("evervec: " + e.getMessage());
        CommandLine.UnmatchedArgumentException.printSuggestions(e, command.getErr());
        shell.err().println("Try: " + command.getCommandSpec().qualifiedName() + " --help");
        return ExitCode.NOT_BEGUN;
    }

    @Override
    public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
        if (e instanceof ParameterException usage) {
            return handleParseException(usage, new String[0]);
        }
        log.debug("{} failed", command.getCommandName(), e);
        shell.err().println("evervec: " + message(e));
        return e instanceof ProviderException ? ExitCode.FAILED : ExitCode.NOT_BEGUN;
    }

    /** What to tell a person. */
    static String message(Exception e) {
        boolean expected = e instanceof UsageException
                || e instanceof ConfigException
                || e instanceof SourceException
                || e instanceof StoreException
                || e instanceof JobRefusedException
                || e instanceof ProviderException
                || (e instanceof IllegalArgumentException && !(e instanceof InvalidPathException));
        return expected && e.getMessage() != null ? e.getMessage() : unexpected(e);
    }

    /** For what should not happen; its own message may hold anything, so it is left to the log. */
    private static String unexpected(Exception e) {
        return "unexpected " + e.getClass().getName()
                + "; please report it with what EVERVEC_LOG_LEVEL=DEBUG shows about it";
    }
}
