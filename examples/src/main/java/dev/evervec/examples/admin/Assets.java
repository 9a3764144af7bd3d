package dev.evervec.examples.admin;

import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/** The files that the pages load: read once, and sent again only when they have changed. */
final class Assets {
    private static final Map<String, String> TYPES = Map.of(
            "css", "text/css; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "svg", "image/svg+xml");

    private final Map<String, Asset> byName = new HashMap<>();

    Assets() {
        Pages.ASSETS.forEach(name -> byName.put(name, Asset.read(name)));
    }

    private record Asset(String content, String type, String etag) {
        static Asset read(String name) {
            try (InputStream in = Assets.class.getResourceAsStream(name)) {
                if (in == null) {
                    throw new IllegalStateException("the program lacks its file " + name);
                }
                byte[] content = in.readAllBytes();
                String type = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
                return new Asset(new String(content, StandardCharsets.UTF_8), String.valueOf(type), etag(content));
            } catch (IOException e) {
                throw new UncheckedIOException("cannot read " + name, e);
            }
        }

        private static String etag(byte[] content) {
            try {
                byte[] hash = MessageDigest.getInstance("SHA-256").digest(content);
                return '"' + HexFormat.of().formatHex(hash, 0, 12) + '"';
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("every Java has SHA-256", e);
            }
        }
    }

    /** Answers with this file; only names that are listed are files. */
    void serve(Context request) {
        Asset asset = byName.get(request.pathParam("name"));
        if (asset == null) {
            throw Problem.of(404, "not_found", "there is no such file");
        }
        // Kept by browsers, but asked for each time, so that a new version is seen at once.
        request.header("cache-control", "no-cache").header("etag", asset.etag());
        if (asset.etag().equals(request.header("if-none-match"))) {
            request.status(304);
        } else {
            request.contentType(asset.type()).result(asset.content().getBytes(StandardCharsets.UTF_8));
        }
    }
}
