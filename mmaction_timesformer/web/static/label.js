// Intervals on a time line, drawn by hand while a recording plays.

import { ask, clock, element, isTyping, newKey, whoIsHere } from './page.js';
import { onResult, pending, send } from './outbox.js';

const find = (selector) => document.querySelector(selector);
const video = find('#video');
const timeline = find('#timeline');
const buttons = [...document.querySelectorAll('[data-label]')];
const colours = Object.fromEntries(buttons.map((b) => [b.dataset.label, b.dataset.colour]));

let intervals = [];
let duration = 0;
let begun = {};
let shownRecording = '';

const recording = () => find('#recording').value;
const length = () => Math.max(duration, Number.isFinite(video.duration) ? video.duration : 0, 0.1);
const labels = () => [...new Set([...buttons.map((b) => b.dataset.label), ...intervals.map((i) => i.label)])];

function say(text) {
  find('#notice').textContent = text;
  find('#notice').hidden = !text;
}

async function load() {
  const id = recording();
  if (!id) return;
  try {
    const content = await ask(`/api/intervals/${id}`);
    if (id !== recording()) return;
    intervals = content.intervals;
    duration = content.duration;
    find('#whole').checked = content.is_whole;
    for (const [, entry] of pending()) if (entry.recording === id) take(entry, entry.key);
    say('');
  } catch (error) {
    say(error.message);
  }
  draw();
}

function choose() {
  begun = {};
  if (shownRecording !== recording()) {
    shownRecording = recording();
    video.src = `/recordings/${shownRecording}`;
    history.replaceState(null, '', `#${shownRecording}`);
  }
  load();
}

/** Put what was said into the list that is shown. */
function take(entry, head) {
  const known = intervals.find((i) => i.item === entry.item);
  if (entry.says === 'wrong' && known && !known.kind) {
    intervals = intervals.filter((i) => i !== known);
    return;
  }
  const { item, says, label, start_seconds, end_seconds } = entry;
  const next = { kind: '', who: whoIsHere(), ...known, item, says, label, start_seconds, end_seconds, head };
  intervals = known ? intervals.map((i) => (i === known ? next : i)) : [...intervals, next];
}

function judge(interval, changes) {
  const entry = {
    item: interval.item, follows: interval.head || '', recording: recording(), says: 'relabel',
    label: interval.label, start_seconds: interval.start_seconds, end_seconds: interval.end_seconds,
    ...changes,
  };
  if (!(entry.start_seconds >= 0 && entry.start_seconds < entry.end_seconds)) {
    say(`${entry.start_seconds} s to ${entry.end_seconds} s is not an interval`);
    draw();
    return;
  }
  say('');
  take(entry, send(entry));
  draw();
}

onResult((result) => {
  if (result.result === 'refused') say(`not stored: ${result.error}`);
  if (result.result === 'conflict') say(`${result.state.who} was faster; yours was not stored`);
  if (result.result !== 'stored') load();
});

// The time line

function draw() {
  const all = length();
  const lanes = labels().map((label) => {
    const lane = element('div', { class: 'lane' }, element('span', { class: 'lane-name' }, label));
    for (const i of intervals.filter((one) => one.label === label)) {
      const bar = element('button', { type: 'button', class: `bar-of ${i.says || 'open'}`, title: `${label} ${clock(i.start_seconds)} to ${clock(i.end_seconds)}`, 'aria-label': `Go to ${label} at ${clock(i.start_seconds)}` });
      bar.style.left = `${(100 * i.start_seconds) / all}%`;
      bar.style.width = `${(100 * (i.end_seconds - i.start_seconds)) / all}%`;
      if (colours[label]) bar.style.background = colours[label];
      bar.addEventListener('click', (event) => { event.stopPropagation(); seek(i.start_seconds); });
      lane.append(bar);
    }
    return lane;
  });
  find('#lanes').replaceChildren(...lanes);
  timeline.setAttribute('aria-valuemax', all.toFixed(1));
  find('#rows').replaceChildren(...[...intervals].sort((a, b) => a.start_seconds - b.start_seconds).map(row));
  showTime();
}

function row(interval) {
  const number = (name, words) => {
    const field = element('input', { type: 'number', step: 0.1, min: 0, value: interval[name].toFixed(1), 'aria-label': `${words} of ${interval.label} at ${clock(interval.start_seconds)}` });
    field.addEventListener('change', () => judge(interval, { [name]: field.value === '' ? NaN : Number(field.value) }));
    return element('td', {}, field);
  };
  const act = (text, changes) => {
    const button = element('button', { type: 'button', 'aria-label': `${text}: ${interval.label} at ${clock(interval.start_seconds)}` }, text);
    button.addEventListener('click', () => judge(interval, changes));
    return button;
  };
  const isOpen = interval.kind && !interval.says;
  const by = interval.says ? interval.who : 'the detector';
  const says = interval.says === 'wrong' ? ' (wrong)' : isOpen ? ' (not judged)' : '';
  const buttonsOf = isOpen ? [act('right', { says: 'right' }), ' ', act('wrong', { says: 'wrong' })]
    : interval.says === 'wrong' ? [act('right', { says: 'right' })] : [act(interval.kind ? 'wrong' : 'remove', { says: 'wrong' })];
  return element('tr', {}, element('td', {}, `${interval.label}${says}`), number('start_seconds', 'Start'), number('end_seconds', 'End'),
    element('td', {}, by), element('td', { class: 'fixed' }, ...buttonsOf));
}

function showTime() {
  const now = video.currentTime || 0;
  find('#playhead').style.left = `${(100 * now) / length()}%`;
  timeline.setAttribute('aria-valuenow', now.toFixed(1));
  timeline.setAttribute('aria-valuetext', clock(now));
  const open = Object.entries(begun).map(([label, start]) => `${label} since ${clock(start)}`);
  find('#state').textContent = `${clock(now)} of ${clock(length())}${open.length ? `; ${open.join(', ')}` : ''}`;
}

const seek = (seconds) => { video.currentTime = Math.min(Math.max(seconds, 0), length()); showTime(); };

function mark(label) {
  const now = Math.round(video.currentTime * 1000) / 1000;
  if (label in begun) {
    const [start, end] = [begun[label], now].sort((a, b) => a - b);
    delete begun[label];
    judge({ item: `hand-${newKey()}`, label, start_seconds: start, end_seconds: Math.max(end, start + 0.1), head: '' }, {});
  } else {
    begun[label] = now;
  }
  for (const button of buttons) button.setAttribute('aria-pressed', button.dataset.label in begun);
  showTime();
}

const actions = {
  play: () => (video.paused ? video.play().catch(() => {}) : video.pause()),
  slower: () => seek(video.currentTime - 1),
  faster: () => seek(video.currentTime + 1),
  cancel: () => { begun = {}; for (const b of buttons) b.setAttribute('aria-pressed', 'false'); showTime(); },
};
const keys = { ' ': 'play', ',': 'slower', '.': 'faster', Escape: 'cancel', ArrowLeft: 'slower', ArrowRight: 'faster' };

addEventListener('keydown', (event) => {
  if (isTyping(event)) return;
  if (event.key === ' ' && event.target.closest('button, summary, a, input')) return;
  if (event.target === video && event.key !== ' ') return;
  const button = event.key === ' ' ? undefined : buttons[Number(event.key) - 1];
  if (button) mark(button.dataset.label);
  else if (keys[event.key]) actions[keys[event.key]]();
  else return;
  event.preventDefault();
});
for (const button of buttons) button.addEventListener('click', () => mark(button.dataset.label));
for (const button of document.querySelectorAll('[data-do]')) button.addEventListener('click', () => actions[button.dataset.do]());
find('#new-class').addEventListener('change', (event) => {
  const label = event.target.value.trim();
  if (!label) return;
  event.target.value = '';
  mark(label);
  say(`${label} has begun; type its name again to end it`);
});
find('#whole').addEventListener('change', async (event) => {
  try {
    await ask('/api/whole', { recording: recording(), is_whole: event.target.checked, who: whoIsHere() });
  } catch (error) {
    event.target.checked = !event.target.checked;
    say(error.message);
  }
});
timeline.addEventListener('click', (event) => {
  const box = timeline.getBoundingClientRect();
  seek(((event.clientX - box.left) / box.width) * length());
});
for (const name of ['timeupdate', 'seeked']) video.addEventListener(name, showTime);
video.addEventListener('loadedmetadata', draw);
video.addEventListener('error', async () => {
  const answer = await fetch(video.src).catch(() => null);
  const body = answer && !answer.ok ? await answer.json().catch(() => ({})) : {};
  say(body.error || 'the recording cannot be played');
});
find('#recording').addEventListener('change', choose);
find('#choice').addEventListener('submit', (event) => event.preventDefault());
const asked = location.hash.slice(1);
if ([...find('#recording').options].some((option) => option.value === asked)) find('#recording').value = asked;
choose();
