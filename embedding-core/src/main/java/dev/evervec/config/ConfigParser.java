package dev.evervec.config;

import dev.evervec.provider.ProviderFactories;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.tomlj.Toml;
import org.tomlj.TomlParseError;
import org.tomlj.TomlParseResult;

/** Reads a configuration: the text as TOML, then table by table, every problem noted before any is thrown. */
final class ConfigParser {
    /** The parser quotes what it did not expect; more than one character of it could be a part of a key. */
    private static final Pattern QUOTED_TEXT = Pattern.compile("^Unexpected '(?!\\\\)[^']{2,}'");

    private final Map<String, String> environment;
    private final ProviderFactories factories;

    ConfigParser(Map<String, String> environment, ProviderFactories factories) {
        this.environment = environment;
        this.factories = factories;
    }

    LlmConfig load(Path file) {
        String toml;
        try {
            toml = Utf8File.read(file);
        } catch (IOException e) {
            Problems problems = new Problems(file.toString());
            problems.add(0, null, "the configuration file " + Utf8File.reason(file, e));
            throw problems.exception();
        }
        Path folder = file.toAbsolutePath().getParent();
        return parse(toml, file.toString(), Objects.requireNonNullElse(folder, file));
    }

    LlmConfig parse(String toml, String name, Path baseDir) {
        Problems problems = new Problems(name);
        String text = Utf8File.withoutByteOrderMark(toml);
        TomlParseResult result = Toml.parse(text);
        boolean tablesKnown = noteSyntaxErrors(text, result, problems);
        if (!tablesKnown) {
            throw problems.exception();
        }
        return read(TomlTableReader.root(result, problems), name, new BaseDir(baseDir), problems);
    }

    /** Returns whether it is known which table each key belongs to: not after a table header that cannot be read. */
    private static boolean noteSyntaxErrors(String text, TomlParseResult result, Problems problems) {
        List<String> lines = text.lines().toList();
        boolean tablesKnown = true;
        for (TomlParseError error : result.errors()) {
            int line = error.position().line();
            problems.addSyntax(line, "this is not TOML: " + withoutQuotes(String.valueOf(error.getMessage())));
            tablesKnown &=
                    line > lines.size() || !lines.get(line - 1).stripLeading().startsWith("[");
        }
        return tablesKnown;
    }

    private static String withoutQuotes(String message) {
        return QUOTED_TEXT.matcher(message).replaceFirst("unexpected text");
    }

    private LlmConfig read(TomlTableReader root, String name, BaseDir baseDir, Problems problems) {
        List<String> warnings = new ArrayList<>();
        ModelTables.Result models = new ModelTables(environment, factories, baseDir, problems, warnings).read(root);
        HostTables.Result host = new HostTables(environment, baseDir).read(root);
        problems.throwIfAny();
        return new LlmConfig(
                name,
                Objects.requireNonNull(models.embedding(), "embedding"),
                models.rewrite(),
                host.records(),
                host.store(),
                host.build(),
                host.health(),
                host.serve(),
                host.logsDir(),
                warnings);
    }
}
