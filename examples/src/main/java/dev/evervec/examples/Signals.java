package dev.evervec.examples;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Handles signals of the operating system while it is open, and puts back what was there when it is closed.
 *
 * <p>{@code sun.misc.Signal} is exported and documented by the module jdk.unsupported for want of a replacement. It is used
 * by reflection because the compiler's warning about it cannot be turned off, and so that the program runs where it is
 * missing: there signals do what they always do.
 */
final class Signals implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Signals.class);

    private final List<Runnable> putBack = new ArrayList<>();

    private Signals() {}

    /** Runs the action, on a thread of its own, for each signal with one of these names, such as {@code INT}. */
    static Signals handle(Runnable action, String... names) {
        Signals signals = new Signals();
        for (String name : names) {
            try {
                signals.handle(name, action);
            } catch (ReflectiveOperationException e) {
                // Not on this platform, taken by the virtual machine (-Xrs), or no such class.
                log.debug("signal {} is left alone", name, e);
            }
        }
        return signals;
    }

    private void handle(String name, Runnable action) throws ReflectiveOperationException {
        Class<?> signalType = Class.forName("sun.misc.Signal");
        Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
        Object signal = signalType.getConstructor(String.class).newInstance(name);
        Object handler = Proxy.newProxyInstance(
                Signals.class.getClassLoader(), new Class<?>[] {handlerType}, (proxy, method, arguments) -> {
                    if (method.getDeclaringClass() == handlerType) {
                        action.run();
                        return null;
                    }
                    return method.invoke(action, arguments);
                });
        var handle = signalType.getMethod("handle", signalType, handlerType);
        Object previous = handle.invoke(null, signal, handler);
        if (previous == handlerType.getField("SIG_IGN").get(null)) {
            // Whoever started the program wants it ignored: nohup, for one.
            handle.invoke(null, signal, previous);
            return;
        }
        putBack.add(() -> {
            try {
                handle.invoke(null, signal, previous);
            } catch (ReflectiveOperationException e) {
                log.debug("signal {} stays handled", name, e);
            }
        });
    }

    @Override
    public void close() {
        putBack.forEach(Runnable::run);
        putBack.clear();
    }
}
