// Follows the server: by its events, and where they do not get through by asking every three seconds.
//
// A stream may be open and yet dead: behind a proxy that holds it back, or after a laptop slept. So one that says nothing at
// first is given up, and one that falls silent later is compared with what the server answers when it is asked.

import { get, Problem } from './api.js';

const FIRST_EVENT_MS = 5_000;
const SILENCE_MS = 40_000;
const POLL_MS = 3_000;
const RETRY_MS = [3_000, 6_000, 12_000, 30_000];
/** A page that nobody sees for this long gives its stream back: browsers allow only six to one server. */
const UNSEEN_MS = 30_000;
const UNSEEN_POLL_MS = 60_000;
/** Counts may change without a job, too. */
const POLLS_PER_STATS = 10;

/**
 * Begins to follow.
 *
 * @param take functions status(job), stats(stats) and connection(state), which is live, polling, lost or signed-out
 * @returns a function that asks at once, unless events tell anyway
 */
export function follow(take) {
  let stream = null;
  let heard = false;
  let lastStatus = null;
  let lastPolled = null;
  let polls = 0;
  let failures = 0;
  let state = null;
  const timers = { poll: 0, silence: 0, retry: 0, unseen: 0 };

  function after(name, ms, action) {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(action, ms);
  }

  function enter(next) {
    if (next !== state) {
      state = next;
      take.connection(next);
    }
  }

  function open() {
    close();
    heard = false;
    stream = new EventSource('api/embeddings/events');
    stream.addEventListener('status', (event) => hear(event, (data) => take.status(data.job)));
    stream.addEventListener('stats', (event) => hear(event, take.stats));
    stream.onerror = fallBack;
    after('silence', FIRST_EVENT_MS, fallBack);
  }

  function close() {
    stream?.close();
    stream = null;
    clearTimeout(timers.silence);
    clearTimeout(timers.retry);
  }

  function hear(event, action) {
    heard = true;
    failures = 0;
    clearTimeout(timers.poll);
    after('silence', SILENCE_MS, doubt);
    enter('live');
    if (event.type === 'status') {
      lastStatus = event.data;
    }
    action(JSON.parse(event.data));
  }

  async function doubt() {
    const told = lastStatus;
    const answer = await get('status').catch(() => null);
    if (told !== lastStatus || stream === null) {
      return;
    }
    if (answer !== null && JSON.stringify(answer) === JSON.stringify(JSON.parse(told))) {
      after('silence', SILENCE_MS, doubt);
    } else {
      fallBack();
    }
  }

  function fallBack() {
    close();
    if (!document.hidden) {
      after('retry', RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)], open);
    }
    lastPolled = null;
    poll();
  }

  /** An open stream alone says nothing: it may never bring an event. */
  function listening() {
    return stream !== null && heard;
  }

  async function poll() {
    clearTimeout(timers.poll);
    const before = state;
    try {
      const { job } = await get('status');
      if (before === 'signed-out') {
        location.reload();
      } else if (!listening()) {
        enter('polling');
        take.status(job);
        await pollStats(JSON.stringify(job));
      }
      if (before === 'lost' && !document.hidden) {
        open();
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) {
        throw problem;
      }
      if (!listening() && state !== 'signed-out') {
        enter('lost');
      }
    }
    if (!listening() && state !== 'signed-out') {
      after('poll', document.hidden ? UNSEEN_POLL_MS : POLL_MS, poll);
    }
  }

  async function pollStats(job) {
    if (job !== lastPolled || polls++ % POLLS_PER_STATS === 0) {
      take.stats(await get('stats'));
    }
    lastPolled = job;
  }

  function signOut() {
    close();
    clearTimeout(timers.poll);
    enter('signed-out');
  }

  function look() {
    clearTimeout(timers.unseen);
    if (state === 'signed-out') {
      poll();
    } else if (stream === null) {
      open();
    }
  }

  function lookAway() {
    after('unseen', UNSEEN_MS, () => {
      close();
      after('poll', UNSEEN_POLL_MS, poll);
    });
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? lookAway() : look()));
  document.addEventListener('signed-out', signOut);
  addEventListener('pageshow', (event) => event.persisted && open());
  open();
  return () => listening() || poll();
}
