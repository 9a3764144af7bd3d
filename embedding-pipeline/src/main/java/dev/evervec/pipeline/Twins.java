package dev.evervec.pipeline;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.Embedding;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Records with equal texts: one of them, the leader, is sent, and the others wait for its outcome. Owned by the thread of the
 * state machine.
 *
 * <p>Whoever prepares a record looks for a stored vector of its text. What is answered and not yet committed is known here;
 * and what was committed while records were being read is remembered until those reads are over, because they may have looked
 * too early.
 */
final class Twins {
    /** So many commits at most are remembered for the sake of a slow read, and so many refused texts. */
    private static final int REMEMBERED = 100_000;

    private final Map<Sha256, Group> byText = new HashMap<>();
    private final Map<RecordKey, Group> byLeader = new HashMap<>();
    private final Map<Sha256, Embedding> answered = new HashMap<>();
    private final Map<Sha256, String> refused = new HashMap<>();
    private final Map<Sha256, Long> committed = new HashMap<>();
    private final Deque<Sha256> committedInOrder = new ArrayDeque<>();

    /** Those that wait for a leader with the same text. */
    private record Group(Sha256 text, List<Work> followers) {}

    /** The vector of this text that was answered a moment ago and is not committed yet, or null. */
    @Nullable
    Embedding answered(Sha256 text) {
        return answered.get(text);
    }

    /** Whether this text is on its way, or its vector is answered and not committed yet. */
    boolean isOpen(Sha256 text) {
        return byText.containsKey(text) || answered.containsKey(text);
    }

    /** Whether a vector of this text was committed when this read had begun already. */
    boolean committedSince(long read, Sha256 text) {
        Long lastReadThen = committed.get(text);
        return lastReadThen != null && read <= lastReadThen;
    }

    /** Takes a record; says whether it is the leader, which has to be sent. */
    boolean lead(Work work) {
        Sha256 text = work.text().hash();
        Group group = byText.get(text);
        if (group != null) {
            group.followers.add(work);
            return false;
        }
        Group own = new Group(text, new ArrayList<>(0));
        byText.put(text, own);
        byLeader.put(work.claim().key(), own);
        return true;
    }

    /** The fate of the leader is known; hands out those that share it. */
    List<Work> followersOf(Work leader) {
        Group group = byLeader.remove(leader.claim().key());
        if (group == null) {
            return List.of();
        }
        byText.remove(group.text);
        return group.followers;
    }

    /** Why the provider refuses this text, or null if it is not known to. */
    @Nullable
    String refusal(Sha256 text) {
        return refused.get(text);
    }

    void refuse(Sha256 text, String detail) {
        if (refused.size() < REMEMBERED) {
            refused.put(text, detail);
        }
    }

    void answer(Sha256 text, Embedding vector) {
        answered.put(text, vector);
    }

    /** The vectors of these texts are in the store; reads are numbered in the order in which they began. */
    void commit(Collection<Sha256> texts, long latestRead, long oldestOpenRead) {
        for (Sha256 text : texts) {
            answered.remove(text);
            if (committed.put(text, latestRead) == null) {
                committedInOrder.addLast(text);
            }
        }
        while (!committedInOrder.isEmpty() && mayForget(committedInOrder.getFirst(), oldestOpenRead)) {
            committed.remove(committedInOrder.removeFirst());
        }
    }

    private boolean mayForget(Sha256 text, long oldestOpenRead) {
        return committedInOrder.size() > REMEMBERED || committed.getOrDefault(text, 0L) < oldestOpenRead;
    }

    /** The vector of this text will not be in the store. */
    void lose(Sha256 text) {
        answered.remove(text);
    }
}
