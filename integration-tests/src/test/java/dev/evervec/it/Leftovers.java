package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What builds leave in a folder, however they end: must hold at any moment. */
final class Leftovers {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern LOG_LINE = Pattern.compile("\\d{4}-\\d\\d-\\d\\dT\\S+Z \\S.*");
    private static final Set<String> PHASES = Set.of("scanning", "rewriting", "embedding");
    private static final String COUNTED =
            "select generation, source, state, count(*) from evervec_ledger group by 1, 2, 3";
    private static final String COUNTS =
            "select generation, source, state, records from evervec_count where records <> 0";
    private static final String EMBEDDED = "select generation, source, id from evervec_ledger where state = 'embedded'";
    private static final String VECTORS = "select generation, source, id from ";

    private final Path folder;
    private final KillStore store;

    Leftovers(Path folder, KillStore store) {
        this.folder = folder;
        this.store = store;
    }

    /** Holds after a kill at any moment. */
    void assertWhole() throws SQLException, IOException {
        try (Connection database = store.connect()) {
            if (!store.isPostgres()) {
                assertThat(strings(database, "pragma integrity_check")).containsExactly("ok");
            }
            assertEqual(database, "kept counts", COUNTED, COUNTS);
            assertEqual(database, "vectors of embedded records", EMBEDDED, vectors(database));
            assertOnlyTheLastJobHoldsRecords(database);
        }
        assertFilesCanBeRead();
    }

    /** On PostgreSQL each generation has a table of its own. */
    private String vectors(Connection database) throws SQLException {
        if (!store.isPostgres()) {
            return VECTORS + "evervec_vector";
        }
        List<String> generations = strings(database, "select name from evervec_generation");
        return generations.isEmpty()
                ? EMBEDDED + " and false"
                : generations.stream()
                        .map(name -> VECTORS + "evervec_vector_" + name)
                        .collect(Collectors.joining(" union all ", "select * from (", ") vectors"));
    }

    private static void assertOnlyTheLastJobHoldsRecords(Connection database) throws SQLException {
        List<String> states = strings(database, "select state from evervec_job order by number");
        if (!states.isEmpty()) {
            assertThat(states.subList(0, states.size() - 1))
                    .as("jobs before the last")
                    .doesNotContain("running");
        }
        String running = "(select number from evervec_job where state = 'running')";
        assertThat(number(
                        database,
                        "select count(*) from evervec_ledger where job is not null and job not in " + running))
                .as("records on the list of a job that has ended")
                .isZero();
        assertThat(number(
                        database,
                        "select count(*) from evervec_ledger where owner is not null and owner not in"
                                + " (select owner from evervec_worker where ended_at is null)"))
                .as("claims of a worker that has ended")
                .isZero();
    }

    private void assertFilesCanBeRead() throws IOException {
        for (String job : jobsWithFiles()) {
            Path progress = file(job, ".progress.json");
            if (Files.exists(progress)) {
                JsonNode read = JSON.readTree(Files.readString(progress));
                assertThat(read.path("job_id").asText()).isEqualTo(job);
                assertThat(read.at("/embed_progress/done").asLong())
                        .isLessThanOrEqualTo(read.at("/embed_progress/total").asLong());
            }
            String log = Files.readString(file(job, ".log"));
            String finishedLines = log.substring(0, log.lastIndexOf('\n') + 1);
            assertThat(finishedLines.lines())
                    .allMatch(line -> LOG_LINE.matcher(line).matches(), "a line of the log");
        }
    }

    private List<String> jobsWithFiles() throws IOException {
        Path logs = folder.resolve(KilledBuild.LOGS);
        if (!Files.exists(logs)) {
            return List.of();
        }
        try (var files = Files.list(logs)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".log"))
                    .map(name -> name.substring(0, name.length() - ".log".length()))
                    .toList();
        }
    }

    private Path file(String job, String ending) {
        return folder.resolve(KilledBuild.LOGS).resolve(job + ending);
    }

    /** Whether the job is in the store as running: a build that has ended by itself is not. */
    boolean isUnfinished(String job) throws SQLException, IOException {
        try (Connection database = store.connect()) {
            boolean unfinished =
                    number(database, "select count(*) from evervec_job where state = 'running' and id = '" + job + "'")
                            > 0;
            Path progress = file(job, ".progress.json");
            if (unfinished && Files.exists(progress)) {
                assertThat(JSON.readTree(Files.readString(progress))
                                .path("phase")
                                .asText())
                        .as("phase of the unfinished %s", job)
                        .isIn(PHASES);
            }
            return unfinished;
        }
    }

    /** Holds when the last job has ended well: nothing of it or of the killed ones is left over. */
    void assertEnded(String lastJob, Set<String> killedJobs) throws SQLException, IOException {
        assertWhole();
        try (Connection database = store.connect()) {
            assertThat(strings(database, "select state from evervec_job where id = '" + lastJob + "'"))
                    .containsExactly("completed");
            assertThat(strings(database, "select id from evervec_job where state = 'interrupted'"))
                    .containsExactlyInAnyOrderElementsOf(killedJobs);
            assertThat(number(
                            database, "select count(*) from evervec_ledger where job is not null or owner is not null"))
                    .as("records that are still on a list")
                    .isZero();
        }
        JsonNode progress = JSON.readTree(Files.readString(file(lastJob, ".progress.json")));
        assertThat(progress.path("phase").asText()).isEqualTo("completed");
        assertThat(progress.at("/embed_progress/done")).isEqualTo(progress.at("/embed_progress/total"));
        assertThat(Files.readString(file(lastJob, ".log"))).endsWith("\n").contains(" end {");
    }

    private static void assertEqual(Connection database, String what, String one, String other) throws SQLException {
        for (String difference : List.of(one + " except " + other, other + " except " + one)) {
            assertThat(number(database, "select count(*) from (" + difference + ") differences"))
                    .as("differences in the %s", what)
                    .isZero();
        }
    }

    private static long number(Connection database, String sql) throws SQLException {
        return Long.parseLong(strings(database, sql).get(0));
    }

    private static List<String> strings(Connection database, String sql) throws SQLException {
        try (Statement statement = database.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            List<String> strings = new ArrayList<>();
            while (rows.next()) {
                strings.add(rows.getString(1));
            }
            return strings;
        }
    }
}
