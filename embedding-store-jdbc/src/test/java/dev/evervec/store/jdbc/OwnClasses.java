package dev.evervec.store.jdbc;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Class loaders with the classes of this class path anew, as another application of the process has. */
final class OwnClasses {
    /** Where they get SQLite's driver from. */
    enum Driver {
        /** The one of this process, as a server has it in a folder of its own. */
        SHARED,
        /** One more copy. */
        OWN,
        MISSING
    }

    private OwnClasses() {}

    static URLClassLoader load(Driver driver) throws IOException {
        List<URL> classPath = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (driver == Driver.OWN || !entry.contains("sqlite-jdbc")) {
                classPath.add(Path.of(entry).toUri().toURL());
            }
        }
        ClassLoader platform = ClassLoader.getPlatformClassLoader();
        return new URLClassLoader(
                classPath.toArray(URL[]::new), driver == Driver.SHARED ? new DriverOfThisProcess(platform) : platform);
    }

    private static final class DriverOfThisProcess extends ClassLoader {
        DriverOfThisProcess(ClassLoader parent) {
            super(parent);
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            if (name.startsWith("org.sqlite.")) {
                return Class.forName(name, false, OwnClasses.class.getClassLoader());
            }
            throw new ClassNotFoundException(name);
        }
    }
}
