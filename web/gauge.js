// gauge.js: the ring: failures in a row while closed, the countdown while open, the probe while half-open.
import { $, el, svg, text, calm } from './dom.js';
import { t, number, fixed, time } from './words.js';
import { store, view, due, remaining, openMs } from './store.js';
import { stateKey, variables } from './sentence.js';

const SEGMENTS_MAX = 24;
const TENTHS_BELOW_MS = 10000;

let running = false;
let drawn = '';

/** An arc of a circle whose length counts as 100. */
const arc = (from, length, kind) => svg('circle', {
  class: kind, cx: 60, cy: 60, r: 52, pathLength: 100,
  'stroke-dasharray': `${length} ${100 - length}`, 'stroke-dashoffset': -from,
});

function segments(count, filled) {
  if (count > SEGMENTS_MAX) return [arc(0, (100 * filled) / count, 'full')];
  const gap = count > 1 ? 2.5 : 0;
  return Array.from({ length: count }, (_, i) =>
    arc((100 * i) / count + gap / 2, 100 / count - gap, i < filled ? 'full' : 'slot'));
}

function arcs() {
  const { status } = store;
  switch (view()) {
    case 'closed': return segments(status.failure_threshold, status.failure_count);
    case 'open': return [arc(0, 100, 'left')];
    case 'half_open': return segments(Math.min(status.probe_budget, SEGMENTS_MAX), status.probes_in_flight)
      .map((node, i) => { if (!due() && i === 0) node.classList.add('flying'); return node; });
    default: return [arc(0, 100, 'full')];
  }
}

function bigText() {
  const { status } = store;
  if (view() === 'closed') return [number(status.failure_count), t('gauge.of', { threshold: status.failure_threshold })];
  if (view() === 'open') return [countdown(), t('gauge.seconds')];
  if (due()) return [number(status.probe_budget), t('gauge.next')];
  if (view() === 'half_open') return [number(status.probes_in_flight), t('gauge.probe')];
  return ['–', ''];
}

function countdown() {
  const ms = remaining();
  return ms >= TENTHS_BELOW_MS || calm.matches ? number(Math.ceil(ms / 1000)) : fixed(Math.ceil(ms / 100) / 10, 1);
}

/** The ring by time alone; asks for the next frame while it runs. */
function frame() {
  running = false;
  const [big, unit] = bigText();
  text($('#ring-big'), big);
  text($('#ring-unit'), unit);
  if (view() !== 'open' || store.status.state === 'forced_open') return;
  const left = (100 * remaining()) / openMs();
  $('#ring-arcs .left')?.setAttribute('stroke-dasharray', `${Math.min(100, left)} 100`);
  running = true;
  if (calm.matches) setTimeout(frame, 500);
  else requestAnimationFrame(frame);
}

function facts() {
  const { status } = store;
  const seconds = (n) => t('seconds', { n });
  const rows = {
    opened: t('fact.times', { n: status.counters.opened }),
    attempt: number(status.open_attempt),
    open: seconds(view() === 'open' ? openMs() / 1000 : status.recovery_timeout),
    timeout: seconds(status.request_timeout),
    probes: t('of', { n: status.probes_in_flight, m: status.probe_budget }),
    lease: seconds(status.probe_lease_ms / 1000),
    failure: status.last_failure_time ? time(status.last_failure_time) : t('fact.never'),
  };
  const shown = {
    open: ['attempt', 'open', 'failure', 'opened'],
    half_open: ['probes', 'lease', 'attempt', 'failure'],
  }[view()] ?? ['open', 'timeout', 'opened', 'failure'];
  return shown.map((name) => el('div', {}, el('dt', {}, t(`fact.${name}`)), el('dd', {}, rows[name])));
}

export function render() {
  const { status } = store;
  const wanted = [view(), due(), status.failure_count, status.failure_threshold, status.probes_in_flight].join();
  const key = stateKey();
  text($('#h-gauge'), t(`gauge.${['closed', 'open', 'due', 'half_open'].includes(key) ? key : 'other'}`, variables()));
  if (wanted !== drawn) $('#ring-arcs').replaceChildren(...arcs());
  drawn = wanted;
  $('#facts').replaceChildren(...facts());
  if (!running) frame();
}
