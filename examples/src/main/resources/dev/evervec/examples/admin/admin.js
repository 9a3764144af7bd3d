// The admin page: what the server tells goes to the parts of the page that show it.

import { Problem } from './api.js';
import { showCosts } from './costs.js';
import { find, put, show } from './dom.js';
import { percent } from './format.js';
import { prepareRetry, showHealth, showRetry } from './health.js';
import { showHistory } from './history.js';
import { prepareJob, showJob } from './job.js';
import { follow } from './live.js';
import { prepareLog } from './log.js';
import { isEmpty, showRecords } from './records.js';
import { offerSources, prepareStart } from './start.js';
import { t } from './texts.js';

/** Health, costs and history change with jobs; now and then they are asked for anyway. */
const REFRESH_RUNNING_MS = 15_000;
const REFRESH_MS = 60_000;
const SOON_MS = 100;

let job = null;
let stats = null;
let refreshTimer = 0;
let refreshed = 0;

const openLog = prepareLog((id) => job?.job_id === id && job.state === 'running');

const askAtOnce = follow({
  status(newest) {
    const another = newest?.job_id !== job?.job_id || newest?.state !== job?.state;
    job = newest;
    showJob(job);
    showTitle();
    showBoth();
    if (another) {
      refresh();
    }
  },
  stats(newest) {
    stats = newest;
    showRecords(stats);
    offerSources(stats);
    showBoth();
  },
  connection(state) {
    find('connection').dataset.state = state;
    put('connection-text', t(`connection_${state.replace('-', '_')}`));
    show('connection-login', state === 'signed-out');
    if (state === 'live' || state === 'polling') {
      refresh();
    }
  },
});

prepareStart(started);
prepareJob(askAtOnce, openLog);
prepareRetry(started);
setInterval(() => {
  const patience = job?.state === 'running' ? REFRESH_RUNNING_MS : REFRESH_MS;
  if (!document.hidden && performance.now() - refreshed > patience - 2 * SOON_MS) {
    refresh();
  }
}, REFRESH_RUNNING_MS);

/** On a phone the job is above the form that started it. */
function started() {
  askAtOnce();
  find('job').scrollIntoView({ block: 'nearest' });
}

/** Soon, so that news that come together are asked for once. */
function refresh() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => {
    refreshed = performance.now();
    part('health', showHealth);
    part('costs', showCosts);
    part('history', () => showHistory(openLog));
  }, SOON_MS);
}

/** One part that cannot be shown leaves the others alone. */
async function part(name, load) {
  const error = find(`${name}-error`);
  try {
    await load();
    error.hidden = true;
  } catch (problem) {
    if (!(problem instanceof Problem)) {
      throw problem;
    }
    problem.tell(error);
  }
}

/** What depends on the counts and on the job. A new database has nothing to show but the first step. */
function showBoth() {
  if (stats !== null) {
    find('main').classList.toggle('new', isEmpty(stats) && job === null);
    showRetry(stats, job);
  }
}

/** How far the job is, for whoever has the page in another tab. */
function showTitle() {
  const { done, total } = job?.embed_progress ?? { done: 0, total: 0 };
  const share = job?.state === 'running' && total > 0 ? `${percent(done / total)} · ` : '';
  document.title = `${share}${t('title')} · Evervec`;
}
