import { $, $$, text } from './dom.js';
import { t, number } from './words.js';
import { store, set } from './store.js';
import { depart, settle } from './circuit.js';
import { reconcileSoon } from './live.js';

const NOTE_AFTER_MS = 300;
const button = $('#call');
const running = new Set();
let began = 0;
let again = false;

async function post(name) {
  const started = performance.now();
  try {
    const answer = await fetch(`/${name}`, { method: 'POST' });
    const body = await answer.json();
    const ms = performance.now() - started;
    const retry = answer.headers.get('Retry-After');
    const took = `${number(ms, ms < 10 ? 1 : 0)} ms`;
    const line = `${answer.status} · ${took}${retry ? ` · Retry-After: ${retry}` : ''}`;
    show({ 200: 'ok', 503: 'rejected' }[answer.status] ?? 'failed', line, JSON.stringify(body, null, 1));
    return body;
  } catch {
    show('failed', t('answer.lost'));
    return {};
  }
}

function show(kind, line, json) {
  $('#answer').className = `answer said ${kind}`;
  text($('#answer p'), line);
  const pre = $('#answer pre');
  pre.hidden = !json;
  text(pre, json ?? '');
}

function note() {
  const seconds = (performance.now() - began) / 1000;
  const timeout = store.status.request_timeout;
  const key = again ? 'busy' : seconds * 1000 > NOTE_AFTER_MS ? 'calling' : 'call';
  text($('#call-note'), t(`hint.${key}`, { seconds: number(seconds, 1), timeout }));
  $('#call-progress').style.transform = `scaleX(${Math.min(1, seconds / timeout)})`;
}

async function call() {
  again = running.has('call');
  if (again) return note();
  running.add('call');
  button.setAttribute('aria-busy', true);
  began = performance.now();
  depart();
  reconcileSoon();
  const timer = setInterval(note, 100);
  await post('call-service-b');
  clearInterval(timer);
  running.delete('call');
  button.removeAttribute('aria-busy');
  text($('#call-note'), t('hint.call'));
  $('#call-progress').style.transform = '';
  settle();
}

async function act(name) {
  if (running.has(name)) return show('failed', t('answer.busy'));
  running.add(name);
  const { fault } = await post(name);
  running.delete(name);
  if (fault) set({ fault });
}

export function render() {
  const { fault } = store;
  const fails = fault?.failure_percent > 0;
  const slow = fault?.latency_max_ms > 0;
  const pressed = {
    'induce-failure': fails, 'remove-failure': !fails, 'induce-latency': slow, 'remove-latency': !slow,
  };
  for (const node of $$('[data-do]')) node.setAttribute('aria-pressed', !!fault && pressed[node.dataset.do]);
}

export function start() {
  button.addEventListener('click', call);
  for (const node of $$('[data-do]')) node.addEventListener('click', () => act(node.dataset.do));
  text($('#terminal'), $('#terminal').textContent.replaceAll('localhost:5000', location.host));
}
