// sentence.js: what is true now and why, in words: the pill, the sentence, the notes in the pictures.
import { $, bind, text } from './dom.js';
import { t, has, number, time, localise } from './words.js';
import { store, view, due, remaining, openMs, uptime, lastChange } from './store.js';

const ANNOUNCE_MS = 1000;
let announced = null;
let announcedAt = -ANNOUNCE_MS;

/** "3 calls in a row failed (INTERNAL)" */
export function why(reason, change, variables) {
  const known = t(has(`why.${reason}`) ? `why.${reason}` : 'why.', variables);
  return change?.code ? `${known} (${change.code})` : known;
}

/** The variables of all strings: the same names as in client/page.c. */
export function variables() {
  const { status } = store;
  const failures = status.failure_count;
  return {
    threshold: status.failure_threshold,
    failures,
    left: Math.max(0, status.failure_threshold - failures),
    open: view() === 'open' ? openMs() / 1000 : status.recovery_timeout,
    wait: Math.ceil(remaining() / 1000),
    timeout: status.request_timeout,
    budget: status.probe_budget,
    why: why(status.last_reason, lastChange(), { failures }),
  };
}

export function stateKey() {
  if (due()) return 'due';
  return view();
}

function faultKey() {
  const { fault } = store;
  if (!fault) return 'unknown';
  if (fault.failure_percent && fault.latency_max_ms) return 'both';
  return fault.failure_percent ? 'fails' : fault.latency_max_ms ? 'slow' : 'healthy';
}

function bindFault() {
  const key = faultKey();
  const { failure_percent: percent, latency_min_ms: min, latency_max_ms: max } = store.fault ?? {};
  document.documentElement.dataset.fault = key;
  bind('fault', t(`fault.${key}`, { percent, min: number(min / 1000), max: number(max / 1000) }));
}

function bindFlow() {
  const c = store.status.counters;
  const stopped = c.rejected_open + c.rejected_probing + c.rejected_forced;
  bind('asked', number(c.admitted + stopped));
  bind('stopped', number(stopped));
  bind('reached', number(c.admitted));
  bind('split', t('flow.split', { ok: c.ok, failed: c.failed }));
}

function bindLeft(values) {
  const key = { closed: 'left', open: 'open', half_open: 'half' }[view()];
  bind('left', !key ? '' : t(`window.${key}`, values));
}

function announce(word) {
  const now = performance.now();
  if (word === announced || now - announcedAt < ANNOUNCE_MS) return;
  if (announced !== null) text($('#announce'), t('announce', { word }));
  announced = word;
  announcedAt = now;
}

function bindLink() {
  $('#link').dataset.link = store.link;
  text($('#link-text'), t(`link.${store.link}`));
  const stale = $('#stale');
  stale.hidden = store.link !== 'lost';
  if (!stale.hidden) text(stale, t('stale'));
}

/** Everything that changes with an event. */
export function render() {
  const { status } = store;
  const values = variables();
  const { dataset } = document.documentElement;
  dataset.state = view();
  dataset.stored = status.state;
  dataset.due = due();
  dataset.arrow = due() ? 'wait' : arrow();
  localise(values);
  bind('name', status.circuit_breaker_name);
  bind('version', store.version && `Breakwire ${store.version}`);
  bind('word', t(`state.${view()}`));
  bind('gate', t(`gate.${stateKey()}`));
  bindFault();
  bindFlow();
  bindLeft(values);
  bindLink();
  tick();
}

/** Which arrow of the diagram led here. */
function arrow() {
  const { from, to } = lastChange() ?? {};
  const arrows = { 'closed open': 'trip', 'open half_open': 'wait', 'half_open open': 'fail', 'half_open closed': 'heal' };
  return arrows[`${from} ${to}`] ?? '';
}

function clock(ms) {
  const s = Math.floor(ms / 1000);
  return [s / 3600, (s / 60) % 60, s % 60].map((n) => String(Math.floor(n)).padStart(2, '0')).join(':');
}

/** Everything that changes with time alone. */
export function tick() {
  const { status } = store;
  const key = view() === 'closed' && status.failure_count > 0 ? 'failing' : stateKey();
  bind('since', due() ? '' : t('since', { time: time(status.since) }));
  bind('now', t(`now.${key}`, variables()));
  bind('uptime', t('up', { time: clock(uptime()) }));
  announce(t(`state.${view()}`));
}
