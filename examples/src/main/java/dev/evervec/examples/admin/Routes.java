package dev.evervec.examples.admin;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Handler;

/** Adds routes whose other methods behave: HEAD is GET without its body, OPTIONS tells what there is. */
final class Routes {
    private final RoutesConfig routes;

    Routes(RoutesConfig routes) {
        this.routes = routes;
    }

    void get(String path, Handler handler) {
        routes.get(path, handler);
        routes.head(path, handler);
        options(path, "GET, HEAD, OPTIONS");
    }

    void post(String path, Handler handler) {
        routes.post(path, handler);
        options(path, "POST, OPTIONS");
    }

    /** A page, and the form that it sends to its own address. */
    void getAndPost(String path, Handler page, Handler form) {
        routes.get(path, page);
        routes.head(path, page);
        routes.post(path, form);
        options(path, "GET, HEAD, POST, OPTIONS");
    }

    private void options(String path, String allowed) {
        routes.options(path, request -> request.header("allow", allowed).status(204));
    }
}
