package dev.evervec.benchmarks.contest;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The loop that anybody would write first: several threads that read the next lines, send them over a bare socket and store what
 * comes in one SQLite file. No ledger, no books, no retries, and no JSON: a line is taken apart at its quotes.
 */
public final class BareLoop implements Contender {
    private final Task task;
    private final Workplace place;
    private final BareSocket service;
    private final ExecutorService threads;
    private Path records = Path.of("");
    private Path storeFile = Path.of("");

    private record Line(String id, String text) {}

    /** One for the task. */
    public BareLoop(Task task) throws IOException {
        this.task = task;
        this.place = new Workplace(task.characters());
        this.service = new BareSocket(task);
        this.threads = Executors.newFixedThreadPool(task.inFlight());
    }

    @Override
    public void prepare(int texts) throws IOException {
        records = place.records(texts);
        storeFile = place.newStore();
    }

    @Override
    public void run(int texts) throws Exception {
        try (BufferedReader lines = Files.newBufferedReader(records);
                Connection store = BareSqlite.create(storeFile)) {
            List<Future<?>> loops = new ArrayList<>();
            for (int i = 0; i < task.inFlight(); i++) {
                loops.add(threads.submit(() -> {
                    for (List<Line> batch = next(lines); !batch.isEmpty(); batch = next(lines)) {
                        float[][] vectors =
                                service.vectors(batch.stream().map(Line::text).toList());
                        write(store, batch, vectors);
                    }
                    return null;
                }));
            }
            for (Future<?> loop : loops) {
                loop.get();
            }
        }
    }

    private List<Line> next(BufferedReader lines) throws IOException {
        List<Line> batch = new ArrayList<>(task.textsPerRequest());
        synchronized (lines) {
            while (batch.size() < task.textsPerRequest()) {
                String line = lines.readLine();
                if (line == null) {
                    break;
                }
                String[] parts = line.split("\"", -1);
                batch.add(new Line(parts[3], parts[7]));
            }
        }
        return batch;
    }

    private static void write(Connection store, List<Line> batch, float[][] vectors) throws SQLException {
        synchronized (store) {
            try (PreparedStatement insert = store.prepareStatement("insert or replace into bare values (?, ?)")) {
                for (int i = 0; i < vectors.length; i++) {
                    insert.setString(1, batch.get(i).id());
                    insert.setBytes(2, BareSqlite.bytes(vectors[i]));
                    insert.addBatch();
                }
                insert.executeBatch();
            }
            store.commit();
        }
    }

    @Override
    public void close() throws IOException {
        threads.shutdownNow();
        service.close();
        place.close();
    }
}
