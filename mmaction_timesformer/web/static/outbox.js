// Verdicts on their way: kept in this browser until the server says that they are stored.
//
// Each is one entry of localStorage, written before anything else happens, so neither a closed page
// nor a killed server loses it. Sent twice it is stored once, by its key.

import { ask, newKey, storageName, whoIsHere } from './page.js';

const PREFIX = storageName('outbox/');
const MOST_AT_ONCE = 200;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;

const shown = document.querySelector('#outbox');
let listener = () => {};
let sending = false;
let wait = FIRST_WAIT;
let timer = 0;
let problem = '';

export const onResult = (take) => { listener = take; };

export function pending() {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX)).sort();
  return names.map((name) => [name, JSON.parse(localStorage.getItem(name))]);
}

let last = 0;
/** Keep a verdict and send it; gives its key. */
export function send(verdict) {
  const entry = { key: newKey(), who: whoIsHere(), ...verdict };
  last = Math.max(Date.now() * 1000, last + 1);
  localStorage.setItem(`${PREFIX}${String(last).padStart(17, '0')}-${entry.key}`, JSON.stringify(entry));
  show();
  flush();
  return entry.key;
}

function show() {
  const count = pending().length;
  shown.textContent = count === 0 ? '' : `${count} not stored yet${problem ? `: ${problem}` : ''}`;
  shown.className = problem && count ? 'bad' : '';
}

async function flush() {
  if (sending) return;
  const batch = pending().slice(0, MOST_AT_ONCE);
  if (batch.length === 0) { show(); return; }
  sending = true;
  clearTimeout(timer);
  try {
    const { results } = await ask('/api/verdicts', batch.map(([, entry]) => entry));
    results.forEach((result, place) => {
      localStorage.removeItem(batch[place][0]);
      listener(result, batch[place][1]);
    });
    problem = '';
    wait = FIRST_WAIT;
  } catch (error) {
    problem = error.message;
    wait = Math.min(2 * wait, LONGEST_WAIT);
  }
  sending = false;
  show();
  if (pending().length) timer = setTimeout(flush, problem ? wait : 0);
}

addEventListener('online', () => { wait = FIRST_WAIT; flush(); });
addEventListener('beforeunload', (event) => {
  if (problem && pending().length) event.preventDefault();
});
flush();
