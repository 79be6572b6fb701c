// lists.js: the tables of the last calls and of the last transitions, newest first.
import { $, el, icon } from './dom.js';
import { t, time, latency } from './words.js';
import { store } from './store.js';
import { kind } from './slots.js';
import { why } from './sentence.js';

const ROWS = 10;
const SHAPES = { closed: 'closed', open: 'open', half_open: 'half', forced_open: 'open' };

const at = (item) => el('td', {}, el('time', { datetime: item.at }, time(item.at)));

function state(name) {
  const word = el('span', { class: `state ${name}` });
  if (SHAPES[name]) word.append(icon(SHAPES[name]));
  word.append(t(`state.${name}`));
  return word;
}

function bar(call) {
  const width = Math.min(1, Math.log10(1 + call.latency_ms) / Math.log10(1 + store.status.request_timeout * 1000));
  const node = el('i', { class: 'bar' });
  node.style.width = `${Math.round(width * 56)}px`;
  return node;
}

function callRow(call) {
  const outcome = el('span', { class: `mark ${kind(call)}` }, icon(kind(call)), t(`outcome.${kind(call)}`));
  const cell = el('td', {}, outcome);
  if (call.probe) cell.append(el('b', { class: 'tag' }, t('outcome.probe')));
  return el('tr', { class: kind(call) }, at(call), cell, el('td', { class: 'code' }, call.code),
    el('td', { class: 'ms' }, el('span', {}, latency(call.latency_ms)), call.outcome === 'rejected' ? '' : bar(call)),
    el('td', {}, state(call.circuit_state)));
}

function changeRow(change) {
  const arrow = el('span', { class: 'to', 'aria-label': '→', role: 'img' }, '→');
  return el('tr', {}, at(change), el('td', {}, state(change.from), arrow, state(change.to)),
    el('td', {}, why(change.reason, change, { failures: change.value })));
}

function none(key, columns) {
  return el('tr', {}, el('td', { colspan: columns, class: 'none' }, t(key)));
}

function rows(body, items, row, empty, columns) {
  const shown = items.slice(-ROWS).reverse();
  body.replaceChildren(...(shown.length ? shown.map(row) : [none(empty, columns)]));
}

export function render() {
  rows($('#calls'), store.calls, callRow, 'calls.none', 5);
  rows($('#changes'), store.changes, changeRow, 'changes.none', 3);
}
