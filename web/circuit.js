// circuit.js: the dots on the wire: a call runs, bounces off an open switch, fails, or comes back.
import { $, svg, calm } from './dom.js';
import { view } from './store.js';

const Y = 58;
const GATE = 38;
const DOTS_MAX = 12;
const RUN_MS = 260;

const wire = $('#wire');
const dots = $('#dots');
let mine = null; // the dot of this page's call that is still under way

const boxWidth = () => $('.box.a').getBoundingClientRect().width;
function places() {
  const width = wire.getBoundingClientRect().width;
  return { a: boxWidth() + 8, gate: width / 2 - GATE, b: width - boxWidth() - 8 };
}

const point = (x, y = Y) => `translate(${x}px, ${y}px)`;
const move = (dot, frames, duration) =>
  dot.animate(frames, { duration, easing: 'ease-in-out', fill: 'forwards' }).finished;

function newDot() {
  if (dots.childElementCount >= DOTS_MAX) dots.firstElementChild.remove();
  const dot = svg('g', { class: 'dot' }, svg('use', { href: '#ok', x: -8, y: -8, width: 16, height: 16 }));
  dots.append(dot);
  return dot;
}

function become(dot, shape) {
  dot.setAttribute('class', `dot ${shape}`);
  dot.firstElementChild.setAttribute('href', `#${shape}`);
}

const passes = () => view() !== 'open' && view() !== 'forced_open';

/** This page has sent a call: it runs as far as the switch lets it, and waits. */
export function depart() {
  if (calm.matches) return;
  const { a, gate, b } = places();
  const dot = newDot();
  const end = passes() ? b : gate;
  mine = { dot, at: end, arrived: move(dot, [{ transform: point(a) }, { transform: point(end) }], RUN_MS) };
  mine.arrived.then(() => dot.classList.add('waiting'));
}

async function bounce(dot, from, a) {
  become(dot, 'rejected');
  const up = point((from + a) / 2, Y - 34);
  await move(dot, [{ transform: point(from) }, { transform: up }, { transform: point(a), opacity: 0 }], 600);
}

async function fall(dot, from, shape) {
  become(dot, shape);
  await move(dot, [{ transform: point(from) }, { transform: point(from - 10, Y + 36), opacity: 0 }], 900);
}

async function comeBack(dot, from, a) {
  become(dot, 'ok');
  await move(dot, [{ transform: point(from) }, { transform: point(a), opacity: 0.2 }], 420);
}

/** A call has ended, here or elsewhere. */
export async function arrive(call, shape) {
  if (calm.matches || document.hidden) return;
  const { a, gate, b } = places();
  const end = call.outcome === 'rejected' ? gate : b;
  const waiting = mine;
  mine = null;
  const dot = waiting?.dot ?? newDot();
  if (waiting) await waiting.arrived;
  if (waiting?.at !== end) await move(dot, [{ transform: point(waiting?.at ?? a) }, { transform: point(end) }], RUN_MS);
  if (call.outcome === 'rejected') await bounce(dot, end, a);
  else if (call.outcome === 'failed') await fall(dot, end, shape);
  else await comeBack(dot, end, a);
  dot.remove();
}

/** The call of this page is over: should no event have told how, its dot goes. */
export function settle() {
  const left = mine;
  setTimeout(() => {
    if (left && mine === left) {
      mine = null;
      left.dot.remove();
    }
  }, 1500);
}
