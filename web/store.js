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
/** What the next call meets: once the open time is over, that is half-open. */
export const view = () => (store.status.state === 'open' && !remaining() ? 'half_open' : store.status.state);
/** The next call is the probe. */
export const due = () => view() === 'half_open' && !store.status.probes_in_flight;
export const lastChange = () => store.status.events.at(-1) ?? {};
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
  if (!store.calls.some((known) => id(known) === id(call)))
    store.calls = [...store.calls, call].slice(-CALLS_MAX);
  tell('call', call);
  tell('change');
}
export function takeConfig(config) {
  take(config);
  tell('change');
}
export function set(values) {
  Object.assign(store, values);
  tell('change');
}
