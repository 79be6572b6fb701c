import { $, el, svg, bind, calm } from './dom.js';
import { t, has, number, time } from './words.js';
import { store, view, due, remaining, openMs } from './store.js';
import { stateKey, variables } from './sentence.js';

const SEGMENTS_MAX = 24;
const TENTHS_BELOW_MS = 10000;
let running = false;
let drawn;

const arc = (from, length, kind) => svg('circle', {
  class: kind, cx: 60, cy: 60, r: 52, pathLength: 100,
  'stroke-dasharray': `${length} 100`, 'stroke-dashoffset': -from,
});

function segments(count, filled) {
  if (count > SEGMENTS_MAX) return [arc(0, (100 * filled) / count, 'full')];
  const step = 100 / count;
  const gap = count > 1 ? 2.5 : 0;
  return Array.from({ length: count }, (_, i) =>
    arc(i * step + gap / 2, step - gap, i < filled ? 'full' : 'slot'));
}

/** Arcs, the number in the ring, and what it counts. */
function shown() {
  const { threshold, failures, budget } = variables();
  switch (stateKey()) {
    case 'closed': return [segments(threshold, failures), failures, t('gauge.of', { threshold })];
    case 'open': return [[arc(0, 100, 'left')], 0, t('gauge.seconds')];
    case 'due': return [[arc(0, 100, 'probe')], budget, t('gauge.next')];
    case 'half_open': return [[arc(0, 100, 'probe flying')], store.status.probes_in_flight, t('gauge.probe')];
    default: return [[arc(0, 100, 'full')], '–', ''];
  }
}

function frame() {
  running = view() === 'open';
  if (!running) return;
  const ms = remaining();
  const whole = ms >= TENTHS_BELOW_MS || calm.matches;
  bind('big', whole ? number(Math.ceil(ms / 1000)) : number(Math.ceil(ms / 100) / 10, 1));
  $('#ring .left')?.setAttribute('stroke-dasharray', `${Math.min(100, (100 * ms) / openMs())} 100`);
  if (calm.matches) setTimeout(frame, 500);
  else requestAnimationFrame(frame);
}

function facts() {
  const { status } = store;
  const rows = {
    opened: t('fact.times', { n: status.counters.opened }),
    attempt: number(status.open_attempt),
    open: t('seconds', { n: view() === 'open' ? openMs() / 1000 : status.recovery_timeout }),
    timeout: t('seconds', { n: status.request_timeout }),
    probes: t('of', { n: status.probes_in_flight, m: status.probe_budget }),
    lease: t('seconds', { n: status.probe_lease_ms / 1000 }),
    failure: status.last_failure_time ? time(status.last_failure_time) : t('fact.never'),
  };
  const names = {
    open: ['attempt', 'open', 'failure', 'opened'],
    half_open: ['probes', 'lease', 'attempt', 'failure'],
  };
  return (names[view()] ?? ['open', 'timeout', 'opened', 'failure'])
    .map((name) => el('div', {}, el('dt', {}, t(`fact.${name}`)), el('dd', {}, rows[name])));
}

export function render() {
  const [arcs, big, unit] = shown();
  const key = [stateKey(), big, unit].join();
  bind('gauge', t(`${has(`gauge.${stateKey()}`) ? 'gauge' : 'state'}.${stateKey()}`));
  bind('unit', unit);
  if (key !== drawn) $('#ring').replaceChildren(...arcs);
  drawn = key;
  $('#facts').replaceChildren(...facts());
  if (view() !== 'open') bind('big', number(big));
  else if (!running) frame();
}
