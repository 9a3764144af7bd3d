package dev.evervec.store.jdbc;

import java.sql.SQLException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which live embedder works on a store: the one that holds a lock, or has the lease. Guarded by the store's lock. */
final class LiveLead {
    private static final String TAKE = "insert into evervec_leader (role, embedder, lease_end) values ('live', ?, ?)"
            + " on conflict (role) do update set embedder = excluded.embedder, lease_end = excluded.lease_end"
            + " where evervec_leader.embedder = excluded.embedder or evervec_leader.lease_end < ?";
    private static final String LEAVE = "delete from evervec_leader where role = 'live' and embedder = ?";

    /** Who holds the lock by this store. */
    private @Nullable String leader;

    private @Nullable JobLock held;

    /** By a lock that nobody else can hold. */
    boolean lock(Dialect dialect, String embedder) {
        if (leader != null) {
            return leader.equals(embedder);
        }
        Optional<JobLock> taken = dialect.tryLockLeader();
        taken.ifPresent(lock -> {
            leader = embedder;
            held = lock;
        });
        return taken.isPresent();
    }

    void unlock(String embedder) {
        if (embedder.equals(leader)) {
            unlock();
        }
    }

    /** Whoever has it. */
    void unlock() {
        if (held != null) {
            held.release();
        }
        held = null;
        leader = null;
    }

    /** By a lease that is over for nobody else. */
    static boolean lease(Session session, String embedder, long now, long leaseEnd) throws SQLException {
        return session.update(TAKE, embedder, leaseEnd, now) == 1;
    }

    static void endLease(Session session, String embedder) throws SQLException {
        session.update(LEAVE, embedder);
    }
}
