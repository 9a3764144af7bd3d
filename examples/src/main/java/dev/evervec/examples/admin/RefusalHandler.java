package dev.evervec.examples.admin;

import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** Answers what Jetty refuses before any route sees it, such as a path with an encoded slash. */
final class RefusalHandler implements Request.Handler {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        Problem problem = problem(response.getStatus(), request.getAttribute(ErrorHandler.ERROR_EXCEPTION));
        response.setStatus(problem.status());
        SecurityHeaders.ALWAYS.forEach((name, value) -> response.getHeaders().put(name, value));
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, Problem.CONTENT_TYPE);
        // Where a request that cannot be understood ends is not known, so no other can follow it.
        response.getHeaders().put(HttpHeader.CONNECTION, "close");
        Content.Sink.write(response, true, problem.toJson(), callback);
        return true;
    }

    private static Problem problem(int status, Object failure) {
        if ((status >= 400 && status < 500) || status == HttpStatus.HTTP_VERSION_NOT_SUPPORTED_505) {
            return Problem.of(status, "invalid", "the request cannot be understood");
        }
        return Failures.unexpected(failure instanceof Throwable e ? e : new IllegalStateException("status " + status));
    }
}
