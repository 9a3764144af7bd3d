package dev.evervec.it;

import java.nio.file.Path;

/** The kills on SQLite. */
final class KillMatrixTest extends KillMatrix {
    @Override
    int kills() {
        return 40;
    }

    @Override
    KillStore newStore(Path site) {
        return KillStore.sqlite(site);
    }
}
