export const $ = (selector) => document.querySelector(selector);
export const $$ = (selector) => document.querySelectorAll(selector);

function fill(node, attributes, children) {
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  node.append(...children);
  return node;
}
export const el = (tag, attributes, ...children) =>
  fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

/** A shape with a word beside it. */
export const mark = (name, word) =>
  el('span', { class: `mark ${name}` },
    svg('svg', { 'aria-hidden': true }, svg('use', { href: `#${shape(name)}` })), word);
const shapes = { ok: 'closed', forced_open: 'open' };
export const shape = (name) => shapes[name] ?? name;

/** Text that does not differ is left, so that nothing is laid out anew. */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}
export const bind = (name, value) => $$(`[data-b="${name}"]`).forEach((node) => text(node, `${value}`));

export const calm = matchMedia('(prefers-reduced-motion: reduce)');
