package dev.evervec.pipeline;

import dev.evervec.benchmarks.contest.Prose;
import dev.evervec.pipeline.store.Sha256;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What a text of 500 characters costs before it is sent. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class TextBenchmark {
    private final String plain = Prose.text(1, 500);
    private final String html = "<h1>Title</h1><p>" + Prose.text(2, 200) + "</p><ul><li>" + Prose.text(3, 100)
            + "</li><li>x &lt; <b>y</b></li></ul><pre>" + Prose.text(4, 100) + "</pre>";

    /** Without any markup. */
    @Benchmark
    public String preparePlain() {
        return TextPreparer.prepare(null, plain);
    }

    /** HTML to text. */
    @Benchmark
    public String prepareHtml() {
        return TextPreparer.prepare("Title", html);
    }

    /** By which a text is known again. */
    @Benchmark
    public Sha256 hash() {
        return Sha256.ofText(plain);
    }
}
