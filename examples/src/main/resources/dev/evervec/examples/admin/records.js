// The cards: how many records of each source are embedded.

import { copyOf, element, find, keep, put, show } from './dom.js';
import { count, percent, time } from './format.js';
import { t } from './texts.js';

const STATES = ['embedded', 'pending', 'skipped', 'failed'];

export function showRecords(stats) {
  const { as_of: asOf, sources } = stats;
  const empty = isEmpty(stats);
  show('empty', empty);
  show('cards', !empty);
  put('as-of', empty ? '' : scanText(asOf, 'records_as_of', 'records_never_scanned'));
  keep(find('cards'), sources, (source) => source.source, () => copyOf('card-template'), (card, source) => {
    showCard(card, source);
    showScan(card, source, asOf);
  });
}

/** Whether nothing was ever read or known. */
export function isEmpty({ sources }) {
  return !sources.some((source) => source.total > 0 || STATES.some((state) => source[state] > 0));
}

/** How many records of this state there are, of one source or of all. */
export function total(stats, state, only = 'all') {
  return stats.sources
    .filter((source) => only === 'all' || source.source === only)
    .reduce((sum, source) => sum + source[state], 0);
}

function scanText(asOf, key, neverKey) {
  if (asOf === null) {
    return t(neverKey);
  }
  const [before, after] = t(key).split('{time}');
  return element('span', {}, before, time(asOf), after);
}

/** Only where it is not the scan that the page speaks of. */
function showScan(card, source, asOf) {
  const same = time(source.as_of).textContent === time(asOf).textContent;
  show('card-as-of', !same, card);
  put('card-as-of', same ? '' : scanText(source.as_of, 'card_as_of', 'card_never_scanned'), card);
}

function showCard(card, source) {
  card.dataset.source = source.source;
  const known = STATES.reduce((sum, state) => sum + source[state], 0);
  const share = known === 0 ? null : percent(source.embedded / known);
  put('card-source', source.source, card);
  put('card-share', share ?? '', card);
  put('card-total', count(source.total), card);
  put('card-with-content', count(source.with_content), card);
  for (const state of STATES) {
    put(`card-${state}`, count(source[state]), card);
    const part = card.querySelector(`.shares .${state}`);
    part.style.flexGrow = source[state];
    part.hidden = source[state] === 0;
    card.querySelector(`.states .${state}`).classList.toggle('none', source[state] === 0);
  }
  find('card-bar', card).setAttribute('aria-label', t('card_share', { share: share ?? '–' }));
}
