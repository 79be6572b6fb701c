import { $, bind, shape } from './dom.js';
import { t, has, number, time } from './words.js';
import { store, view, due, remaining, openMs, uptime, lastChange } from './store.js';

const { dataset } = document.documentElement;
let announced;

/** "3 calls in a row failed (INTERNAL)" */
export function why(change, failures) {
  const reason = t(has(`why.${change.reason}`) ? `why.${change.reason}` : 'why.', { failures });
  return change.code ? `${reason} (${change.code})` : reason;
}

/** The variables of all strings: the same names as in client/page.c. */
export function variables() {
  const { status } = store;
  const { failure_count: failures, failure_threshold: threshold } = status;
  return {
    threshold,
    failures,
    left: Math.max(0, threshold - failures),
    open: status.recovery_timeout,
    wait: Math.ceil(remaining() / 1000),
    timeout: status.request_timeout,
    budget: status.probe_budget,
    why: why({ reason: status.last_reason, code: lastChange().code }, failures),
  };
}

export const stateKey = () => (due() ? 'due' : view());

function bindFault() {
  const { failure_percent: percent, latency_min_ms: min, latency_max_ms: max } = store.fault ?? {};
  dataset.fault = !store.fault ? 'unknown' : percent ? (max ? 'both' : 'fails') : max ? 'slow' : 'healthy';
  bind('fault', t(`fault.${dataset.fault}`, { percent, min: min / 1000, max: max / 1000 }));
}

function bindFlow() {
  const c = store.status.counters;
  const stopped = c.rejected_open + c.rejected_probing + c.rejected_forced;
  bind('asked', number(c.admitted + stopped));
  bind('stopped', number(stopped));
  bind('reached', number(c.admitted));
  bind('split', t('flow.split', c));
}

/** The arrow that led here. */
function bindArrows(values) {
  const { from, to } = lastChange();
  dataset.arrow = due() ? 'wait' : { closed: 'trip', half_open: 'fail' }[to === 'open' && from] ??
    { half_open: 'wait', closed: 'heal' }[from && to] ?? '';
  for (const name of ['trip', 'wait', 'heal']) bind(name, t(`arrow.${name}`, values));
}

const tab = {
  closed: ['12855a', "circle cx='8' cy='8' r='7'"],
  open: ['d83a22', "path d='M13 1a8.6 8.6 0 1 0 0 14V10a4 4 0 1 1 0-4z'"],
  half_open: ['b57a00', "path d='M8 0a8 8 0 0 1 0 16v-2A6 6 0 0 1 8 2z'"],
};

function bindTab(word) {
  document.title = `${word} · Breakwire`;
  const [colour, form] = tab[shape(view())] ?? ['667085', "rect width='16' height='16'"];
  const icon = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' `
    + `fill='%23${colour}'><${form}/></svg>`;
  if ($('link[rel=icon]').href !== icon) $('link[rel=icon]').href = icon;
}

function bindLink() {
  $('#link').className = `link ${store.link}`;
  $('#link use').setAttribute('href', { live: '#closed', lost: '#open' }[store.link] ?? '#half_open');
  bind('link', t(`link.${store.link}`));
  $('#stale').hidden = store.link !== 'lost';
}

export function render() {
  const values = variables();
  const word = t(`state.${view()}`);
  dataset.state = view();
  bind('word', word);
  bind('gate', t(`gate.${stateKey()}`));
  bind('left', has(`window.${view()}`) ? t(`window.${view()}`, values) : '');
  bind('version', `Breakwire ${store.status.version}`);
  bindArrows(values);
  bindFault();
  bindFlow();
  bindLink();
  bindTab(word);
  if (announced && announced !== word) $('#announce').textContent = t('announce', { word });
  announced = word;
  tick();
}

/** What changes with time alone. */
export function tick() {
  const { status } = store;
  const key = view() === 'closed' && status.failure_count ? 'failing' : stateKey();
  bind('since', due() ? '' : t('since', { time: time(status.since) }));
  bind('now', t(`now.${key}`, variables()));
  const s = Math.floor(uptime() / 1000);
  const clock = [s / 3600, (s / 60) % 60, s % 60].map((n) => `${Math.floor(n)}`.padStart(2, 0)).join(':');
  bind('uptime', t('up', { clock }));
}
