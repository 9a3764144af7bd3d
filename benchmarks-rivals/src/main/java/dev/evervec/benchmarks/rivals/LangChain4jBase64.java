package dev.evervec.benchmarks.rivals;

import dev.evervec.benchmarks.contest.Task;

/** Asking for base64, called from a pool. */
public final class LangChain4jBase64 extends LangChain4jContender {
    /** One for the task. */
    public LangChain4jBase64(Task task) {
        super(task, task.inFlight(), documented(task).encodingFormat("base64").build());
    }
}
