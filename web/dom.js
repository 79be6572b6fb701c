// dom.js: small helpers around elements. Text only ever becomes text nodes.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => root.querySelectorAll(selector);

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export const el = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

/** A shape of the page's symbols, such as "failed". */
export const icon = (name) =>
  svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('use', { href: `#${name}` }));

/** Changes the text only when it differs, so that nothing is laid out or announced again. */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** Sets the text of every element with data-b="name". */
export function bind(name, value) {
  for (const node of $$(`[data-b="${name}"]`)) text(node, String(value));
}

/** At most once a frame, however often it is asked for. */
export function onceAFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; work(); });
  };
}

export const calm = matchMedia('(prefers-reduced-motion: reduce)');
