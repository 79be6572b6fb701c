// app.js: wiring: the snapshot in the document, then the live events, go into the store; the store into the page.
import { $, onceAFrame } from './dom.js';
import { load } from './words.js';
import { on, takeSnapshot, store, due } from './store.js';
import * as live from './live.js';
import * as choices from './choices.js';
import * as sentence from './sentence.js';
import * as gauge from './gauge.js';
import * as slots from './slots.js';
import * as lists from './lists.js';
import * as actions from './actions.js';
import * as badge from './badge.js';
import { arrive } from './circuit.js';

const TICK_MS = 200;
const parts = [sentence, gauge, slots, lists, actions, badge];
let wasDue = false;

const render = onceAFrame(() => parts.forEach((part) => part.render()));

/** The passing of time alone can change the view: then everything is drawn anew. */
function tick() {
  if (!store.status) return;
  if (due() !== wasDue) render();
  wasDue = due();
  sentence.tick();
}

takeSnapshot(JSON.parse($('#snapshot').textContent));
await load(choices.language());
choices.start(render);
actions.start();
on('change', render);
on('call', (call) => arrive(call, slots.kind(call)));
render();
setInterval(tick, TICK_MS);
live.start();
