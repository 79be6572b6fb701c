import { $, el, svg, mark, shape } from './dom.js';
import { t, time, latency } from './words.js';
import { store, view } from './store.js';
import { why, variables } from './sentence.js';

const SLOTS = 20;
const ROWS = 10;
const BASE = 60;
const BAR_MAX = 44;

/** "timeout" is a failure of its own shape. */
export const kind = ({ outcome, code }) =>
  (outcome === 'failed' && code === 'DEADLINE_EXCEEDED' ? 'timeout' : outcome);

/** 0..1, logarithmic; 1 is the timeout. */
const scale = (ms) => Math.min(1, Math.log1p(ms) / Math.log1p(store.status.request_timeout * 1000));

function slot(call, i) {
  const x = i * 16;
  if (!call) return svg('circle', { class: 'empty', cx: x + 8, cy: 73, r: 4.5 });
  const name = kind(call);
  const height = Math.max(3, scale(call.latency_ms) * BAR_MAX);
  const group = svg('g', { class: name },
    svg('title', {}, `${t(`outcome.${name}`)} · ${call.code} · ${latency(call.latency_ms)}`),
    svg('use', { href: `#${shape(name)}`, x: x + 1.5, y: 66.5, width: 13, height: 13 }));
  if (name !== 'rejected') group.append(svg('rect', { x: x + 4, y: BASE - height, width: 8, height, rx: 2 }));
  return group;
}

function drawSlots() {
  const { status, calls } = store;
  const top = BASE - BAR_MAX;
  const nodes = [
    svg('path', { class: 'limit', d: `M0 ${top}H320` }),
    svg('text', { class: 'note', x: 320, y: top - 5 }, t('window.timeout', variables())),
    svg('path', { class: 'ground', d: `M0 ${BASE}H320` }),
    ...Array.from({ length: SLOTS }, (_, i) => slot(calls[i], i)),
  ];
  const streak = view() === 'closed' ? Math.min(status.failure_count, calls.length) : 0;
  const d = `M${(calls.length - streak) * 16 + 2} 85h${streak * 16 - 4}`;
  if (streak) nodes.push(svg('path', { class: 'streak', d }));
  $('#slots').replaceChildren(...nodes);
}

const at = (item) => el('td', {}, el('time', { datetime: item.at }, time(item.at)));
const state = (name) => mark(name, t(`state.${name}`));

function callRow(call) {
  const name = kind(call);
  const outcome = el('td', {}, mark(name, t(`outcome.${name}`)));
  if (call.probe) outcome.append(el('small', { class: 'tag' }, t('outcome.probe')));
  const bar = el('i', {});
  bar.style.width = name === 'rejected' ? 0 : `${Math.round(scale(call.latency_ms) * 64)}px`;
  return el('tr', { class: name }, at(call), outcome, el('td', {}, el('code', {}, call.code)),
    el('td', {}, el('span', {}, latency(call.latency_ms)), bar), el('td', {}, state(call.circuit_state)));
}

const changeRow = (change) => el('tr', {}, at(change),
  el('td', {}, state(change.from), ' → ', state(change.to)), el('td', {}, why(change, change.value)));

function fill(body, items, row, none) {
  const rows = items.slice(-ROWS).reverse().map(row);
  body.replaceChildren(...(rows.length ? rows : [el('tr', {}, el('td', { colspan: 5 }, t(none)))]));
}

export function render() {
  drawSlots();
  fill($('#calls'), store.calls, callRow, 'calls.none');
  fill($('#changes'), store.status.events, changeRow, 'changes.none');
}

export function start() {
  for (const name of ['ok', 'failed', 'timeout', 'rejected'])
    $('#legend').append(el('li', {}, mark(name, t(`outcome.${name}`))));
}
