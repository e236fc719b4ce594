// The queue, the player, and what keys and buttons do.

import { ask, clock, element, isTyping } from './page.js';
import { onResult, pending, send } from './outbox.js';

const find = (selector) => document.querySelector(selector);
const clip = find('#clip');
const list = find('#items');
const classes = [...document.querySelectorAll('[data-do=class]')].map((b) => b.dataset.label);
const WORDS = { right: 'right', wrong: 'wrong', relabel: 'is', '': '' };

let items = [];
let place = 0;
let showsMap = false;
let chosen = new Set();
let loading = 0;

const current = () => items[place];

// The queue

async function load() {
  const number = ++loading;
  list.setAttribute('aria-busy', 'true');
  const query = new URLSearchParams(new FormData(find('#filters')));
  try {
    const { items: found, counts } = await ask(`/api/queue?${query}`);
    if (number !== loading) return;
    items = found;
    for (const [, entry] of pending()) {
      const item = items.find((i) => i.id === entry.item);
      if (item) item.state = stateAfter(item, entry, entry.key);
    }
    place = 0;
    chosen = new Set();
    find('#all').checked = false;
    find('#counts').textContent =
      `${counts.fitting} fit, ${items.length} shown; ${counts.judged} of ${counts.all} are judged`;
    say('');
  } catch (error) {
    if (number !== loading) return;
    say(error.message);
  }
  list.setAttribute('aria-busy', 'false');
  drawList();
  show();
}

function drawList() {
  list.replaceChildren(...items.map((item, number) => {
    const choose = element('input', { type: 'checkbox', 'aria-label': `Choose ${item.label} at ${clock(item.start_seconds)}` });
    choose.checked = chosen.has(item.id);
    choose.addEventListener('change', () => (choose.checked ? chosen.add(item.id) : chosen.delete(item.id)));
    const open = element('button', { type: 'button' });
    open.addEventListener('click', () => go(number));
    const row = element('li', { 'data-id': item.id }, choose, open);
    drawRow(row, item);
    return row;
  }));
}

function drawRow(row, item) {
  const open = row.querySelector('button');
  open.replaceChildren(
    element('span', { class: 'name' }, item.label),
    element('span', { class: 'number' }, item.score.toFixed(2)),
    element('span', { class: 'where' }, `${item.kind === 'alarm' ? '' : 'no alarm, '}${item.source_name} ${clock(item.start_seconds)}`),
    element('span', { class: `says ${item.state.says || ''}` }, inWords(item.state)),
  );
}

const spanOf = (item) => ({
  start: item.state.start_seconds ?? item.start_seconds,
  end: item.state.end_seconds ?? item.end_seconds,
});
const rowOf = (item) => [...list.children].find((row) => row.dataset.id === item.id);
const inWords = (state) => (state.says === 'relabel' ? `is ${state.label}` : WORDS[state.says || '']);

// The player

function show() {
  const item = current();
  list.querySelector('[aria-current]')?.removeAttribute('aria-current');
  if (!item) {
    find('#title').textContent = 'Nothing is left that fits';
    find('#facts').textContent = '';
    find('#scores').replaceChildren();
    find('#state').textContent = '';
    clip.removeAttribute('src');
    clip.load();
    return;
  }
  const row = list.children[place];
  row.querySelector('button').setAttribute('aria-current', 'true');
  row.scrollIntoView({ block: 'nearest' });
  find('#title').textContent = item.kind === 'alarm' ? item.label : `${item.label}? No alarm`;
  const time = item.time ? `${new Date(item.time).toLocaleString()}, ` : '';
  find('#facts').textContent = `${item.source_name}, ${time}${clock(item.start_seconds)} to ${clock(item.end_seconds)}, score ${item.score.toFixed(2)}${item.is_open ? ', still open' : ''}`;
  find('#scores').replaceChildren(...classes.flatMap((name, index) => [
    element('dt', {}, name),
    element('dd', {}, element('meter', { min: 0, max: 1, value: item.scores[index] ?? 0, 'aria-label': `Probability of ${name}` }), ` ${(item.scores[index] ?? 0).toFixed(2)}`),
  ]));
  const { start, end } = spanOf(item);
  find('#start').value = start.toFixed(1);
  find('#end').value = end.toFixed(1);
  showState(item);
  play(item);
}

function showState(item) {
  const words = inWords(item.state);
  const by = item.state.who ? ` (${item.state.who}, ${new Date(item.state.at).toLocaleTimeString()})` : '';
  find('#state').textContent = `${place + 1} of ${items.length}: ${words ? words + by : 'not judged'}`;
}

function play(item) {
  const address = showsMap ? `/clips/${item.id}/map.mp4` : `/clips/${item.id}.mp4`;
  find('#no-clip').hidden = true;
  clip.hidden = false;
  if (clip.getAttribute('src') !== address) clip.src = address;
  clip.dataset.start = showsMap ? '' : item.clip_start;
}

clip.addEventListener('error', async () => {
  const address = clip.getAttribute('src');
  if (!address) return;
  clip.hidden = true;
  find('#no-clip').hidden = false;
  find('#no-clip').textContent = 'no clip';
  const answer = await fetch(address).catch(() => null);
  const body = answer && !answer.ok ? await answer.json().catch(() => ({})) : {};
  if (clip.getAttribute('src') === address) find('#no-clip').textContent = body.error || 'the server does not answer';
});
clip.addEventListener('playing', () => {
  const next = items[place + 1];
  if (next && !showsMap) fetch(`/clips/${next.id}.mp4`, { priority: 'low' }).catch(() => {});
});

function go(number) {
  place = Math.min(Math.max(number, 0), Math.max(items.length - 1, 0));
  show();
}

// Verdicts

function say(text) {
  find('#notice').textContent = text;
  find('#notice').hidden = !text;
}

function stateAfter(item, entry, head) {
  if (entry.says === 'undo') return { ...(item.before || {}), head };
  const { says, label, start_seconds, end_seconds, who } = entry;
  return { says, label, start_seconds, end_seconds, who: who || 'you', at: new Date().toISOString(), head };
}

function judge(item, says, label, span = spanOf(item)) {
  const entry = {
    item: item.id,
    follows: item.state.head || '',
    says,
    label: label || item.label,
    start_seconds: span.start,
    end_seconds: span.end,
  };
  const before = item.state;
  const head = send(entry);
  item.state = stateAfter(item, entry, head);
  item.before = before;
  const row = rowOf(item);
  if (row) drawRow(row, item);
}

onResult((result, entry) => {
  const item = items.find((i) => i.id === entry.item);
  if (result.result === 'refused') say(`not stored: ${result.error}`);
  if (result.result === 'conflict') {
    const theirs = inWords(result.state) || 'took a verdict back';
    say(`${result.state.who} was faster: ${item ? item.label : ''} ${theirs}. Yours was not stored; judge it again if you see it otherwise.`);
  }
  if (!item) return;
  const isNewest = !pending().some(([, other]) => other.item === item.id);
  if (result.state && isNewest) {
    item.state = result.state;
    const row = rowOf(item);
    if (row) drawRow(row, item);
    if (item === current()) {
      showState(item);
      if (result.result === 'conflict') show();
    }
  }
});

/** The times in the fields; those that nobody changed are exact. */
function spanTyped() {
  const known = current() ? spanOf(current()) : {};
  const read = (name) => {
    const text = find(`#${name}`).value;
    if (text === known[name]?.toFixed(1)) return known[name];
    return text.trim() === '' ? NaN : Number(text);
  };
  const [start, end] = [read('start'), read('end')];
  if (start >= 0 && start < end) return { start, end };
  say(`${find('#start').value} s to ${find('#end').value} s is not an interval`);
  return null;
}

/** A verdict on the current item with the times that are shown; goes on to the next. */
function decide(says, label) {
  const span = spanTyped();
  if (!current() || !span) return;
  say('');
  judge(current(), label && label === current().label ? 'right' : says, label, span);
  if (place < items.length - 1) go(place + 1);
  else show();
}

/** Times that were changed are a verdict too: the item is right, then. */
function setSpan() {
  const span = spanTyped();
  const item = current();
  if (!item || !span) return;
  const says = ['right', 'relabel'].includes(item.state.says) ? item.state.says : 'right';
  judge(item, says, item.state.says ? item.state.label : item.label, span);
  showState(item);
}

function atPlayhead(field) {
  if (clip.dataset.start === '') { say('press M to see the recording first'); return; }
  find(field).value = (Number(clip.dataset.start) + clip.currentTime).toFixed(1);
  setSpan();
}

const actions = {
  next: () => go(place + 1),
  back: () => go(place - 1),
  right: () => decide('right'),
  wrong: () => decide('wrong'),
  class: (label) => decide('relabel', label),
  undo: () => { if (current()?.state.says) { judge(current(), 'undo'); show(); } },
  'set-start': () => atPlayhead('#start'),
  'set-end': () => atPlayhead('#end'),
  pause: () => (clip.paused ? clip.play().catch(() => {}) : clip.pause()),
  map: () => {
    showsMap = !showsMap;
    find('[data-do=map]').setAttribute('aria-pressed', showsMap);
    if (current()) play(current());
  },
  choose: () => rowOf(current())?.querySelector('input').click(),
};
const keys = {
  j: 'next', ArrowRight: 'next', k: 'back', ArrowLeft: 'back', r: 'right', w: 'wrong', u: 'undo',
  s: 'set-start', e: 'set-end', m: 'map', x: 'choose', ' ': 'pause',
};

addEventListener('keydown', (event) => {
  if (isTyping(event)) return;
  if (event.key === ' ' && event.target.closest('button, summary, a, input')) return;
  const label = classes[Number(event.key) - 1];
  const name = label && event.key !== ' ' ? 'class' : keys[event.key] || keys[event.key.toLowerCase()];
  if (!name) return;
  event.preventDefault();
  actions[name](label);
});
for (const button of document.querySelectorAll('[data-do]')) {
  button.addEventListener('click', () => actions[button.dataset.do](button.dataset.label));
}
for (const button of document.querySelectorAll('[data-bulk]')) {
  button.addEventListener('click', () => {
    const label = button.dataset.bulk === 'class' ? find('#bulk-class').value : undefined;
    const all = items.filter((item) => chosen.has(item.id));
    if (all.length === 0) say('choose items first: X, or the boxes beside them');
    for (const item of all) {
      const says = label && label !== item.label ? 'relabel' : button.dataset.bulk === 'wrong' ? 'wrong' : 'right';
      judge(item, says, label);
    }
    show();
  });
}
find('#all').addEventListener('change', (event) => {
  chosen = new Set(event.target.checked ? items.map((item) => item.id) : []);
  for (const box of list.querySelectorAll('input')) box.checked = event.target.checked;
});
for (const field of ['#start', '#end']) find(field).addEventListener('change', setSpan);
find('#filters').addEventListener('change', load);
find('#filters').addEventListener('submit', (event) => { event.preventDefault(); load(); });
if (matchMedia('(max-width: 760px)').matches) find('#filter-box').open = false;
load();
