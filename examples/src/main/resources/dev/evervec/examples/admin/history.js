// The latest jobs, and the log of each.

import { get } from './api.js';
import { copyOf, find, keep, put, show } from './dom.js';
import { count, duration, money, secondsBetween, time } from './format.js';
import { showBadge, sourceName } from './job.js';
import { t } from './texts.js';

const LIMIT = 20;

export async function showHistory(openLog) {
  const { jobs } = await get(`history?limit=${LIMIT}`);
  show('history-empty', jobs.length === 0);
  show('history', jobs.length > 0);
  keep(find('history-rows'), jobs, (job) => job.job_id, (job) => newRow(job, openLog), showRow);
}

function newRow(job, openLog) {
  const row = copyOf('history-row-template');
  row.dataset.jobId = job.job_id;
  const button = find('history-log', row);
  button.setAttribute('aria-label', t('history_log_of', { job: job.job_id }));
  button.addEventListener('click', () => openLog(job.job_id));
  return row;
}

function showRow(row, job) {
  const { summary } = job;
  const sum = (counts) => Object.values(counts).reduce((total, one) => total + one, 0);
  row.dataset.state = job.state;
  put('row-id', job.job_id, row);
  showBadge('row-kind', 'row-state', job, row);
  put('row-scope', scope(job), row);
  put('row-started', time(job.started_at), row);
  put('row-duration', duration(summary?.duration_secs ?? secondsBetween(job.started_at, job.ended_at), 'narrow'), row);
  put('row-embedded', count(summary?.succeeded), row);
  put('row-skipped', count(summary && sum(summary.skipped)), row);
  put('row-failed', count(summary && sum(summary.failed)), row);
  put('row-cost', job.kind === 'dry_run' ? '–' : money(summary === null ? job.cost_usd : summary.cost_usd), row);
}

function scope(job) {
  return [
    job.source === null || job.source === 'all' ? null : sourceName(job),
    job.filter && t('history_filter', { filter: job.filter }),
    job.resumes && t('history_resumes', { job: job.resumes }),
  ].filter(Boolean).join(' · ');
}
