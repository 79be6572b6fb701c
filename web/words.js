const { lang } = document.documentElement;
const strings = await (await fetch(`/strings/${lang}.json`)).json();

/** A string with its {variables}. Its twin "key.one" is for a first variable of 1. */
export function t(key, variables = {}) {
  let string = strings[key] ?? key;
  if (variables[/\{(\w+)\}/.exec(string)?.[1]] === 1) string = strings[`${key}.one`] ?? string;
  return string.replace(/\{(\w+)\}/g, (_, name) => number(variables[name] ?? ''));
}
export const has = (key) => key in strings;

export const number = (value, digits) => (typeof value !== 'number' ? value
  : value.toLocaleString(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits ?? 3 }));

export const time = (rfc3339) => new Date(rfc3339).toLocaleTimeString(lang, { hourCycle: 'h23' });

/** "<1 ms", "12 ms", "2.4 s" */
export const latency = (ms) =>
  (ms < 1 ? '<1 ms' : ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000, 1)} s`);
