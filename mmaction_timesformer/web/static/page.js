// What every page has: the reader's name, and one way to talk to the server.

export const secret = document.querySelector('meta[name=page-secret]').content;
const run = document.querySelector('meta[name=run-name]').content;

const who = document.querySelector('#who');
who.value = localStorage.getItem('who') || '';
who.addEventListener('change', () => localStorage.setItem('who', who.value.trim()));

export const whoIsHere = () => who.value.trim() || 'somebody';
export const storageName = (name) => `${run}/${name}`;

/** Ask the server; throws an Error whose message can be shown, with `status` 0 without an answer. */
export async function ask(address, content) {
  const options = content === undefined ? {} : {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-page-secret': secret },
    body: JSON.stringify(content),
  };
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw Object.assign(new Error('the server does not answer'), { status: 0 });
  }
  const body = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw Object.assign(new Error(body.error), { status: answer.status });
  return body;
}

/** A key that no other press has; randomUUID is missing where a page has no TLS. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export const clock = (seconds) => {
  const tenths = Math.round(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, '0')}`;
};

/** Make an element; texts are never read as HTML. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, '');
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Whether a key press is meant for a field that takes text. */
export const isTyping = (event) =>
  event.ctrlKey || event.metaKey || event.altKey ||
  event.target.closest('input:not([type=checkbox]), select, textarea') !== null;
