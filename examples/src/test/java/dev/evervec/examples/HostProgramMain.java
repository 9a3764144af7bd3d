package dev.evervec.examples;

import org.sqlite.SQLiteDataSource;

/** A process that runs the host program, whose files are in the folder it is started in. */
final class HostProgramMain {
    private HostProgramMain() {}

    public static void main(String[] args) {
        SQLiteDataSource dataSource = new SQLiteDataSource();
        dataSource.setUrl("jdbc:sqlite:" + args[0]);
        new HostProgram(dataSource).run();
    }
}
