// What was spent, by day.

import { get } from './api.js';
import { element, find, put, rows, show } from './dom.js';
import { count, day, money } from './format.js';
import { t } from './texts.js';

const DAYS = 30;
const SVG = 'http://www.w3.org/2000/svg';
/** Units of the drawing, which is stretched to the width that there is. */
const HEIGHT = 100;
const STEP = 10;
const BAR = 7;

export async function showCosts() {
  const costs = await get(`costs?days=${DAYS}`);
  const { total } = costs;
  put('costs-period', t('costs_period', { count: count(DAYS) }));
  show('costs-empty', total.requests === 0);
  show('costs-body', total.requests > 0);
  put('costs-total', money(total.known_cost_usd));
  put('costs-requests', count(total.requests));
  put('costs-tokens', tokens(total));
  show('costs-unpriced', total.unpriced_tokens > 0);
  put('costs-unpriced', t('costs_unpriced', { count: count(total.unpriced_tokens) }));
  drawChart(costs);
  rows('costs-rows', [...costs.by_day].reverse().map((one) => ({
    key: one.day,
    cells: [day(one.day), money(one.cost_usd ?? (one.known_cost_usd > 0 ? one.known_cost_usd : null)), tokens(one), count(one.requests)],
  })));
}

function tokens({ input_tokens: input, output_tokens: output, tokens_estimated: estimated }) {
  const sum = count(input + output);
  return estimated ? t('about', { count: sum }) : sum;
}

/** Bars of dollars; of tokens where nothing has a price. */
function drawChart(costs) {
  const priced = costs.total.known_cost_usd > 0;
  const valueOf = (one) => (priced ? one.known_cost_usd : one.input_tokens + one.output_tokens);
  const textOf = priced ? money : (value) => t('costs_tokens', { count: count(value) });
  const byDay = new Map(costs.by_day.map((one) => [one.day, valueOf(one)]));
  const bars = lastDays(costs).map((iso) => ({ iso, value: byDay.get(iso) ?? 0 }));
  const highest = bars.reduce((best, bar) => (bar.value > best.value ? bar : best));
  const label = t('costs_chart', { value: textOf(highest.value), day: day(highest.iso) });
  find('costs-chart').replaceChildren(
    element('div', { class: 'scale', 'aria-hidden': 'true' }, element('span', {}, textOf(highest.value)), element('span', {}, textOf(0))),
    drawing(bars, highest.value, label, textOf),
    element('div', { class: 'ends', 'aria-hidden': 'true' }, element('span', {}, day(bars[0].iso)), element('span', {}, day(bars.at(-1).iso))),
  );
}

function drawing(bars, highest, label, textOf) {
  const svg = shape('svg', { viewBox: `0 0 ${bars.length * STEP} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label });
  for (const y of [0.5, HEIGHT / 2, HEIGHT - 0.5]) {
    svg.append(shape('line', { x1: 0, x2: bars.length * STEP, y1: y, y2: y }));
  }
  bars.forEach(({ iso, value }, index) => {
    const height = highest === 0 ? 0 : (value / highest) * HEIGHT;
    const bar = shape('rect', {
      x: index * STEP + (STEP - BAR) / 2, y: HEIGHT - height, width: BAR, height,
    });
    // The whole column answers the pointer, however low its bar is.
    const column = shape('rect', { class: 'column', x: index * STEP, y: 0, width: STEP, height: HEIGHT });
    const title = shape('title', {});
    title.textContent = `${day(iso)}: ${textOf(value)}`;
    column.append(title);
    svg.append(bar, column);
  });
  return svg;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  return made;
}

/** The days of the chart, the last one being today where the server counts its days. */
function lastDays({ zone, by_day: byDay }) {
  const today = [todayIn(zone), byDay.at(-1)?.day ?? ''].sort().at(-1);
  const last = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: DAYS }, (_, index) => new Date(last - (DAYS - 1 - index) * 86_400_000).toISOString().slice(0, 10));
}

function todayIn(zone) {
  try {
    return new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(new Date());
  } catch {
    return new Date().toISOString().slice(0, 10);
  }
}
