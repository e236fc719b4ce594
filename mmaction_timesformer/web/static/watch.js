// Cameras and alarms, as the server sends them.

import { ask, clock, element } from './page.js';

const find = (selector) => document.querySelector(selector);
const NS = 'http://www.w3.org/2000/svg';
const WIDTH = 300;
const HEIGHT = 48;
const MOST_ALARMS = 100;
const colours = Object.fromEntries([...document.querySelectorAll('#colours rect')].map((r) => [r.dataset.label, r.getAttribute('fill')]));
const cards = new Map();
const alarms = new Map();

function drawing(name, attributes, ...children) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function makeCard(camera) {
  const picture = element('img', { alt: `Newest picture of ${camera.name}`, hidden: true });
  const none = element('p', { class: 'none' }, 'no picture');
  const strip = drawing('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'strip-of', preserveAspectRatio: 'none', role: 'img' });
  const health = element('p', { class: 'health' });
  const root = element('section', { class: 'camera', 'aria-label': camera.name },
    element('h2', {}, camera.name), element('div', { class: 'stage' }, picture, none), strip, health);
  find('#cameras').append(root);
  return { root, picture, none, strip, health, shown: '' };
}

function showCamera(camera) {
  if (!cards.has(camera.id)) cards.set(camera.id, makeCard(camera));
  const card = cards.get(camera.id);
  if (camera.picture && camera.picture !== card.shown) {
    card.shown = camera.picture;
    card.picture.src = `/cameras/${camera.id}.jpg?${encodeURIComponent(camera.picture)}`;
  }
  card.picture.hidden = !camera.picture;
  card.none.hidden = Boolean(camera.picture);
  const { seconds, curves, last } = camera.strip;
  const first = Math.min(seconds[0] ?? 0, -10);
  const lines = Object.entries(curves).map(([label, scores]) => drawing('polyline', {
    points: scores.map((score, n) => `${((1 - seconds[n] / first) * WIDTH).toFixed(1)},${((1 - score) * HEIGHT).toFixed(1)}`).join(' '),
    fill: 'none', stroke: colours[label] || '#2f5d8c', 'stroke-width': 1.5, 'vector-effect': 'non-scaling-stroke',
  }));
  card.strip.replaceChildren(...lines);
  card.strip.setAttribute('aria-label', `Scores: ${Object.entries(curves).map(([label, s]) => `${label} ${(s.at(-1) ?? 0).toFixed(2)}`).join(', ')}`);
  const words = camera.problems.length ? camera.problems.join(', ') : camera.is_over ? 'ended' : 'well';
  card.health.textContent = `${words}; seen until ${clock(last)}`;
  card.health.className = `health ${camera.problems.length ? 'bad' : ''}`;
}

function showAlarm(alarm) {
  const time = alarm.start_time ? new Date(alarm.start_time).toLocaleString() : clock(alarm.start_seconds);
  const length = alarm.state === 'closed' ? `, ${(alarm.end_seconds - alarm.start_seconds).toFixed(1)} s` : ', going on';
  const words = [element('strong', {}, alarm.label), ` ${alarm.score.toFixed(2)} ${alarm.source}, ${time}${length}`];
  if (!alarms.has(alarm.event_id)) {
    const row = element('li', {});
    alarms.set(alarm.event_id, row);
    find('#alarms').prepend(row);
    for (const old of [...find('#alarms').children].slice(MOST_ALARMS)) old.remove();
  }
  const row = alarms.get(alarm.event_id);
  row.replaceChildren(...words);
  row.className = alarm.state === 'closed' ? '' : 'open';
}

function say(text) {
  find('#notice').textContent = text;
  find('#notice').hidden = !text;
}

function showDetector({ runs, follows, can_start: canStart, problem }) {
  if (!find('#start')) return;
  find('#start').disabled = !canStart || follows;
  find('#stop').disabled = !runs;
  find('#detector').textContent = runs ? 'The detector runs.' : follows ? 'A detector that was started elsewhere is followed.' : `No detector runs. ${problem}`;
}

const stream = new EventSource('/api/watch');
stream.addEventListener('message', (event) => {
  const content = JSON.parse(event.data);
  say(content.error || '');
  if (content.error) return;
  content.cameras.forEach(showCamera);
  content.alarms.forEach(showAlarm);
  find('#no-alarm').hidden = alarms.size > 0;
  showDetector(content.detector);
});
stream.addEventListener('error', () => say('the server does not answer; trying again'));

for (const action of ['start', 'stop']) {
  find(`#${action}`)?.addEventListener('click', async () => {
    try {
      showDetector(await ask(`/api/detector/${action}`, {}));
    } catch (error) {
      say(error.message);
    }
  });
}
