// words.js: the strings of one language, numbers and times in its manner.
import { $$, text } from './dom.js';

let strings = {};
let language = 'en';

export async function load(wanted) {
  const answer = await fetch(`/strings/${wanted}.json`);
  if (!answer.ok) throw new Error(`strings: ${answer.status}`);
  strings = await answer.json();
  language = wanted;
  document.documentElement.lang = wanted;
}

/** The string under a key with its {variables} replaced. Its twin "key.one" is for a first variable of 1. */
export function t(key, variables = {}) {
  let string = strings[key] ?? key;
  const first = /\{(\w+)\}/.exec(string);
  if (first && Number(variables[first[1]]) === 1) string = strings[`${key}.one`] ?? string;
  return string.replace(/\{(\w+)\}/g, (_, name) => {
    const value = variables[name] ?? '';
    return typeof value === 'number' ? number(value) : value;
  });
}

export const has = (key) => key in strings;

export const number = (value, digits = 3) =>
  new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
export const fixed = (value, digits) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

let clock;
export function time(rfc3339) {
  if (clock?.resolvedOptions().locale.slice(0, 2) !== language)
    clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  const date = new Date(rfc3339);
  return Number.isNaN(date.getTime()) ? '' : clock.format(date);
}

/** Milliseconds for people: "<1 ms", "12 ms", "2.4 s". */
export function latency(ms) {
  if (ms < 1) return t('calls.fast');
  return ms < 1000 ? `${number(ms)} ms` : `${fixed(ms / 1000, 1)} s`;
}

/** Everything with data-t gets its string, labels with data-tl as well. */
export function localise(variables) {
  for (const node of $$('[data-t]')) text(node, t(node.dataset.t, variables));
  for (const node of $$('[data-tl]')) node.setAttribute('aria-label', t(node.dataset.tl));
}
