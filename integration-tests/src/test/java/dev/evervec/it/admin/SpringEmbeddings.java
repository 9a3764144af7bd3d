package dev.evervec.it.admin;

import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.JobStatus;
import dev.evervec.pipeline.jobs.RetryRequest;
import dev.evervec.pipeline.jobs.TriggerRefusedException;
import java.util.stream.Collectors;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

// docs/admin-page.md begins
@RestController
@RequestMapping(path = "/embeddings", produces = "application/json")
class SpringEmbeddings {
    private final EmbeddingJobs jobs; // a @Bean(destroyMethod = "close")

    SpringEmbeddings(EmbeddingJobs jobs) {
        this.jobs = jobs;
    }

    @PostMapping("/trigger")
    @ResponseStatus(HttpStatus.ACCEPTED)
    String trigger(@RequestBody String body) {
        return begun(jobs.trigger(JobRequest.ofJson(body)));
    }

    @PostMapping("/retry-failed")
    @ResponseStatus(HttpStatus.ACCEPTED)
    String retryFailed(@RequestBody(required = false) String body) {
        return begun(jobs.retryFailed(body == null ? RetryRequest.DUE : RetryRequest.ofJson(body)));
    }

    @PostMapping("/{id}/resume")
    @ResponseStatus(HttpStatus.ACCEPTED)
    String resume(@PathVariable("id") String id) {
        return begun(jobs.resume(id));
    }

    @PostMapping("/{id}/cancel")
    @ResponseStatus(HttpStatus.ACCEPTED)
    String cancel(@PathVariable("id") String id) {
        return switch (jobs.cancel(id)) {
            case REQUESTED -> begun(id);
            case NOT_RUNNING -> throw new ResponseStatusException(HttpStatus.CONFLICT, "the job has ended");
            case UNKNOWN_JOB -> throw new ResponseStatusException(HttpStatus.NOT_FOUND, "there is no such job");
        };
    }

    @GetMapping("/status")
    String status() {
        return "{\"job\":" + jobs.status().map(JobStatus::toJson).orElse("null") + "}";
    }

    @GetMapping("/history")
    String history() {
        return "{\"jobs\":"
                + jobs.history(20).stream().map(JobStatus::toJson).collect(Collectors.joining(",", "[", "]")) + "}";
    }

    @GetMapping("/{id}/output")
    String output(@PathVariable("id") String id) {
        return jobs.output(id)
                .orElseThrow(() -> new ResponseStatusException(HttpStatus.NOT_FOUND, "there is no such job"))
                .toJson();
    }

    private static String begun(String jobId) {
        return "{\"job_id\":\"" + jobId + "\"}"; // an id has nothing to escape
    }

    @ExceptionHandler
    ProblemDetail refused(TriggerRefusedException e) {
        HttpStatus status = switch (e.refusal()) {
            case INVALID -> HttpStatus.BAD_REQUEST;
            case UNKNOWN_JOB -> HttpStatus.NOT_FOUND;
            case ALREADY_RUNNING, NOT_RESUMABLE -> HttpStatus.CONFLICT;
            case CLOSED -> HttpStatus.SERVICE_UNAVAILABLE;
        };
        ProblemDetail problem = ProblemDetail.forStatusAndDetail(status, e.getMessage());
        problem.setProperty("field", e.field());
        return problem;
    }
}
// docs/admin-page.md ends
