// The running job, or the last one.

import { doing, post } from './api.js';
import { announce, find, list, put, rows, show } from './dom.js';
import { count, duration, money, percent, rate, secondsBetween, time } from './format.js';
import { showEstimate, startedByEstimate } from './estimate.js';
import { t, word } from './texts.js';

/** The job that the page shows: null if there was none yet, undefined before the first look. */
let shown;

/** Makes the buttons work; changed() is called when one of them changed something. */
export function prepareJob(changed, openLog) {
  const act = (name, action) => find(name).addEventListener('click', () => doing(find(name), find('job-error'), async () => {
    await action();
    changed();
  }));
  act('job-cancel', () => post(`${encodeURIComponent(shown.job_id)}/cancel`));
  act('job-resume', () => post(`${encodeURIComponent(shown.job_id)}/resume`));
  act('estimate-start', () => post('trigger', startedByEstimate(shown)));
  find('job-log').addEventListener('click', () => openLog(shown.job_id));
}

export function showJob(job) {
  tellChange(job);
  shown = job;
  show('job-none', job === null);
  show('job-body', job !== null);
  show('job-kind', job !== null);
  show('job-state', job !== null);
  Object.assign(find('job').dataset, { state: job?.state ?? 'none', phase: job?.phase ?? '', jobId: job?.job_id ?? '' });
  put('job-title', t(job?.state === 'running' ? 'job_title_running' : 'job_title'));
  if (job === null) {
    return;
  }
  showBadge('job-kind', 'job-state', job);
  showFacts(job);
  showNotices(job);
  showProgress(job);
  showFigures(job);
  showSummary(job);
  showEstimate(job);
  showActions(job);
}

/** What it is and how it stands, as two badges. */
export function showBadge(kindName, stateName, job, root = document) {
  const kinds = [word('kind', job.kind)];
  if (job.kind === 'dry_run' && job.rebuild) {
    kinds.push(word('kind', 'rebuild'));
  }
  put(kindName, kinds.join(' · '), root);
  put(stateName, word('state', job.state), root).dataset.state = job.state;
}

export function sourceName(job) {
  return job.source === null || job.source === 'all' ? t('start_all') : job.source;
}

function showFacts(job) {
  put('job-id', job.job_id);
  put('job-source', sourceName(job));
  fact('job-filter', job.filter, job.filter);
  fact('job-batch-size', job.batch_size, count(job.batch_size));
  fact('job-budget', job.budget_usd, money(job.budget_usd));
  fact('job-resumes', job.resumes, job.resumes);
  put('job-started', time(job.started_at));
  fact('job-ended', job.ended_at, time(job.ended_at));
}

function fact(name, value, text) {
  show(`${name}-row`, value !== null);
  put(name, text ?? '');
}

function showNotices(job) {
  const running = job.state === 'running';
  show('job-elsewhere', running && !job.here);
  show('job-workers', job.workers > 1);
  put('job-workers', t('job_workers', { count: count(job.workers) }));
  show('job-interrupted', job.state === 'interrupted');
  show('job-held-up', running && job.held_up_by !== null);
  put('job-held-up-text', job.held_up_by ?? '');
  // A note often says the same, and more.
  const stop = job.notes.find((note) => job.stopped_by !== null && note.startsWith(job.stopped_by)) ?? job.stopped_by;
  show('job-stopped-by', stop !== null);
  put('job-stopped-by-text', stop ?? '');
  const notes = [...job.notes, ...(job.estimate?.notes ?? [])].filter((note) => note !== stop);
  show('job-notes', notes.length > 0);
  list('job-note-list', notes);
}

function showProgress(job) {
  const dryRun = job.kind === 'dry_run';
  const open = job.state === 'running' || job.state === 'interrupted';
  show('job-progress', open);
  show('job-phase', !dryRun);
  put('job-phase', phaseText(job));
  show('reading', dryRun);
  put('reading-figures', t('reading_figures', { count: count(job.records_read) }));
  showStage('rewrite', job, !dryRun && job.rewrite_progress?.total > 0, job.rewrite_progress);
  showStage('embed', job, !dryRun && job.embed_progress !== null, job.embed_progress);
}

function phaseText(job) {
  if (job.cancelling) {
    return t('job_cancelling');
  }
  return job.state === 'interrupted' ? t('phase_interrupted', { phase: word('phase', job.phase) }) : word('phase', job.phase);
}

function showStage(name, job, used, progress) {
  show(name, used);
  if (!used) {
    return;
  }
  const { done, total, skipped } = progress;
  const figures = [t(job.phase === 'scanning' ? 'stage_figures_so_far' : 'stage_figures', { done: count(done), total: count(total) })];
  if (skipped > 0) {
    figures.push(t('stage_skipped', { count: count(skipped) }));
  }
  if (total > 0) {
    figures.push(percent(done / total));
  }
  put(`${name}-figures`, figures.join(' · '));
  const bar = find(`${name}-bar`);
  if (total > 0) {
    bar.max = total;
    bar.value = done;
  } else {
    bar.removeAttribute('value');
  }
}

function showFigures(job) {
  const running = job.state === 'running';
  const dryRun = job.kind === 'dry_run';
  const seconds = job.summary?.duration_secs ?? secondsBetween(job.started_at, job.ended_at);
  figure('job-rate', rate(job.records_per_sec), running && !dryRun);
  figure('job-eta', duration(job.eta_secs), running && !dryRun);
  figure('job-duration', duration(seconds), !running && !dryRun && seconds !== null);
  figure('job-requests', count(job.summary?.requests ?? job.requests), !dryRun);
  figure('job-tokens', count(job.summary?.tokens ?? job.tokens), !dryRun);
  figure('job-cost', money(job.summary === null ? job.cost_usd : job.summary.cost_usd), !dryRun);
}

function figure(name, text, used) {
  show(`${name}-row`, used);
  put(name, text);
}

function showSummary({ state, summary }) {
  show('job-summary', summary !== null);
  if (summary === null) {
    return;
  }
  const byReason = (kind) => Object.entries(summary[kind])
    .map(([reason, number]) => ({ key: reason, kind, cells: [word('reason', reason), count(number)] }));
  rows('summary-rows', [
    { key: 'succeeded', kind: 'embedded', cells: [t('records_embedded'), count(summary.succeeded)] },
    ...byReason('skipped'),
    ...byReason('failed'),
  ]);
  put('summary-title', t(state === 'interrupted' ? 'summary_title_so_far' : 'summary_title'));
  put('summary-total', count(summary.total_pending));
}

function showActions(job) {
  const running = job.state === 'running';
  show('job-cancel', running);
  put('job-cancel', t(job.cancelling ? 'job_cancelling' : 'job_cancel'));
  find('job-cancel').toggleAttribute('disabled', job.cancelling);
  show('job-resume', job.resumable);
  show('estimate-start', job.estimate?.to_embed > 0);
}

/** For those who cannot see it: a job began, came to its next phase, or ended. Nothing on the first look. */
function tellChange(job) {
  if (job === null || shown === undefined) {
    return;
  }
  if (job.job_id !== shown?.job_id || job.state !== shown.state) {
    announce(t('announce_job', { kind: word('kind', job.kind), state: word('state', job.state) }));
  } else if (job.phase !== shown.phase) {
    announce(word('phase', job.phase));
  }
}
