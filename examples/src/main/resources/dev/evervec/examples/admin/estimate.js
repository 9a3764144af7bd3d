// What a dry run found: what a build would do and cost.

import { element, find, keep, list, put, rows, show } from './dom.js';
import { count, duration, money } from './format.js';
import { t } from './texts.js';

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
  const kinds = [
    ['to_embed', 'embedded'], ['unchanged', ''], ['empty_content', 'skipped'], ['too_long', 'skipped'], ['unreadable', 'failed'],
  ];
  rows('estimate-rows', kinds
    .filter(([key]) => key === 'to_embed' || estimate[key] > 0)
    .map(([key, kind]) => ({ key, kind, cells: [t(`estimate_${key}`), count(estimate[key])] })));
}

function showCalls(estimate) {
  const used = ['rewriting', 'embedding'].filter((step) => estimate[step].requests > 0);
  show('estimate-calls', used.length > 0);
  rows('estimate-call-rows', used.map((step) => {
    const calls = estimate[step];
    return {
      key: step,
      cells: [
        t(`stage_${step}`), count(calls.distinct_texts), count(calls.requests),
        tokens(calls.input_tokens + calls.output_tokens, calls.estimated), money(calls.cost_usd),
      ],
    };
  }));
}

function showTexts(estimate) {
  show('estimate-assumptions', estimate.assumptions.length > 0);
  list('estimate-assumption-list', estimate.assumptions);
  show('estimate-unreadable', estimate.unreadable_records.length > 0);
  keep(find('estimate-unreadable-list'), estimate.unreadable_records, (record) => `${record.source}/${record.id}`,
    () => element('li', { dir: 'auto' }), (item, record) => {
      item.textContent = `${record.source} / ${record.id}: ${record.detail}`;
    });
}
