// store.js: what the page knows: the breaker, its last calls and changes, service-b's fault. Events come in,
// listeners are told. Deadlines are on performance.now(), so a step of the wall clock moves nothing.

export const store = { link: 'connecting' };

const CALLS_MAX = 20;
const listeners = { change: [], call: [] };
let deadline = 0;
let began = 0;

export const on = (what, listener) => listeners[what].push(listener);
const tell = (what, value) => listeners[what].forEach((listener) => listener(value));

/** Milliseconds until the open time is over, by the server's word. */
export const remaining = () => Math.max(0, deadline - performance.now());
export const uptime = () => performance.now() - began;
/** Stored open, but the time is over: the next call is the probe. */
export const due = () => store.status.state === 'open' && !remaining();
/** What the next call meets. */
export const view = () => (due() ? 'half_open' : store.status.state);
export const lastChange = () => store.status.events.at(-1) ?? {};
/** The whole length of this open time. */
export const openMs = () =>
  (lastChange().to === 'open' && lastChange().retry_after_ms) || store.status.recovery_timeout * 1000;

function take(keys) {
  store.status = { ...store.status, ...keys };
  if ('retry_after_ms' in keys) deadline = performance.now() + keys.retry_after_ms;
}

const ours = (item) => item.breaker === store.status.circuit_breaker_name;
const id = (call) => call.at + call.outcome + call.latency_ms;

/** The whole /circuit-status object. */
export function takeSnapshot(snapshot) {
  take(snapshot);
  store.calls = snapshot.calls.filter(ours);
  store.fault = snapshot.fault;
  began = performance.now() - snapshot.uptime_ms;
  tell('change');
}
/** The same, asked for: one that a change has overtaken is not taken. */
export function takeStatus(snapshot) {
  if (snapshot.generation >= store.status.generation) takeSnapshot(snapshot);
}
export function takeChange({ status, ...change }) {
  if (!ours(change)) return;
  take({ events: [...store.status.events, change], ...status });
  tell('change');
}
export function takeCall(call) {
  if (!ours(call)) return;
  if (!store.calls.some((known) => id(known) === id(call))) store.calls = [...store.calls, call].slice(-CALLS_MAX);
  tell('call', call);
  tell('change');
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
  store.link = link;
  tell('change');
}
