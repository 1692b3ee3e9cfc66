/**
 * Behaviour of the operator page, as the browser gets it: plain JavaScript, text set as text and never as HTML. The token is
 * handed over once for a cookie that no script can read.
 */
import { MACHINES_SCRIPT } from './script-machines.ts';

const BASE_SCRIPT = String.raw`
'use strict';
const byId = (id) => document.getElementById(id);
const MAX_EVENTS = 300;
let session = 0;
let lastEventId;

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

/** Fills a table body; a cell is text, or [text, class]. Without rows the hint says what to do next. */
function fillTable(id, rows, hint) {
  const body = byId(id);
  body.replaceChildren(...rows.map(tableRow));
  if (rows.length > 0) return;
  const cell = element('td', hint, 'quiet');
  cell.colSpan = 12;
  const row = element('tr');
  row.append(cell);
  body.append(row);
}

function tableRow(cells) {
  const row = element('tr');
  for (const cell of cells) {
    if (cell instanceof Node) {
      const box = element('td');
      box.append(cell);
      row.append(box);
    } else row.append(Array.isArray(cell) ? element('td', cell[0], cell[1]) : element('td', cell));
  }
  return row;
}

async function ask(path, options = {}) {
  // The header tells the appliance that this page wrote the request, and no other site.
  const headers = { ...options.headers, 'hobnail-page': '1' };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch('/api/v1' + path, { ...options, headers });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ title: 'HTTP ' + response.status, detail: '' }));
  if (response.status === 401) showLogin(problem.detail);
  throw new Error(problem.title + '. ' + problem.detail);
}

const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });
const dateAndClock = (ms) => new Date(ms).toLocaleString([], { hour12: false });

async function showStatus() {
  const status = await (await ask('/status')).json();
  byId('version').textContent = status.version;
  byId('who').textContent = status.token.name + ' (' + status.token.role + ')';
  const ready = byId('ready');
  ready.textContent = status.notReady.length === 0 ? 'ready' : 'not ready: ' + status.notReady.join('; ');
  ready.className = status.notReady.length === 0 ? 'good' : 'bad';
  fillTable('doors', status.doors.map((door) => [
    door.name,
    [(door.address.includes(':') ? '[' + door.address + ']' : door.address) + ':' + door.port, 'code'],
    door.interface ?? '',
    door.maker ?? '',
    door.failed ? [door.failed, 'bad'] : ['open', 'good'],
  ]), 'No door is open. "hobnail serve" says why.');
  byId('problems').replaceChildren(...status.problems.map(problemItem));
  byId('no-problems').hidden = status.problems.length > 0;
  problemsNow = [...status.notReady, ...status.problems.filter(({ severity }) => severity === 'error').map(({ file, message }) => file + ': ' + message)];
  showAlarms();
}

function problemItem(problem) {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':');
  const item = element('li', undefined, problem.severity === 'error' ? 'bad' : '');
  item.append(element('code', place), ' ' + [problem.path, problem.message].filter(Boolean).join(': ') + '. ' + (problem.advice ?? ''));
  return item;
}

async function showHosts() {
  const words = byId('host-search').value.trim();
  const page = await (await ask('/hosts?limit=200&q=' + encodeURIComponent(words))).json();
  fillTable('hosts', page.items.map((host) => [
    host.name,
    [host.macs.join(' '), 'code'],
    host.profile ?? '',
    host.policy ?? 'auto',
    [host.address ?? '', 'code'],
    Object.entries(host.labels ?? {}).map(([key, value]) => key + '=' + value).join(' '),
    host.profile ? button('Arm…', 'Arm ' + host.name, () => askToArm(host.name, host.profile)) : '',
  ]), words ? 'No host matches.' : 'No hosts yet. Add one: hobnail host add web-1 --mac 52:54:00:aa:bb:cc --profile NAME');
  byId('more-hosts').hidden = page.next === undefined;
}

async function showLeases() {
  const page = await (await ask('/leases?limit=500')).json();
  fillTable('leases', page.items.map((lease) => [
    [lease.address, 'code'],
    [lease.mac, 'code'],
    lease.host ?? lease.hostname ?? '',
    lease.network,
    lease.state,
    dateAndClock(lease.expiresAt),
  ]), 'No leases. In proxy mode another server gives the addresses.');
}

function showEvent(event) {
  lastEventId = event.id;
  const bad = /\.(?:failed|refused|aborted|rejected|nak|decline|malformed|warning)$/.test(event.kind);
  const row = tableRow([
    clock(event.at),
    [event.kind, bad ? 'code bad' : 'code'],
    event.host ?? event.mac ?? event.ip ?? '',
    event.summary,
    event.bytes === undefined ? '' : event.bytes.toLocaleString(),
    event.ms === undefined ? '' : event.ms + ' ms',
  ]);
  row.dataset.text = row.textContent.toLowerCase();
  row.hidden = !row.dataset.text.includes(byId('event-filter').value.trim().toLowerCase());
  const body = byId('events');
  body.prepend(row);
  byId('no-events').hidden = true;
  while (body.rows.length > MAX_EVENTS) body.lastElementChild.remove();
  if (/^(?:host|config)\./.test(event.kind)) soon(showHosts);
  if (/^(?:config|server)\./.test(event.kind)) soon(showStatus);
  if (/^dhcp\.(?:ack|release|decline)$/.test(event.kind)) soon(showLeases);
  if (/^(?:dhcp|tftp|http)\./.test(event.kind)) soon(showBoots);
  if (event.kind === 'machine.seen' || event.kind === 'host.changed') soon(showInbox);
  if (/^(?:deployment|host)\./.test(event.kind)) soon(showDeployments);
}

/* machines */

/** Many events in a row refresh a table once. */
const timers = new Map();
function soon(refresh) {
  if (timers.has(refresh)) return;
  timers.set(refresh, setTimeout(() => {
    timers.delete(refresh);
    refresh().catch(showTrouble);
  }, 500));
}

/** Reads the stream until the session ends; comes back after the last event seen when the connection breaks. */
async function followEvents(mine) {
  while (mine === session) {
    try {
      const response = await ask('/events', { headers: lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) } });
      showTrouble(undefined);
      let rest = '';
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        if (mine !== session) return void reader.cancel();
        const frames = (rest + part.value).split('\n\n');
        rest = frames.pop();
        for (const frame of frames) {
          const data = frame.split('\n').find((line) => line.startsWith('data: '));
          if (data) showEvent(JSON.parse(data.slice(6)));
        }
      }
    } catch (error) {
      if (mine === session) showTrouble(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

function showTrouble(error) {
  byId('trouble').textContent = error ? error.message : '';
}

function showLogin(message) {
  session++;
  lastEventId = undefined;
  byId('events').replaceChildren();
  byId('app').hidden = true;
  byId('signed-in').hidden = true;
  byId('login').hidden = false;
  byId('login-message').textContent = message ?? '';
  byId('token').focus();
}

async function start() {
  const mine = ++session;
  await showStatus();
  byId('login').hidden = true;
  byId('app').hidden = false;
  byId('signed-in').hidden = false;
  await Promise.all([showHosts(), showLeases(), showBoots(), showInbox(), showDeployments()]);
  const recent = await (await ask('/events?format=json&limit=100')).json();
  byId('no-events').hidden = recent.items.length > 0;
  recent.items.forEach(showEvent);
  void followEvents(mine);
}

byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const token = byId('token').value.trim();
  byId('token').value = '';
  ask('/login', { method: 'POST', body: JSON.stringify({ token }) })
    .then(start)
    .catch((error) => showLogin(error.message));
});
byId('sign-out').addEventListener('click', () => {
  ask('/login', { method: 'DELETE' }).then(() => showLogin('Signed out.'), showTrouble);
});
byId('host-search').addEventListener('input', () => soon(showHosts));
byId('event-filter').addEventListener('input', () => {
  const words = byId('event-filter').value.trim().toLowerCase();
  for (const row of byId('events').rows) row.hidden = !row.dataset.text.includes(words);
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement) return;
  event.preventDefault();
  byId('host-search').focus();
});
setInterval(() => {
  if (!document.hidden && !byId('app').hidden) Promise.all([showStatus(), showBoots()]).catch(showTrouble);
}, 10_000);

// A session of before may still be good.
start().catch(() => showLogin());
`;

/** The whole script of the page. */
export const SCRIPT = BASE_SCRIPT.replace('/* machines */', () => MACHINES_SCRIPT);
