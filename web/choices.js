// choices.js: language and theme, kept for the next visit.
import { $$ } from './dom.js';
import { load } from './words.js';

const root = document.documentElement;
const languages = ['en', 'es'];

function stored(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

function keep(key, value) {
  try { localStorage.setItem(key, value); } catch { /* forbidden: it holds for this visit only */ }
}

/** ?lang=, then the stored choice, then what the server chose by Accept-Language. */
export function language() {
  const wanted = new URLSearchParams(location.search).get('lang');
  return [wanted, stored('lang'), root.lang].find((name) => languages.includes(name)) ?? 'en';
}

function markLanguage() {
  for (const link of $$('[hreflang]')) link.toggleAttribute('aria-current', link.hreflang === root.lang);
}

function markTheme() {
  for (const node of $$('[data-theme-choice]'))
    node.setAttribute('aria-pressed', String(node.dataset.themeChoice === (root.dataset.theme ?? 'auto')));
}

function chooseTheme(theme) {
  keep('theme', theme);
  if (theme === 'auto') delete root.dataset.theme;
  else root.dataset.theme = theme;
  markTheme();
}

async function chooseLanguage(name, onChange) {
  await load(name);
  keep('lang', name);
  const url = new URL(location);
  url.searchParams.set('lang', name);
  history.replaceState(null, '', url);
  markLanguage();
  onChange();
}

export function start(onChange) {
  markTheme();
  markLanguage();
  for (const node of $$('[data-theme-choice]'))
    node.addEventListener('click', () => chooseTheme(node.dataset.themeChoice));
  for (const link of $$('[hreflang]'))
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      chooseLanguage(link.hreflang, onChange).catch(() => location.assign(link.href));
    });
}
