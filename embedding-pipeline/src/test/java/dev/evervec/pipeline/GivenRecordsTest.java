package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.testkit.ScriptedProvider;
import java.lang.reflect.Proxy;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** A run over given records says of each whether somebody still has to look after it. */
class GivenRecordsTest {
    private static final SourceRecord ONE = SourceRecord.of("1", "text one");
    private static final SourceRecord TWO = SourceRecord.of("2", "text two");
    private static final RecordKey GONE = new RecordKey("default", "gone");
    private static final RecordKey LATE = new RecordKey("default", "late");

    private final ScriptedProvider provider = ScriptedProvider.builder().build();
    private final MemoryStore memory = new MemoryStore(Clock.systemUTC());

    private BuildPipeline pipeline(EmbeddingStore store) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(List.of(ONE, TWO)))
                .embedder(provider)
                .store(store)
                .build();
    }

    @Test
    void whatIsThereIsEmbeddedAndWhatIsMissingIsNamed() {
        BuildReport report =
                pipeline(memory).run(BuildRequest.changes(Set.of(ONE.key(), TWO.key(), LATE), Set.of(GONE)));

        assertThat(report.succeeded()).isEqualTo(2);
        assertThat(report.missing()).containsExactly(LATE);
        assertThat(report.busy()).isEmpty();
    }

    @Test
    void recordsThatAScanPutOnItsOwnListMeanwhileAreBusy() {
        AtomicBoolean begun = new AtomicBoolean();
        EmbeddingStore beforeTheClaim = (EmbeddingStore) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {EmbeddingStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("claim") && begun.compareAndSet(false, true)) {
                        aBuildScans();
                    }
                    return method.invoke(memory, arguments);
                });

        BuildReport report = pipeline(beforeTheClaim).run(BuildRequest.changes(Set.of(ONE.key(), TWO.key()), Set.of()));

        assertThat(report.succeeded()).isZero();
        assertThat(report.busy()).containsExactlyInAnyOrder(ONE.key(), TWO.key());
    }

    /** And ends before it has embedded anything. */
    private void aBuildScans() {
        JobTicket build = memory.beginJob(new JobStart("build", new Fingerprint(provider.model(), ""), 3));
        memory.mark(build, List.of(RecordReader.scanned(ONE), RecordReader.scanned(TWO)), MarkMode.PENDING);
        memory.endJob(build, JobState.FAILED, Reason.ABORTED);
    }
}
