// The form that starts a job.

import { doing, post, Problem } from './api.js';
import { element, find, keep, put, say, show } from './dom.js';
import { count } from './format.js';
import { total } from './records.js';
import { t } from './texts.js';

const FIELDS = { source: 'form-source', batch_size: 'form-batch-size', filter: 'form-filter', budget_usd: 'form-budget' };

let stats = { sources: [] };

/** Makes the form work; started() is called when a job has begun. */
export function prepareStart(started) {
  find('form').addEventListener('input', describe);
  find('form').addEventListener('submit', (event) => {
    event.preventDefault();
    submit(started);
  });
  find('empty-preview').addEventListener('click', () => doing(find('empty-preview'), find('empty-error'), async () => {
    await post('trigger', { source: 'all', dry_run: true });
    started();
  }));
  describe();
}

/** Offers the sources of these counts. */
export function offerSources(newest) {
  stats = newest;
  const select = find('form-source');
  const chosen = select.value;
  const names = ['all', ...stats.sources.map((source) => source.source)];
  keep(select, names, (name) => name, (name) => element('option', { value: name }),
    (option, name) => say(option, name === 'all' ? t('start_all') : name));
  if (select.value !== chosen) {
    select.value = 'all';
  }
  describe();
}

/** Says what the button will do, and what a rebuild costs again. */
function describe() {
  const { source, rebuild, dry_run: dryRun, filter } = request();
  const key = `submit_${dryRun ? 'preview' : 'start'}_${rebuild ? 'rebuild' : 'build'}`;
  put('form-submit', t(key, { source: source === 'all' ? t('start_all') : source }));
  find('form-submit').classList.toggle('danger', rebuild && !dryRun);
  const warning = filter === null ? 'start_rebuild_warning' : 'start_rebuild_warning_filter';
  put('form-rebuild-warning', t(warning, { count: count(total(stats, 'embedded', source)) }));
  show('form-rebuild-warning', rebuild);
}

function request() {
  const number = (name) => (find(name).value === '' ? null : Number(find(name).value));
  return {
    source: find('form-source').value,
    rebuild: find('form-rebuild').checked,
    dry_run: find('form-dry-run').checked,
    batch_size: number('form-batch-size'),
    filter: find('form-filter').value === '' ? null : find('form-filter').value,
    budget_usd: number('form-budget'),
  };
}

function submit(started) {
  clearErrors();
  doing(find('form-submit'), find('form-error'), async () => {
    try {
      checkNumbers();
      await post('trigger', request());
      started();
    } catch (problem) {
      mark(problem.field);
      throw problem;
    }
  });
}

/** What is no number at all never reaches the server: the browser gives an empty value for it. */
function checkNumbers() {
  for (const field of ['batch_size', 'budget_usd']) {
    if (find(FIELDS[field]).validity.badInput) {
      throw new Problem('not_a_number', { field });
    }
  }
}

function clearErrors() {
  for (const name of Object.values(FIELDS)) {
    find(name).removeAttribute('aria-invalid');
    find(name).removeAttribute('aria-describedby');
  }
}

/** Puts the message below the field that it is about; at the end of the form if it is about none. */
function mark(field) {
  const error = find('form-error');
  if (!Object.hasOwn(FIELDS, field ?? '')) {
    find('form-submit').before(error);
    return;
  }
  const input = find(FIELDS[field]);
  input.after(error);
  input.setAttribute('aria-invalid', 'true');
  input.setAttribute('aria-describedby', error.id);
  input.focus();
}
