package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.it.SharedSite.End;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Of several processes that share a job on PostgreSQL one comes to a bad end: the others do its work, and it says what happened. */
@Timeout(300)
final class BadWorkerTest {
    private static final int RECORDS = 400;

    @TempDir
    Path folder;

    private SharedSite site;

    @BeforeEach
    void open() throws Exception {
        site = new SharedSite(folder, RECORDS);
    }

    @AfterEach
    void close() throws Exception {
        site.close();
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "has no SIGSTOP")
    void whatAWorkerWritesThatWasTakenForDeadIsRefused() throws Exception {
        BuildProcess zombie = site.hire(Traffic.heldFrom(5));
        assertThat(zombie.traffic().awaitEmbeddings(6)).isTrue();
        zombie.signal("STOP");
        int sent = zombie.traffic().size();
        zombie.traffic().release();

        End other = site.end(site.hire(Traffic.answered()));
        assertThat(other.stopped()).as(other.output()).isFalse();
        assertThat(other.count("total_pending")).isPositive();
        site.finish();
        zombie.signal("CONT");
        End end = site.end(zombie);

        assertThat(end.code()).as(end.output()).isEqualTo(1);
        assertThat(end.output()).contains("taken");
        assertThat(zombie.traffic().size() - sent)
                .as("texts that it sent before it was told")
                .isLessThanOrEqualTo(SharedBuild.MOST_TEXTS);
        System.out.println("a worker that was taken for dead says: " + end.output());
        site.finish();
        site.assertNothingIsLostAndNothingIsWrong();
        assertThat(site.assertPaidOnce()).as("texts paid for twice").isPositive();
    }

    @Test
    void aWorkerWhoseKeyIsRevokedLeavesItsRecordsToTheOthers() throws Exception {
        BuildProcess one = site.hire(Traffic.heldFrom(1));
        BuildProcess other = site.hire(Traffic.heldFrom(1));
        assertThat(one.traffic().awaitEmbeddings(1)).isTrue();
        assertThat(other.traffic().awaitEmbeddings(1)).isTrue();
        BuildProcess revoked = site.hire(Traffic.revokedAfter(2));

        End end = site.end(revoked);
        one.traffic().release();
        other.traffic().release();
        End first = site.end(one);
        End second = site.end(other);

        assertThat(end.code()).as(end.output()).isEqualTo(1);
        assertThat(end.output()).contains("API key");
        assertThat(first.report().path("job_id")).isEqualTo(end.report().path("job_id"));
        for (End good : new End[] {first, second}) {
            assertThat(good.stopped()).as(good.output()).isFalse();
            assertThat(good.failedFor("aborted")).isFalse();
        }
        site.finish();
        assertThat(revoked.traffic().size()).as("texts that were paid for").isPositive();
        site.assertNothingIsLostAndNothingIsWrong();
    }
}
