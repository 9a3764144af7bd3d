// Numbers, money, durations and times as the page's language writes them. What is not known is a dash.

import { t } from './texts.js';

const locale = document.documentElement.lang;
const DASH = '–';
const UNITS = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]];

const integers = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const decimals = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
const times = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const fullTimes = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long' });
const days = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' });

export function count(number) {
  return number == null ? DASH : integers.format(number);
}

export function rate(perSecond) {
  return perSecond == null ? DASH : t('per_second', { count: decimals.format(perSecond) });
}

/** Never rounded up: 99.99 % must not look like all. */
export function percent(share) {
  return share == null ? DASH : percents.format(Math.floor(share * 1000 + 1e-9) / 1000);
}

/** US dollars; small amounts with as many digits as tell them apart. */
export function money(usd) {
  if (usd == null) {
    return t('unknown');
  }
  const small = usd > 0 && usd < 1;
  const digits = small ? Math.min(10, 1 - Math.floor(Math.log10(usd))) : 2;
  return new Intl.NumberFormat(locale, {
    style: 'currency', currency: 'USD', minimumFractionDigits: 2, maximumFractionDigits: Math.max(2, digits),
  }).format(usd);
}

/** The two largest units that say anything; narrow where there is little room. */
export function duration(seconds, width = 'short') {
  if (seconds == null) {
    return DASH;
  }
  if (seconds < 10) {
    return unit('second', seconds, width, 1);
  }
  let rest = Math.round(seconds);
  const parts = [];
  for (const [name, length] of UNITS) {
    const whole = Math.floor(rest / length);
    rest -= whole * length;
    if (whole > 0) {
      parts.push(unit(name, whole, width, 0));
    } else if (parts.length > 0) {
      break;
    }
    if (parts.length === 2) {
      break;
    }
  }
  return parts.join(' ');
}

function unit(name, number, unitDisplay, maximumFractionDigits) {
  return new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay, maximumFractionDigits }).format(number);
}

/** A time element: short in the reader's own zone, in full with the zone as its title. */
export function time(iso) {
  if (iso == null) {
    return document.createTextNode(DASH);
  }
  const element = document.createElement('time');
  element.dateTime = iso;
  element.title = fullTimes.format(new Date(iso));
  element.textContent = times.format(new Date(iso));
  return element;
}

/** A calendar day such as 2026-01-31. */
export function day(iso) {
  return days.format(new Date(`${iso}T00:00:00Z`));
}

/** Seconds between two times, or null if one is not known. */
export function secondsBetween(from, to) {
  return from == null || to == null ? null : Math.max(0, (new Date(to) - new Date(from)) / 1000);
}
