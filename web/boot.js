{
  const root = document.documentElement;
  root.classList.add('js');
  let store = {}; // storage may be forbidden: then a choice holds for this visit
  try { store = localStorage; } catch { /* see above */ }

  const lang = new URLSearchParams(location.search).get('lang');
  if (lang === root.lang) store.lang = lang;
  else if (!lang && /^(en|es)$/.test(store.lang) && store.lang !== root.lang)
    location.replace(`?lang=${store.lang}`);

  const choose = (theme) => {
    root.dataset.theme = store.theme = theme;
    for (const node of document.querySelectorAll('[data-set]'))
      node.setAttribute('aria-pressed', node.dataset.set === theme);
  };
  choose(store.theme ?? 'auto');
  addEventListener('DOMContentLoaded', () => {
    choose(root.dataset.theme);
    for (const node of document.querySelectorAll('[data-set]')) node.onclick = () => choose(node.dataset.set);
  });
}
