import { $, svg, shape, calm } from './dom.js';
import { view } from './store.js';

const Y = 60;
const GATE = 40;
const DOTS_MAX = 12;
const SETTLE_MS = 1500;
const dots = $('#dots');
let mine; // the dot of this page's call that is still under way

function places() {
  const box = $('rect.a').getBoundingClientRect().width + 8;
  const { width } = $('#wire').getBoundingClientRect();
  return { a: box, gate: width / 2 - GATE, b: width - box };
}

const at = (x, y = Y, opacity = 1) => ({ transform: `translate(${x}px, ${y}px)`, opacity });
const move = (dot, frames, duration) =>
  dot.animate(frames, { duration, easing: 'ease-in-out', fill: 'forwards' }).finished;

function send(to) {
  if (dots.childElementCount >= DOTS_MAX) dots.firstElementChild.remove();
  const dot = svg('g', { class: 'dot' },
    svg('use', { href: '#closed', x: -8, y: -8, width: 16, height: 16 }));
  dots.append(dot);
  return { dot, to, there: move(dot, [at(places().a), at(to)], 280) };
}

/** This page's call runs as far as the switch lets it, and waits. */
export function depart() {
  if (calm.matches) return;
  const { gate, b } = places();
  mine = send(/open/.test(view()) && view() !== 'half_open' ? gate : b);
}

/** A call has ended, here or elsewhere. */
export async function arrive(kind) {
  if (calm.matches || document.hidden) return;
  const { a, gate, b } = places();
  const end = kind === 'rejected' ? gate : b;
  const { dot, to, there } = mine ?? send(end);
  mine = null;
  await there;
  if (to !== end) await move(dot, [at(to), at(end)], 200);
  dot.setAttribute('class', `dot ${kind}`);
  dot.firstElementChild.setAttribute('href', `#${shape(kind)}`);
  if (kind === 'ok') await move(dot, [at(end), at(a, Y, 0.3)], 420);
  else if (kind === 'rejected') await move(dot, [at(end), at((end + a) / 2, Y - 36), at(a, Y, 0.2)], 600);
  else await move(dot, [at(end), at(end - 12, Y + 40, 0)], 900);
  dot.remove();
}

/** This page's call is over: if no event tells how, its dot goes. */
export function settle() {
  const left = mine;
  setTimeout(() => {
    if (!left || mine !== left) return;
    mine = null;
    left.dot.remove();
  }, SETTLE_MS);
}
