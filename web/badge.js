// badge.js: the tab: title and icon say the state, by shape and colour.
import { $ } from './dom.js';
import { t } from './words.js';
import { view } from './store.js';

const shapes = {
  closed: ["#12855a", "%3Ccircle cx='8' cy='8' r='7' fill='COLOUR'/%3E"],
  open: ["#d83a22", "%3Cpath d='M13.5 4a7 7 0 1 0 0 8' fill='none' stroke='COLOUR' stroke-width='3'/%3E"],
  half_open: ["#b57a00", "%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='COLOUR' stroke-width='2'/%3E%3Cpath d='M8 2a6 6 0 0 1 0 12z' fill='COLOUR'/%3E"],
  other: ["#667085", "%3Crect x='2' y='2' width='12' height='12' rx='3' fill='COLOUR'/%3E"],
};
let drawn = '';

export function render() {
  document.title = `${t(`state.${view()}`)} · Breakwire`;
  if (drawn === view()) return;
  drawn = view();
  const [colour, shape] = shapes[view() === 'forced_open' ? 'open' : view()] ?? shapes.other;
  const body = shape.replaceAll('COLOUR', encodeURIComponent(colour));
  $('link[rel=icon]').href =
    `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E${body}%3C/svg%3E`;
}
