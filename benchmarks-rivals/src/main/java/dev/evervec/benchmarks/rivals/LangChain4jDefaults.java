package dev.evervec.benchmarks.rivals;

import dev.evervec.benchmarks.contest.Task;

/** As it is by default, called from a pool. */
public final class LangChain4jDefaults extends LangChain4jContender {
    /** One for the task. */
    public LangChain4jDefaults(Task task) {
        super(task, task.inFlight(), documented(task).build());
    }
}
