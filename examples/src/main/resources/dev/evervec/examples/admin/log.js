// The log of a job, in a dialog that follows it while it runs.

import { get, Problem } from './api.js';
import { find, put } from './dom.js';
import { t } from './texts.js';

const REFRESH_MS = 3_000;
/** How near to its end, in pixels, a reader counts as following the log. */
const NEAR = 40;

/** @param isRunning tells whether the job of an id runs */
export function prepareLog(isRunning) {
  const dialog = find('log-dialog');
  let timer = 0;
  let jobId = null;

  async function refresh() {
    const asked = jobId;
    const running = isRunning(asked);
    try {
      const output = await get(`${encodeURIComponent(asked)}/output`);
      if (asked === jobId && dialog.open) {
        write(withMarks(output.log));
        put('log-note', note(output, running));
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) {
        throw problem;
      }
      problem.tell(find('log-note'));
    }
    if (running && asked === jobId && dialog.open) {
      timer = setTimeout(refresh, REFRESH_MS);
    }
  }

  find('log-close').addEventListener('click', () => dialog.close());
  find('log-copy').addEventListener('click', copy);
  dialog.addEventListener('close', () => {
    clearTimeout(timer);
    jobId = null;
  });
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());

  return (id) => {
    clearTimeout(timer);
    jobId = id;
    put('log-job', id);
    put('log-text', '');
    put('log-note', t('log_loading'));
    dialog.showModal();
    find('log-text').focus();
    refresh();
  };
}

/** Characters that would turn the order of what follows in their line are shown by their numbers. */
function withMarks(log) {
  return log.replace(/[\u202a-\u202e\u2066-\u2069]/g, (mark) => `[U+${mark.charCodeAt(0).toString(16).toUpperCase()}]`);
}

/** Adds what is new, so that a selection stays; whoever reads further up is not moved. */
function write(log) {
  const text = find('log-text');
  const following = text.scrollHeight - text.scrollTop - text.clientHeight < NEAR;
  const old = text.textContent;
  if (log === old) {
    return;
  }
  if (old !== '' && log.startsWith(old)) {
    text.append(log.slice(old.length));
  } else {
    text.textContent = log;
  }
  if (following) {
    text.scrollTop = text.scrollHeight;
  }
}

function note({ found, truncated, log }, running) {
  if (!found) {
    return t('log_not_kept');
  }
  const parts = [truncated && t('log_truncated'), log === '' && t('log_empty'), running && t('log_following')];
  return parts.filter(Boolean).join(' ');
}

async function copy() {
  try {
    await navigator.clipboard.writeText(find('log-text').textContent);
    put('log-note', t('log_copied'));
  } catch {
    // No clipboard without TLS, or not allowed: what is selected can be copied by hand.
    getSelection().selectAllChildren(find('log-text'));
    put('log-note', t('log_selected'));
  }
}
