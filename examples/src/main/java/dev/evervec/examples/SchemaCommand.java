package dev.evervec.examples;

import dev.evervec.config.StoreSettings;
import dev.evervec.store.jdbc.JdbcStore;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows the statements that make the store's tables, or which version of them the configured store has. */
@Command(
        name = "schema",
        description = {
            "Says which version of Evervec's tables the configured store has; makes nothing.",
            "With --print: the statements that make them, for a database whose owner applies them by hand. A store makes its tables"
                    + " itself when it is first opened."
        },
        footer = ExitCode.HELP)
final class SchemaCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(names = "--print", description = "Print the statements.")
    private boolean print;

    @Option(
            names = "--dialect",
            paramLabel = "DIALECT",
            description = "Of which database: sqlite or postgresql. Without it: that of the configured store.")
    private @Nullable String dialect;

    @Option(
            names = "--schema",
            paramLabel = "NAME",
            description = "The schema of the tables in PostgreSQL. Without it: the configured one, else evervec.")
    private @Nullable String schema;

    SchemaCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        if (print) {
            shell.out().print(JdbcStore.builder(printed()).ddl());
            return ExitCode.OK;
        }
        if (dialect != null || schema != null) {
            throw new UsageException("--dialect and --schema say what is printed: add --print");
        }
        try (JdbcStore store = JdbcStore.openForReading(configured())) {
            int version = store.schemaVersion();
            shell.out()
                    .println(
                            version == 0
                                    ? "There are no tables of Evervec yet in " + store.location()
                                    : "The tables have version " + version + " in " + store.location());
        }
        return ExitCode.OK;
    }

    /** A store whose statements are wanted; it need not be there. */
    private StoreSettings printed() {
        if (dialect != null && !dialect.equals("sqlite") && !dialect.equals("postgresql")) {
            throw new UsageException("--dialect must be sqlite or postgresql, not " + dialect);
        }
        StoreSettings configured = configured();
        return new StoreSettings(
                dialect == null ? configured.url() : "jdbc:" + dialect + ":evervec",
                null,
                null,
                schema == null ? configured.schema() : schema);
    }

    private StoreSettings configured() {
        return Wiring.storeSettings(config.load(shell));
    }
}
