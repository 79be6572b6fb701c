// slots.js: the window of the last calls: a shape and a bar for each (height = latency, logarithmic).
import { $, svg, text } from './dom.js';
import { t, latency } from './words.js';
import { store, view } from './store.js';

const SLOTS = 20;
const STEP = 16;
const BASE = 60;
const BAR_MAX = 44;

/** "timeout" is a failure of its own shape. */
export const kind = (call) =>
  (call.outcome === 'failed' && call.code === 'DEADLINE_EXCEEDED' ? 'timeout' : call.outcome);

const scale = (ms) => Math.log10(1 + ms) / Math.log10(1 + store.status.request_timeout * 1000);
const height = (ms) => Math.max(3, Math.min(1, scale(ms)) * BAR_MAX);

function slot(call, i) {
  const x = i * STEP;
  if (!call) return [svg('use', { href: '#empty', class: 'empty', x: x + 3, y: 68, width: 10, height: 10 })];
  const shape = svg('use', { href: `#${kind(call)}`, class: kind(call), x: x + 2, y: 67, width: 12, height: 12 });
  const title = svg('title', {}, `${t(`outcome.${kind(call)}`)} · ${call.code} · ${latency(call.latency_ms)}`);
  if (call.outcome === 'rejected') return [svg('g', {}, title, shape)];
  const h = height(call.latency_ms);
  const bar = svg('rect', { class: `bar ${kind(call)}`, x: x + 4, y: BASE - h, width: 8, height: h, rx: 2 });
  return [svg('g', {}, title, bar, shape)];
}

/** The line under the failures that count towards the threshold. */
function streak(count) {
  const failures = Math.min(store.status.failure_count, count);
  if (view() !== 'closed' || !failures) return [];
  return [svg('path', { class: 'streak', d: `M${(count - failures) * STEP + 2} 86h${failures * STEP - 4}` })];
}

export function render() {
  const calls = store.calls.slice(-SLOTS);
  const top = BASE - BAR_MAX;
  $('#slots-g').replaceChildren(
    svg('path', { class: 'limit', d: `M0 ${top}H320` }),
    svg('text', { class: 'note end', x: 320, y: top - 5 }, t('window.timeout', { timeout: store.status.request_timeout })),
    svg('path', { class: 'ground', d: `M0 ${BASE}H320` }),
    ...Array.from({ length: SLOTS }, (_, i) => slot(calls[i], i)).flat(),
    ...streak(calls.length),
  );
  const n = (outcome) => calls.filter((call) => call.outcome === outcome).length;
  text($('#slots-d'), t('window.desc', { ok: n('ok'), failed: n('failed'), rejected: n('rejected') }));
}
