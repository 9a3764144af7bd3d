package dev.evervec.resilience;

import dev.evervec.provider.CancelSignal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.Condition;
import org.jspecify.annotations.Nullable;

/** Virtual time for several threads of which one runs at a time: always the one whose wait ends first. */
final class Turns {
    private final List<Member> members = new ArrayList<>();
    private long now;
    private @Nullable Member running;

    /** A thread's clock; only for objects that no other thread uses. */
    final class Member implements Timing {
        private long wakeAt;
        private boolean ended;

        @Override
        public Instant now() {
            return Instant.EPOCH.plusNanos(nanoTime());
        }

        @Override
        public long nanoTime() {
            synchronized (Turns.this) {
                return now;
            }
        }

        @Override
        public void sleep(Duration duration, CancelSignal cancelSignal) {
            sleep(duration.toNanos());
        }

        @Override
        public void await(Condition condition, long nanos) {
            sleep(nanos);
        }

        void sleep(long nanos) {
            synchronized (Turns.this) {
                wakeAt = now + nanos;
                runNext();
                awaitTurn();
            }
        }

        private void awaitTurn() {
            try {
                while (running != this) {
                    Turns.this.wait();
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private synchronized void runNext() {
        running = null;
        for (Member member : members) {
            if (!member.ended && (running == null || member.wakeAt < running.wakeAt)) {
                running = member;
            }
        }
        if (running != null) {
            now = running.wakeAt;
        }
        notifyAll();
    }

    synchronized long now() {
        return now;
    }

    synchronized Member join() {
        Member member = new Member();
        members.add(member);
        return member;
    }

    /** Runs all of it, one for each who joined, to its end. */
    void run(List<Runnable> lives) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(lives.size());
        try {
            List<Future<?>> ends = new ArrayList<>();
            for (int i = 0; i < lives.size(); i++) {
                Member member = members.get(i);
                Runnable life = lives.get(i);
                ends.add(threads.submit(() -> live(member, life)));
            }
            runNext();
            for (Future<?> end : ends) {
                end.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private void live(Member member, Runnable life) {
        synchronized (this) {
            member.awaitTurn();
        }
        try {
            life.run();
        } finally {
            synchronized (this) {
                member.ended = true;
                runNext();
            }
        }
    }
}
