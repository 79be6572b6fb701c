// actions.js: the five buttons. One click is one request; a click during a running call only says so.
import { $, $$, text } from './dom.js';
import { t, fixed } from './words.js';
import { store, takeFault } from './store.js';
import { depart, settle } from './circuit.js';

const NOTE_AFTER_MS = 300;
const button = $('#call');
const running = new Set();
let began = 0;
let busy = false;

async function post(path) {
  const started = performance.now();
  const answer = await fetch(path, { method: 'POST' });
  const body = await answer.json();
  return { status: answer.status, retry: answer.headers.get('Retry-After'), body, ms: performance.now() - started };
}

const kinds = { 200: 'ok', 503: 'rejected' };

function show({ status, retry, body, ms }) {
  const parts = [`${status}`, `${fixed(ms, ms < 10 ? 1 : 0)} ms`];
  if (retry) parts.push(t('answer.retry', { seconds: retry }));
  $('#answer').dataset.kind = kinds[status] ?? 'failed';
  say(parts.join(' · '));
  const pre = $('#answer-body');
  pre.hidden = false;
  text(pre, JSON.stringify(body, null, 1));
}

function say(words) {
  const head = $('#answer-head');
  delete head.dataset.t;
  text(head, words);
}

function lost() {
  $('#answer').dataset.kind = 'failed';
  $('#answer-body').hidden = true;
  say(t('answer.lost'));
}

function note() {
  const seconds = (performance.now() - began) / 1000;
  const { request_timeout: timeout } = store.status;
  const calling = seconds * 1000 > NOTE_AFTER_MS || busy;
  const words = busy ? 'hint.busy' : 'hint.calling';
  delete $('#call-note').dataset.t; // until the end no change of language or state overwrites it
  text($('#call-note'), t(calling ? words : 'hint.call', { seconds: fixed(seconds, 1), timeout }));
  $('#call-progress').style.transform = `scaleX(${Math.min(1, seconds / timeout)})`;
}

async function call() {
  if (button.getAttribute('aria-busy') === 'true') {
    busy = true;
    note();
    return;
  }
  button.setAttribute('aria-busy', 'true');
  began = performance.now();
  busy = false;
  depart();
  const timer = setInterval(note, 100);
  try {
    show(await post('/call-service-b'));
  } catch {
    lost();
  }
  clearInterval(timer);
  button.setAttribute('aria-busy', 'false');
  $('#call-note').dataset.t = 'hint.call';
  text($('#call-note'), t('hint.call'));
  $('#call-progress').style.transform = '';
  settle();
}

async function act(name) {
  if (running.has(name)) {
    say(t('answer.busy'));
    return;
  }
  running.add(name);
  try {
    const answer = await post(`/${name}`);
    if (answer.body.fault) takeFault(answer.body.fault);
    show(answer);
  } catch {
    lost();
  }
  running.delete(name);
}

export function render() {
  const { fault } = store;
  const fails = fault?.failure_percent > 0;
  const slow = fault?.latency_max_ms > 0;
  const pressed = { 'induce-failure': fails, 'remove-failure': !fails, 'induce-latency': slow, 'remove-latency': !slow };
  for (const node of $$('[data-do]')) node.setAttribute('aria-pressed', String(Boolean(fault) && pressed[node.dataset.do]));
}

export function start() {
  button.addEventListener('click', call);
  for (const node of $$('[data-do]')) node.addEventListener('click', () => act(node.dataset.do));
  const terminal = $('#terminal');
  text(terminal, terminal.textContent.replaceAll('localhost:5000', location.host));
}
