package dev.evervec.benchmarks.rivals;

import dev.evervec.benchmarks.contest.Task;

/** As it is by default, one request at a time, as its ingestor calls it. */
public final class LangChain4jAlone extends LangChain4jContender {
    /** One for the task. */
    public LangChain4jAlone(Task task) {
        super(task, 1, documented(task).build());
    }
}
