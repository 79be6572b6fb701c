// live.js: the event stream. Closed while the tab is hidden (a browser allows six connections to one origin);
// after three failed connects /circuit-status is asked every two seconds, and the stream tried now and then.
import * as store from './store.js';

const FAILURES_MAX = 3;
const POLL_MS = 2000;
const POLLS_BETWEEN_TRIES = 5;
const RECONCILE_MS = 400;

let stream = null;
let failures = 0;
let poll = 0;
let polls = 0;
let reconcile = 0;

const status = async () => {
  const answer = await fetch('/circuit-status', { cache: 'no-store' });
  if (!answer.ok) throw new Error(`/circuit-status: ${answer.status}`);
  return answer.json();
};

/** A quiet look at the whole truth, soon after the last call of a burst. */
function reconcileSoon() {
  clearTimeout(reconcile);
  reconcile = setTimeout(() => status().then(store.takeStatus, () => {}), RECONCILE_MS);
}

const handlers = {
  snapshot: store.takeSnapshot,
  config: store.takeConfig,
  state: store.takeChange,
  fault: store.takeFault,
  call: (call) => { store.takeCall(call); reconcileSoon(); },
  lost: () => status().then(store.takeSnapshot, () => {}),
};

function close() {
  stream?.close();
  stream = null;
}

function onError() {
  failures += 1;
  if (failures >= FAILURES_MAX) {
    close();
    startPolling();
  } else if (stream?.readyState === EventSource.CLOSED) {
    close();
    setTimeout(connect, POLL_MS);
  }
  if (!poll) store.setLink('connecting');
}

function connect() {
  if (document.hidden || stream) return;
  stream = new EventSource('/events');
  stream.onopen = () => {
    failures = 0;
    stopPolling();
    store.setLink('live');
  };
  stream.onerror = onError;
  for (const [name, handler] of Object.entries(handlers))
    stream.addEventListener(name, (event) => { if (event.data) handler(JSON.parse(event.data)); });
}

async function pollOnce() {
  polls += 1;
  try {
    store.takePoll(await status());
    store.setLink('polling');
  } catch {
    store.setLink('lost');
  }
  if (poll && polls % POLLS_BETWEEN_TRIES === 0) connect();
}

function startPolling() {
  if (poll) return;
  poll = setInterval(pollOnce, POLL_MS);
  pollOnce();
}

function stopPolling() {
  clearInterval(poll);
  poll = 0;
}

function pause() {
  close();
  stopPolling();
  store.setLink('paused');
}

function resume() {
  if (document.hidden || stream || poll) return;
  failures = 0;
  store.setLink('connecting');
  connect();
}

export function start() {
  document.addEventListener('visibilitychange', () => (document.hidden ? pause() : resume()));
  addEventListener('pagehide', pause);
  addEventListener('pageshow', resume);
  resume();
}
