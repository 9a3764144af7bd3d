package dev.evervec.benchmarks.contest;

import java.util.List;

/**
 * What all contenders of a contest are to do.
 *
 * @param baseUrl of a service in OpenAI's form
 * @param dimension of the vectors
 * @param textsPerRequest most texts in a request
 * @param inFlight requests at a time
 * @param characters of a text
 * @param rewrites rewrites at a time, or 0 if texts are not rewritten
 */
public record Task(String baseUrl, int dimension, int textsPerRequest, int inFlight, int characters, int rewrites) {
    List<String> arguments() {
        return List.of(
                baseUrl,
                Integer.toString(dimension),
                Integer.toString(textsPerRequest),
                Integer.toString(inFlight),
                Integer.toString(characters),
                Integer.toString(rewrites));
    }

    static Task ofArguments(List<String> arguments) {
        return new Task(
                arguments.get(0),
                Integer.parseInt(arguments.get(1)),
                Integer.parseInt(arguments.get(2)),
                Integer.parseInt(arguments.get(3)),
                Integer.parseInt(arguments.get(4)),
                Integer.parseInt(arguments.get(5)));
    }
}
