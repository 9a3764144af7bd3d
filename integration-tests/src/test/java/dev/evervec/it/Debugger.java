package dev.evervec.it;

import com.sun.jdi.Bootstrap;
import com.sun.jdi.Method;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.connect.IllegalConnectorArgumentsException;
import com.sun.jdi.connect.ListeningConnector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.ClassPrepareRequest;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * Stops a process at a {@link Failpoint} by a breakpoint, so that the code under test has no hooks for it. Listens on a port
 * of 127.0.0.1 where processes started with {@link #options} report, one after the other.
 */
final class Debugger implements AutoCloseable {
    private static final long PATIENCE_MILLIS = 60_000;

    private final ListeningConnector connector = Bootstrap.virtualMachineManager().listeningConnectors().stream()
            .filter(at -> at.transport().name().equals("dt_socket"))
            .findFirst()
            .orElseThrow();
    private final Map<String, Connector.Argument> arguments = connector.defaultArguments();
    private final String address;

    Debugger() throws IOException {
        arguments.get("localAddress").setValue("127.0.0.1");
        arguments.get("port").setValue("0");
        arguments.get("timeout").setValue(Long.toString(PATIENCE_MILLIS));
        try {
            String listening = connector.startListening(arguments);
            address = "127.0.0.1" + listening.substring(listening.lastIndexOf(':'));
        } catch (IllegalConnectorArgumentsException e) {
            throw new IOException(e);
        }
    }

    /** Makes a process wait at its start for {@link #accept}. */
    List<String> options() {
        return List.of("-agentlib:jdwp=transport=dt_socket,server=n,suspend=y,address=" + address);
    }

    /** The process that was started last. */
    Target accept() throws IOException {
        try {
            return new Target(connector.accept(arguments));
        } catch (IllegalConnectorArgumentsException e) {
            throw new IOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        try {
            connector.stopListening(arguments);
        } catch (IllegalConnectorArgumentsException e) {
            throw new IOException(e);
        }
    }

    /** A process with a breakpoint. */
    static final class Target {
        private final VirtualMachine machine;

        private Target(VirtualMachine machine) {
            this.machine = machine;
        }

        /**
         * Lets the process run until it begins the failpoint's method for the n-th time; there it stands still with all its
         * threads.
         *
         * @return false if it ended before
         */
        boolean runTo(Failpoint failpoint, int time) throws InterruptedException {
            ClassPrepareRequest loaded = machine.eventRequestManager().createClassPrepareRequest();
            loaded.addClassFilter(failpoint.className);
            loaded.enable();
            try {
                machine.resume();
                return await(failpoint, time);
            } catch (VMDisconnectedException e) {
                return false;
            }
        }

        /** Lets the process go on from where it stands still. */
        void goOn() {
            machine.resume();
        }

        /** Lets the process go on, and lets go of it. */
        void detach() {
            machine.dispose();
        }

        private boolean await(Failpoint failpoint, int time) throws InterruptedException {
            while (true) {
                EventSet events = machine.eventQueue().remove(PATIENCE_MILLIS);
                if (events == null) {
                    throw new AssertionError("neither at " + failpoint + " nor ended after a minute");
                }
                for (Event event : events) {
                    if (event instanceof ClassPrepareEvent prepared) {
                        breakAt(prepared.referenceType(), failpoint, time);
                    } else if (event instanceof BreakpointEvent) {
                        return true;
                    }
                }
                events.resume();
            }
        }

        private void breakAt(ReferenceType type, Failpoint failpoint, int time) {
            List<Method> methods = type.methods().stream()
                    .filter(method -> method.name().equals(failpoint.methodName))
                    .toList();
            if (methods.size() != 1) {
                throw new AssertionError(failpoint + " is to be at the one method " + failpoint.methodName + " of "
                        + failpoint.className + ", which has " + methods.size() + " of that name");
            }
            BreakpointRequest request = machine.eventRequestManager()
                    .createBreakpointRequest(methods.get(0).location());
            request.addCountFilter(time);
            request.enable();
        }
    }
}
