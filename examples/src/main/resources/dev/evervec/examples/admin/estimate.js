// What a dry run found: what a build would do and cost.

import { element, find, keep, list, put, rows, say, show } from './dom.js';
import { count, duration, money } from './format.js';
import { t, word } from './texts.js';

export function showEstimate({ estimate }) {
  show('estimate', estimate !== null);
  if (estimate === null) {
    return;
  }
  const calls = [estimate.rewriting, estimate.embedding];
  const sum = (key) => calls.reduce((total, call) => total + call[key], 0);
  put('estimate-to-embed', count(estimate.to_embed));
  put('estimate-requests', count(sum('requests')));
  put('estimate-tokens', tokens(sum('input_tokens') + sum('output_tokens'), calls.some((call) => call.estimated)));
  put('estimate-cost', money(estimate.cost_usd));
  put('estimate-duration', duration(estimate.expected_secs));
  show('estimate-budget-row', estimate.budget_usd !== null);
  put('estimate-budget', money(estimate.budget_usd));
  showVerdict(estimate);
  showRecords(estimate);
  showCalls(estimate);
  showTexts(estimate);
}

/** The request for the build that this dry run was about. */
export function startedByEstimate(job) {
  return {
    source: job.source,
    rebuild: job.rebuild,
    dry_run: false,
    batch_size: job.batch_size,
    filter: job.filter,
    budget_usd: job.budget_usd,
  };
}

function tokens(number, estimated) {
  return estimated ? t('about', { count: count(number) }) : count(number);
}

function showVerdict(estimate) {
  const key = verdict(estimate);
  put('estimate-verdict', key === null ? '' : t(key)).dataset.verdict = key ?? '';
  show('estimate-verdict', key !== null);
}

function verdict(estimate) {
  if (estimate.to_embed === 0) {
    return 'estimate_nothing';
  }
  if (estimate.budget_usd === null) {
    return null;
  }
  return { true: 'estimate_fits', false: 'estimate_over', null: 'estimate_fit_unknown' }[estimate.fits_budget];
}

function showRecords(estimate) {
  const lines = [
    { key: 'to_embed', kind: 'embedded', name: t('estimate_to_embed') },
    { key: 'unchanged', kind: '', name: t('estimate_unchanged') },
    { key: 'empty_content', kind: 'skipped', name: word('reason', 'empty_content') },
    { key: 'too_long', kind: 'skipped', name: word('reason', 'input_too_long') },
    { key: 'unreadable', kind: 'failed', name: t('estimate_unreadable') },
  ];
  rows('estimate-rows', lines
    .filter(({ key }) => key === 'to_embed' || estimate[key] > 0)
    .map(({ key, kind, name }) => ({ key, kind, cells: [name, count(estimate[key])] })));
}

function showCalls(estimate) {
  const steps = [[t('stage_rewriting'), estimate.rewriting], [t('stage_embedding'), estimate.embedding]]
    .filter(([, calls]) => calls.requests > 0);
  show('estimate-calls', steps.length > 0);
  rows('estimate-call-rows', steps.map(([name, calls]) => ({
    key: name,
    cells: [
      name, count(calls.distinct_texts), count(calls.requests),
      tokens(calls.input_tokens + calls.output_tokens, calls.estimated), money(calls.cost_usd),
    ],
  })));
}

function showTexts(estimate) {
  show('estimate-assumptions', estimate.assumptions.length > 0);
  list('estimate-assumption-list', estimate.assumptions);
  show('estimate-unreadable', estimate.unreadable_records.length > 0);
  keep(find('estimate-unreadable-list'), estimate.unreadable_records, (record) => `${record.source}/${record.id}`,
    () => element('li', { dir: 'auto' }),
    (item, record) => say(item, `${record.source} / ${record.id}: ${record.detail}`));
}
