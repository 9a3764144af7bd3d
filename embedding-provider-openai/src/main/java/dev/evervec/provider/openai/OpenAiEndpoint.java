package dev.evervec.provider.openai;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where requests go: the checked base URL and what kind of service answers there.
 *
 * @param kind what kind of service it is
 * @param baseUrl absolute, without trailing slash, query or user information; the form that the SDK wants
 * @param apiVersion the api-version to send to Azure, or null for the SDK's choice
 */
record OpenAiEndpoint(Kind kind, String baseUrl, @Nullable String apiVersion) {
    /** The services that differ in paths, credentials or limits. */
    enum Kind {
        /** OpenAI itself. */
        OPENAI,
        /** Azure OpenAI, paths by deployment. */
        AZURE_DEPLOYMENTS,
        /** Azure OpenAI, paths as at OpenAI. */
        AZURE_V1,
        /** Any other server that speaks the protocol. */
        COMPATIBLE
    }

    private static final String OPENAI = "https://api.openai.com/v1";
    private static final List<String> AZURE_HOSTS =
            List.of(".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com", ".azure-api.net");
    private static final Pattern DEPLOYMENT_PATH = Pattern.compile("(?:/openai)?/deployments/([^/]+)(?:/.*)?$");
    private static final Pattern API_VERSION = Pattern.compile("api-version=([A-Za-z0-9.-]{1,40})");

    /**
     * The endpoint of a configured base URL, or OpenAI itself for null.
     *
     * @param model decides nothing, but must be the deployment that an Azure URL names, if it names one
     * @throws IllegalArgumentException if no request could be sent to this URL; the message says what is wrong with it
     */
    static OpenAiEndpoint of(@Nullable String configured, String model) {
        if (configured == null) {
            return new OpenAiEndpoint(Kind.OPENAI, OPENAI, null);
        }
        URI url = checked(configured.strip());
        String host = url.getHost().toLowerCase(Locale.ROOT);
        boolean azure = AZURE_HOSTS.stream().anyMatch(host::endsWith);
        String apiVersion = apiVersionOf(url, azure);
        String path = pathOf(url);
        if (azure) {
            return path.endsWith("/openai/v1")
                    ? new OpenAiEndpoint(Kind.AZURE_V1, baseOf(url) + path, apiVersion)
                    : new OpenAiEndpoint(
                            Kind.AZURE_DEPLOYMENTS, baseOf(url) + withoutDeployment(path, model), apiVersion);
        }
        boolean own = host.equals("api.openai.com") || host.endsWith(".api.openai.com");
        return new OpenAiEndpoint(own ? Kind.OPENAI : Kind.COMPATIBLE, baseOf(url) + path, null);
    }

    /** Whether it is one of Azure's two forms. */
    boolean azure() {
        return kind == Kind.AZURE_DEPLOYMENTS || kind == Kind.AZURE_V1;
    }

    /**
     * Whether OpenAI's list prices hold here: not at Azure, nor at the regional hosts, which cost 10 % more for some models
     * (vendor's data residency guide, seen 2026-11-21).
     */
    boolean atListPrice() {
        return baseUrl.equalsIgnoreCase(OPENAI);
    }

    private static URI checked(String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("base_url is empty");
        }
        URI url;
        try {
            url = new URI(text);
        } catch (URISyntaxException e) {
            // Not passed on as the cause: its message quotes the whole input, which may hold credentials.
            throw new IllegalArgumentException(
                    "base_url is no valid URL: " + e.getReason() + " at position " + e.getIndex());
        }
        String scheme = url.getScheme();
        if (scheme == null || url.isOpaque()) {
            throw new IllegalArgumentException("base_url must begin with http:// or https://");
        }
        if (!scheme.equalsIgnoreCase("http") && !scheme.equalsIgnoreCase("https")) {
            throw new IllegalArgumentException("base_url must begin with http:// or https://, not " + scheme + "://");
        }
        String authority = url.getRawAuthority();
        if (authority != null && authority.indexOf('@') >= 0) {
            throw new IllegalArgumentException("base_url must not contain a user name or password; use api_key");
        }
        if (url.getHost() == null) {
            throw new IllegalArgumentException(
                    authority != null && authority.indexOf('_') >= 0
                            ? "base_url has a host name with an underscore (" + authority
                                    + "), which HTTP clients refuse: use another name of the host or its address"
                            : "base_url has no valid host name");
        }
        if (url.getPort() == 0 || url.getPort() > 65535) {
            throw new IllegalArgumentException("base_url has the port " + url.getPort() + ", which does not exist");
        }
        if (url.getRawFragment() != null) {
            throw new IllegalArgumentException("base_url must not contain a fragment (#...)");
        }
        return url;
    }

    private static @Nullable String apiVersionOf(URI url, boolean azure) {
        String query = url.getRawQuery();
        if (query == null || query.isEmpty()) {
            return null;
        }
        Matcher version = API_VERSION.matcher(query);
        if (azure && version.matches()) {
            return version.group(1);
        }
        throw new IllegalArgumentException("base_url must not contain a query (?...), except api-version for Azure");
    }

    private static String pathOf(URI url) {
        String path = url.getRawPath().replaceAll("/+$", "");
        boolean deployment = DEPLOYMENT_PATH.matcher(path).find();
        if (!deployment && (path.endsWith("/embeddings") || path.endsWith("/chat/completions"))) {
            throw new IllegalArgumentException(
                    "base_url must end before /embeddings or /chat/completions: these are added to it");
        }
        return path;
    }

    private static String baseOf(URI url) {
        return url.getScheme().toLowerCase(Locale.ROOT) + "://" + url.getRawAuthority();
    }

    /** The SDK adds /openai/deployments/MODEL itself; a URL copied from Azure's portal already has it. */
    private static String withoutDeployment(String path, String model) {
        Matcher deployment = DEPLOYMENT_PATH.matcher(path);
        if (!deployment.find()) {
            return path.endsWith("/openai") ? path.substring(0, path.length() - "/openai".length()) : path;
        }
        if (!deployment.group(1).equals(model)) {
            throw new IllegalArgumentException("base_url names the Azure deployment " + deployment.group(1)
                    + ", but the model is " + model + ": set the model's name to the deployment's name");
        }
        return path.substring(0, deployment.start());
    }
}
