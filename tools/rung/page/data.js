/* The page's data, joined: plan and graph are two lists of the same nodes, found by the path of their graph and their
 * name. Everything else reads `nodes`, `graphs`, `providers`. */
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const plan = data.plan || {providers: [], islands: [], crossings: [], passes: [], nodes: [], contract: []};

/* Words for numbers */

function scaled(value, base, units) {
  let u = 0;
  while (Math.abs(value) >= base && u < units.length - 1) value /= base, u++;
  const digits = u === 0 && Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return value.toFixed(digits) + ' ' + units[u];
}
const bytesText = b => b < 0 ? 'open' : scaled(b, 1000, ['B', 'kB', 'MB', 'GB', 'TB']);
const flopsText = f => scaled(f, 1000, ['FLOP', 'kFLOP', 'MFLOP', 'GFLOP', 'TFLOP', 'PFLOP']);
const secondsText = s => s >= 1 || s === 0 ? s.toFixed(2) + ' s' : scaled(s * 1e9, 1000, ['ns', 'µs', 'ms']);
const nsText = ns => secondsText(ns / 1e9);
const countText = n => n.toLocaleString('en');
const smallText = x => x && Math.abs(x) < 1e-3 ? x.toExponential(1) : String(Number(x.toPrecision(2)));
const plural = (n, one, many) => countText(n) + ' ' + (n === 1 ? one : many);

function typeText(type) {
  if (!type) return '';
  if (type.kind === 'tensor') return (type.dtype || '?') + (type.shape ? '[' + type.shape.join(', ') + ']' : '');
  return type.kind + (type.element ? '(' + typeText(type.element) + ')' : '');
}

/* Colours: by the place in the chain, so that they do not depend on names. */

const palette = ['#3b7cf5', '#f0932b', '#16a37f', '#a259e6', '#e0559b', '#0aa3c2', '#8a9a1f', '#c0643c'];
const hostColor = '#7d8796', nobodyColor = '#e5484d';
const chainNames = (data.bench ? data.bench.chains.flatMap(c => c.plan.providers.map(p => p.name)) : [])
  .concat(plan.providers.map(p => p.name));
const colors = new Map([...new Set(chainNames)].map((name, i) => [name, palette[i % palette.length]]));
const colorOf = provider => provider === null ? nobodyColor : colors.get(provider) || hostColor;
const nameOf = provider => provider === null ? 'nobody' : provider;

/* Graphs */

const byPath = new Map(); /* path of a graph -> name -> node of the plan */
plan.nodes.forEach((n, i) => {
  n.number = i;
  n.edgesIn = n.edgesOut = null;
  if (!byPath.has(n.graph)) byPath.set(n.graph, new Map());
  byPath.get(n.graph).set(n.name, n);
});

/* Paths of bodies are "node/attribute"; in the graph they stand in the same order. */
const bodyPaths = new Map(); /* path of the graph + name of the node -> paths of its bodies */
for (const path of byPath.keys()) {
  const slash = path.lastIndexOf('/');
  if (slash < 0) continue;
  const owner = path.slice(0, slash);
  if (!bodyPaths.has(owner)) bodyPaths.set(owner, []);
  bodyPaths.get(owner).push(path);
}

const graphs = new Map(); /* path -> {path, nodes, values, inputs, outputs, producer, readers} */
function joinGraph(graph, path) {
  const joined = {path, name: graph.name, inputs: graph.inputs, outputs: graph.outputs, nodes: [], values: new Map(),
                  producer: new Map(), readers: new Map()};
  for (const v of graph.values.concat(graph.inputs, graph.outputs)) joined.values.set(v.name, v);
  const placed = byPath.get(path) || new Map();
  for (const raw of graph.nodes) {
    const node = placed.get(raw.name);
    if (!node) continue;
    node.inputs = raw.inputs;
    node.outputs = raw.outputs;
    node.opset = raw.opset;
    node.bodies = bodyPaths.get((path ? path + '/' : '') + raw.name) || [];
    joined.nodes.push(node);
    for (const name of raw.outputs) if (name) joined.producer.set(name, node);
    for (const name of new Set(raw.inputs)) {
      if (!name || (joined.values.get(name) || {}).constant) continue;
      if (!joined.readers.has(name)) joined.readers.set(name, []);
      joined.readers.get(name).push(node);
    }
    raw.bodies.filter(body => body.nodes.length).forEach((body, i) => { /* the plan has no trace of an empty one */
      if (node.bodies[i] !== undefined) joinGraph(body, node.bodies[i]);
    });
  }
  graphs.set(path, joined);
}
if (data.graph) joinGraph(data.graph, '');
const graphOf = node => graphs.get(node.graph);
const valueOf = (graph, name) => graph.values.get(name);

/* Totals */

const usedNames = plan.providers.filter(p => p.used).map(p => p.name);
if (plan.nodes.some(n => n.provider === 'host')) usedNames.push('host');
if (plan.nodes.some(n => n.provider === null)) usedNames.push(null);
const sumOf = (list, value) => list.reduce((sum, item) => sum + value(item), 0);
for (const n of plan.nodes) /* control flow that the session drives is refused by everybody, and no loss */
  n.refused = n.refusals.some(r => !(r.reason === 'control-flow' && n.provider === 'host'));
const refused = plan.nodes.filter(n => n.refused);
const crossingKey = (value, from, to) => value + '\n' + from + '\n' + to;
const crossings = new Map(plan.crossings.map(c => [crossingKey(c.value, c.from, c.to), c]));
const memoryOf = node => node && node.island >= 0 ? plan.islands[node.island].memory : 'host';

/* The profile: each node's time, by the path of its graph and its name. */
const profile = data.profile || [];
for (const e of profile) {
  e.target = e.node === null ? null : (byPath.get(e.graph) || new Map()).get(e.node) || null;
  if (e.target && e.thread === 0) e.target.time = (e.target.time || 0) + e.duration_ns;
}

/* Elements: el('p.soft', {title: 'x'}, 'text', child) */
function el(what, attributes, ...children) {
  const [tag, ...classes] = what.split('.');
  const e = document.createElement(tag);
  if (classes.length) e.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith('on')) e.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) e.setAttribute(key, value === true ? '' : value);
  }
  e.append(...children.filter(c => c !== null && c !== undefined));
  return e;
}
const dot = provider => el('span.dot', {style: 'background:' + colorOf(provider)});
const chip = (provider, off) => el(off ? 'span.chip.off' : 'span.chip', {}, dot(provider), nameOf(provider));
const tip = el('div', {id: 'tip', hidden: true, role: 'tooltip'});
function showTip(text, event) {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)) + 'px';
  tip.style.top = Math.max(4, Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8)) + 'px';
}
