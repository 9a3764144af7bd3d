package dev.evervec.pipeline;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.MarkMode;
import java.util.Collection;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What one job is to do. {@link #all()} embeds whatever is pending; the other methods narrow it down. Immutable.
 */
public final class BuildRequest {
    private final @Nullable String jobId;
    private final @Nullable String source;
    private final @Nullable String idPart;
    private final @Nullable Set<String> ids;
    private final MarkMode mode;

    private BuildRequest(
            @Nullable String jobId,
            @Nullable String source,
            @Nullable String idPart,
            @Nullable Set<String> ids,
            MarkMode mode) {
        this.jobId = jobId;
        this.source = source;
        this.idPart = idPart;
        this.ids = ids;
        this.mode = mode;
    }

    /** Everything that is pending, of all sources. */
    public static BuildRequest all() {
        return new BuildRequest(null, null, null, null, MarkMode.PENDING);
    }

    /**
     * Only this source; {@code all} stands for every source.
     *
     * @throws IllegalArgumentException if it cannot be the name of a source
     */
    public BuildRequest source(String name) {
        if (name.equals(RecordKey.ALL_SOURCES)) {
            return new BuildRequest(jobId, null, idPart, ids, mode);
        }
        String checked = new RecordKey(name, "-").source();
        return new BuildRequest(jobId, checked, idPart, ids, mode);
    }

    /**
     * Only records whose id contains this, taken literally and with regard to case.
     *
     * @throws IllegalArgumentException if it is empty
     */
    public BuildRequest filter(String literalPartOfId) {
        if (literalPartOfId.isEmpty()) {
            throw new IllegalArgumentException("the filter is empty; leave it out to take every id");
        }
        return new BuildRequest(jobId, source, literalPartOfId, ids, mode);
    }

    /**
     * Only records with one of these ids.
     *
     * @throws IllegalArgumentException if there is none
     */
    public BuildRequest ids(Collection<String> wanted) {
        if (wanted.isEmpty()) {
            throw new IllegalArgumentException("the list of ids is empty; leave it out to take every id");
        }
        return new BuildRequest(jobId, source, idPart, Set.copyOf(wanted), mode);
    }

    /** Embeds every record anew, whatever its state; each stored vector stays until its new one is committed. */
    public BuildRequest rebuild() {
        return new BuildRequest(jobId, source, idPart, ids, MarkMode.REBUILD);
    }

    /** Gives the job this id instead of one made from the time; it is checked when the job begins. */
    public BuildRequest jobId(String id) {
        return new BuildRequest(Objects.requireNonNull(id, "id"), source, idPart, ids, mode);
    }

    @Nullable
    String jobId() {
        return jobId;
    }

    @Nullable
    String source() {
        return source;
    }

    MarkMode mode() {
        return mode;
    }

    @Nullable
    Set<String> ids() {
        return ids;
    }

    boolean isSelection() {
        return idPart != null || ids != null;
    }

    boolean selects(RecordKey key) {
        return (idPart == null || key.id().contains(idPart)) && (ids == null || ids.contains(key.id()));
    }
}
