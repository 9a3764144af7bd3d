// The JSON API beside the page.

import { element } from './dom.js';
import { word } from './texts.js';

const BASE = 'api/embeddings/';
const PATIENCE_MS = 15_000;
/** Problems whose detail says more than their kind. */
const TELLING = new Set(['invalid', 'not_resumable', 'store_unavailable', 'logs_unavailable', 'source_unavailable']);

const token = document.querySelector('meta[name="csrf-token"]');

/** An answer that is not what was asked for: RFC 9457 problem details, or no answer at all. */
export class Problem extends Error {
  constructor(code, { detail = null, field = null } = {}) {
    super(code);
    this.code = code;
    this.detail = detail;
    this.field = field;
  }

  /** Shows the problem in this element. */
  tell(place) {
    const detail = TELLING.has(this.code) && this.detail ? [' ', element('span', { lang: 'en' }, this.detail)] : [];
    place.replaceChildren(word('problem', this.code), ...detail);
    place.hidden = false;
  }
}

export function get(path) {
  return call(path, { method: 'GET' });
}

/** Asks for a change. The token of a page that is older than the server's memory is renewed once. */
export async function post(path, body) {
  try {
    return await change(path, body);
  } catch (problem) {
    if (problem.code !== 'forbidden') {
      throw problem;
    }
    await renewToken();
    return change(path, body);
  }
}

function change(path, body) {
  const headers = { 'x-csrf-token': token.content };
  if (body !== undefined) {
    headers['content-type'] = 'application/json';
  }
  return call(path, { method: 'POST', headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

async function renewToken() {
  const page = await request('embeddings', {});
  const fresh = new DOMParser().parseFromString(await page.text(), 'text/html').querySelector('meta[name="csrf-token"]');
  if (fresh !== null) {
    token.content = fresh.content;
    document.querySelector('input[name="csrf"]').value = fresh.content;
  }
}

async function call(path, options) {
  const response = await request(BASE + path, options);
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) {
    return answer;
  }
  const code = answer?.code ?? (response.status === 401 ? 'unauthorized' : 'internal');
  if (code === 'unauthorized') {
    document.dispatchEvent(new Event('signed-out'));
  }
  throw new Problem(code, answer ?? {});
}

async function request(url, options) {
  try {
    return await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  } catch {
    throw new Problem('unreachable');
  }
}

/** Does what a button asks for, once at a time, and shows in this element what went wrong. */
export async function doing(button, errorPlace, action) {
  if (button.getAttribute('aria-disabled') === 'true') {
    return;
  }
  button.setAttribute('aria-disabled', 'true');
  errorPlace.hidden = true;
  try {
    await action();
  } catch (problem) {
    if (!(problem instanceof Problem)) {
      throw problem;
    }
    problem.tell(errorPlace);
  } finally {
    button.removeAttribute('aria-disabled');
  }
}
