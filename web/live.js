import * as store from './store.js';

const FAILURES_MAX = 3;
const POLL_MS = 2000;
const POLLS_BETWEEN_TRIES = 5;
const RECONCILE_MS = 200;

let stream = null;
let failures = 0;
let poll = 0;
let polls = 0;
let reconcile = 0;

const status = async () => (await fetch('/circuit-status', { cache: 'no-store' })).json();

/** A call moves counts that no event carries: one look for all calls of a moment. */
export function reconcileSoon() {
  reconcile ||= setTimeout(() => {
    reconcile = 0;
    status().then(store.takeStatus, () => {});
  }, RECONCILE_MS);
}

const handlers = {
  snapshot: store.takeSnapshot,
  config: store.takeConfig,
  state: store.takeChange,
  fault: (fault) => store.set({ fault }),
  call: (call) => { store.takeCall(call); reconcileSoon(); },
  lost: reconcileSoon,
};

function close() {
  stream?.close();
  stream = null;
}

function connect() {
  if (document.hidden || stream) return;
  stream = new EventSource('/events');
  stream.onopen = () => {
    failures = 0;
    stopPolling();
    store.set({ link: 'live' });
  };
  stream.onerror = onError;
  for (const name in handlers)
    stream.addEventListener(name, (event) => handlers[name](JSON.parse(event.data)));
}

function onError() {
  failures += 1;
  const ended = stream.readyState === EventSource.CLOSED;
  if (ended || failures >= FAILURES_MAX) close();
  if (failures >= FAILURES_MAX) startPolling();
  else if (ended) setTimeout(connect, POLL_MS);
  if (!poll) store.set({ link: 'connecting' });
}

async function pollOnce() {
  polls += 1;
  try {
    store.takeSnapshot(await status());
    if (poll) store.set({ link: 'polling' });
  } catch {
    if (poll) store.set({ link: 'lost' });
  }
  if (poll && polls % POLLS_BETWEEN_TRIES === 0) connect();
}

function startPolling() {
  poll ||= setInterval(pollOnce, POLL_MS);
  pollOnce();
}

function stopPolling() {
  clearInterval(poll);
  poll = 0;
}

function pause() {
  close();
  stopPolling();
  store.set({ link: 'paused' });
}

function resume() {
  if (document.hidden || stream || poll) return;
  failures = 0;
  store.set({ link: 'connecting' });
  connect();
}

export function start() {
  document.addEventListener('visibilitychange', () => (document.hidden ? pause() : resume()));
  addEventListener('pagehide', pause);
  addEventListener('pageshow', resume);
  resume();
}
