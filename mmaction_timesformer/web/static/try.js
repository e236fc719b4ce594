// A video to try: by name or dropped; and a slider that shows what other thresholds would find.

import { clock, secret } from './page.js';

const find = (selector) => document.querySelector(selector);
const NS = 'http://www.w3.org/2000/svg';

function say(text) {
  find('#notice').textContent = text;
  find('#notice').hidden = !text;
}

async function show(id, name) {
  say('');
  find('#state').textContent = `${name} is being looked at`;
  find('#result').replaceChildren();
  await htmx.ajax('GET', `/try/${id}`, { target: '#result', swap: 'innerHTML' });
  find('#state').textContent = find('#result .verdict.error') ? '' : name;
}

find('#by-name').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = find('#name').value.trim();
  const option = [...find('#names').options].find((o) => o.value === name);
  if (option) show(option.dataset.id, name);
  else say(`there is no recording ${name} below the folders that the server was given`);
});

async function upload(file) {
  say('');
  find('#state').textContent = `${file.name} is on its way`;
  try {
    const answer = await fetch('/api/upload', {
      method: 'POST', body: file,
      headers: { 'x-page-secret': secret, 'x-file-name': encodeURIComponent(file.name), 'content-type': 'application/octet-stream' },
    });
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.error);
    show(content.recording, file.name);
  } catch (error) {
    find('#state').textContent = '';
    say(error.message);
  }
}
find('#file').addEventListener('change', (event) => event.target.files[0] && upload(event.target.files[0]));
find('#drop').addEventListener('dragover', (event) => { event.preventDefault(); find('#drop').classList.add('over'); });
find('#drop').addEventListener('dragleave', () => find('#drop').classList.remove('over'));
find('#drop').addEventListener('drop', (event) => {
  event.preventDefault();
  find('#drop').classList.remove('over');
  if (event.dataTransfer.files[0]) upload(event.dataTransfer.files[0]);
});

function showThreshold() {
  const slider = find('#threshold');
  if (!slider) return;
  const { seconds, events } = JSON.parse(find('#trial').textContent);
  const threshold = Number(slider.value);
  find('#threshold-value').textContent = threshold.toFixed(2);
  for (const [label, byThreshold] of Object.entries(events)) {
    const spans = Object.entries(byThreshold).find(([key]) => Math.abs(Number(key) - threshold) < 0.01)?.[1] ?? [];
    const choose = (name) => [...document.querySelectorAll(`[data-${name}]`)].find((e) => e.dataset[name] === label);
    choose('line').setAttribute('y1', 100 * (1 - threshold));
    choose('line').setAttribute('y2', 100 * (1 - threshold));
    choose('bars').replaceChildren(...spans.map(([start, end]) => {
      const bar = document.createElementNS(NS, 'rect');
      const shape = { x: 1000 * start / seconds, width: Math.max(1000 * (end - start) / seconds, 2), y: 0, height: 100 };
      for (const [key, value] of Object.entries(shape)) bar.setAttribute(key, value);
      return bar;
    }));
    choose('words').textContent = spans.length ? `${spans.length} ${spans.length === 1 ? 'event' : 'events'}: ${spans.map(([a, b]) => `${clock(a)} to ${clock(b)}`).join(', ')}` : 'no event';
  }
}
document.addEventListener('input', (event) => { if (event.target.id === 'threshold') showThreshold(); });
document.addEventListener('htmx:afterSettle', () => {
  showThreshold();
  const map = find('[data-map]');
  map?.addEventListener('error', async () => {
    const answer = await fetch(map.src).catch(() => null);
    const body = answer && !answer.ok ? await answer.json().catch(() => ({})) : {};
    map.hidden = true;
    map.nextElementSibling.hidden = false;
    map.nextElementSibling.textContent = body.error || 'no map could be made';
  });
});
document.addEventListener('htmx:responseError', () => { find('#state').textContent = ''; say('the server could not look at it'); });
document.addEventListener('htmx:sendError', () => { find('#state').textContent = ''; say('the server does not answer'); });
