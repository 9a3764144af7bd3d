package dev.evervec.examples;

/** The program's exit codes. */
final class ExitCode {
    /** Done; of a build: no record failed. */
    static final int OK = 0;

    /** The work was begun and not all of it succeeded. */
    static final int FAILED = 1;

    /** Nothing was begun: usage, configuration, or a source or store that cannot be reached. */
    static final int NOT_BEGUN = 2;

    /** For the help of commands other than build. */
    static final String HELP = "%nExit codes: 0 done; 2 wrong usage or configuration, or a store that cannot be used.";

    private ExitCode() {}
}
