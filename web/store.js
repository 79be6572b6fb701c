// store.js: what the page knows: the breaker, its last calls and changes, service-b's fault. Events come in,
// listeners are told. Deadlines are on performance.now(), so a step of the wall clock moves nothing.

const CALLS_MAX = 20;
const CHANGES_MAX = 16;

export const store = { status: null, calls: [], changes: [], fault: null, version: '', link: 'connecting' };

let deadline = 0;
let began = 0;
const listeners = { change: [], call: [] };

export const on = (what, listener) => listeners[what].push(listener);
const tell = (what, value) => listeners[what].forEach((listener) => listener(value));

/** Milliseconds until the open time (or the probe's lease) is over, by the server's word. */
export const remaining = () => Math.max(0, deadline - performance.now());
export const uptime = () => performance.now() - began;
/** Stored open, but the time is over: the next call is the probe. */
export const due = () => store.status.state === 'open' && remaining() === 0;
/** What the next call meets. */
export const view = () => (due() ? 'half_open' : store.status.state);
/** The whole length of the present open time. */
export function openMs() {
  const opening = store.changes.findLast((change) => change.to === 'open');
  return opening?.retry_after_ms || store.status.recovery_timeout * 1000;
}
export const lastChange = () => store.changes.at(-1);

function take(keys) {
  store.status = { ...store.status, ...keys };
  if ('retry_after_ms' in keys) deadline = performance.now() + (keys.retry_after_ms ?? 0);
  if (keys.events) store.changes = keys.events;
}

const ours = (item) => item.breaker === store.status?.circuit_breaker_name;
const key = (call) => `${call.at} ${call.outcome} ${call.latency_ms}`;

/** The whole /circuit-status object. */
export function takeSnapshot(snapshot) {
  const { calls, fault, uptime_ms: up, version, breakers, ...keys } = snapshot;
  take(keys);
  store.calls = (calls ?? []).filter(ours);
  store.fault = fault ?? null;
  store.version = version ?? '';
  began = performance.now() - (up ?? 0);
  tell('change');
}

/** The same from a poll: calls that are new are told one by one. */
export function takePoll(snapshot) {
  const known = new Set(store.calls.map(key));
  takeSnapshot(snapshot);
  store.calls.filter((call) => !known.has(key(call))).forEach((call) => tell('call', call));
}

/** Only the breaker's own keys: corrects what takeCall guessed. */
export function takeStatus(snapshot) {
  const { calls, fault, uptime_ms: up, version, breakers, ...keys } = snapshot;
  take(keys);
  tell('change');
}

export function takeChange({ status, ...change }) {
  if (!ours(change)) return;
  take(status ?? {});
  if (store.changes.at(-1)?.seq !== change.seq) store.changes = [...store.changes, change].slice(-CHANGES_MAX);
  tell('change');
}

/** Counts move at once; /circuit-status has the last word. */
export function takeCall(call) {
  if (!ours(call) || store.calls.some((known) => key(known) === key(call))) return;
  store.calls = [...store.calls, call].slice(-CALLS_MAX);
  count(call);
  tell('call', call);
  tell('change');
}

function count(call) {
  const { status } = store;
  const counters = { ...status.counters };
  if (call.outcome === 'rejected') {
    counters.rejected_open += 1;
  } else {
    counters.admitted += 1;
    counters[call.outcome] += 1;
    if (status.state === 'closed') status.failure_count = call.outcome === 'ok' ? 0 : status.failure_count + 1;
    if (call.outcome === 'failed') status.last_failure_time = call.at;
  }
  status.counters = counters;
}

export function takeFault(fault) {
  store.fault = fault;
  tell('change');
}

export function takeConfig(config) {
  take(config);
  tell('change');
}

export function setLink(link) {
  if (store.link === link) return;
  store.link = link;
  tell('change');
}
