import { $ } from './dom.js';
import { on, takeSnapshot, due } from './store.js';
import * as live from './live.js';
import * as sentence from './sentence.js';
import * as gauge from './gauge.js';
import * as history from './history.js';
import * as actions from './actions.js';
import { arrive } from './circuit.js';

const TICK_MS = 200;
let asked = false;
let wasDue = false;

/** At most once a frame. */
function render() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    for (const part of [sentence, gauge, history, actions]) part.render();
  });
}

/** Time alone can change the view. */
function tick() {
  if (due() !== wasDue) render();
  wasDue = due();
  sentence.tick();
}

on('change', render);
on('call', (call) => arrive(history.kind(call)));
takeSnapshot(JSON.parse($('#snapshot').textContent));
for (const part of [history, actions, live]) part.start();
setInterval(tick, TICK_MS);
