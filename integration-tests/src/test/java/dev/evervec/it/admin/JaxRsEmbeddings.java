package dev.evervec.it.admin;

import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.JobStatus;
import dev.evervec.pipeline.jobs.RetryRequest;
import dev.evervec.pipeline.jobs.TriggerRefusedException;
import jakarta.ws.rs.ClientErrorException;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.ext.ExceptionMapper;
import jakarta.ws.rs.ext.Provider;
import java.util.Map;
import java.util.stream.Collectors;

// docs/admin-page.md begins
@Path("/embeddings")
@Produces("application/json")
public class JaxRsEmbeddings {
    private final EmbeddingJobs jobs;

    JaxRsEmbeddings(EmbeddingJobs jobs) {
        this.jobs = jobs;
    }

    @POST
    @Path("/trigger")
    public Response trigger(String body) {
        return begun(jobs.trigger(JobRequest.ofJson(body)));
    }

    @POST
    @Path("/retry-failed")
    public Response retryFailed(String body) {
        return begun(jobs.retryFailed(RetryRequest.ofJson(body)));
    }

    @POST
    @Path("/{id}/resume")
    public Response resume(@PathParam("id") String id) {
        return begun(jobs.resume(id));
    }

    @POST
    @Path("/{id}/cancel")
    public Response cancel(@PathParam("id") String id) {
        return switch (jobs.cancel(id)) {
            case REQUESTED -> begun(id);
            case NOT_RUNNING -> throw new ClientErrorException("the job has ended", 409);
            case UNKNOWN_JOB -> throw new NotFoundException("there is no such job");
        };
    }

    @GET
    @Path("/status")
    public String status() {
        return "{\"job\":" + jobs.status().map(JobStatus::toJson).orElse("null") + "}";
    }

    @GET
    @Path("/history")
    public String history() {
        return "{\"jobs\":"
                + jobs.history(20).stream().map(JobStatus::toJson).collect(Collectors.joining(",", "[", "]")) + "}";
    }

    @GET
    @Path("/{id}/output")
    public String output(@PathParam("id") String id) {
        return jobs.output(id)
                .orElseThrow(() -> new NotFoundException("there is no such job"))
                .toJson();
    }

    private static Response begun(String jobId) {
        return Response.accepted(Map.of("job_id", jobId)).build();
    }

    @Provider
    public static class Refused implements ExceptionMapper<TriggerRefusedException> {
        @Override
        public Response toResponse(TriggerRefusedException e) {
            int status = switch (e.refusal()) {
                case INVALID -> 400;
                case UNKNOWN_JOB -> 404;
                case ALREADY_RUNNING, NOT_RESUMABLE -> 409;
                case CLOSED -> 503;
            };
            return Response.status(status)
                    .type("application/problem+json")
                    .entity(Map.of("title", e.refusal(), "status", status, "detail", e.getMessage()))
                    .build();
        }
    }
}
// docs/admin-page.md ends
