// Whether all is well, and what may be tried again.

import { doing, get, post } from './api.js';
import { element, find, list, put, show } from './dom.js';
import { count, duration, percent, time } from './format.js';
import { total } from './records.js';
import { t, word } from './texts.js';

export function prepareRetry(started) {
  for (const [name, all] of [['retry-failed', false], ['retry-all', true]]) {
    find(name).addEventListener('click', () => doing(find(name), find('retry-error'), async () => {
      await post('retry-failed', { source: 'all', now: true, all });
      started();
    }));
  }
}

/** What failed at any time, and what rewriting left out in the latest job. */
export function showRetry(stats, job) {
  const failed = total(stats, 'failed');
  const notRewritten = Object.keys(job?.summary?.skipped ?? {}).some((reason) => reason.startsWith('rewrite_'));
  show('retry', failed > 0 || notRewritten);
  put('retry-count', t('retry_count', { count: count(failed) }));
}

export async function showHealth() {
  const health = await get('health');
  const well = health.healthy && health.held_up_by === null;
  const verdict = put('health-verdict', t(well ? 'health_healthy' : 'health_unhealthy'));
  verdict.dataset.state = well ? 'healthy' : 'unhealthy';
  show('health-verdict', true);
  show('health-breaches', health.breaches.length > 0);
  list('health-breaches', health.breaches);
  put('health-oldest', oldest(health.total));
  put('health-rate', percent(health.total.success_rate));
  put('health-stale', count(health.total.stale));
  put('health-last-run', lastRun(health.last_run));
  show('health-held-up', health.held_up_by !== null);
  put('health-held-up-text', health.held_up_by ?? '');
}

function oldest({ pending, oldest_pending: since, oldest_pending_age_secs: age }) {
  if (since === null) {
    return pending === 0 ? t('health_none_pending') : '–';
  }
  const element = time(since);
  element.textContent = duration(age);
  return element;
}

function lastRun(run) {
  if (run === null) {
    return t('health_no_run');
  }
  const badge = element('span', { class: 'badge', 'data-state': run.state }, word('state', run.state));
  return element('span', {}, badge, ' ', time(run.ended_at ?? run.started_at));
}
