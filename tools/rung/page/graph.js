/* The graph on a canvas. A scene is one graph in two layers of layout: units (an island, a node that the session drives,
 * an input, an output), and within each open island its nodes. */

const openLimit = 1500; /* larger islands start closed: whoever opens one gets it laid out then */
const text = document.createElement('canvas').getContext('2d');
const fontOf = (size, bold) => (bold ? '600 ' : '') + size + 'px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

function fit(words, size, bold, most) {
  text.font = fontOf(size, bold);
  let width = text.measureText(words).width;
  if (width <= most) return {words, width};
  let low = 0, high = words.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (text.measureText(words.slice(0, middle) + '…').width <= most) low = middle; else high = middle - 1;
  }
  words = words.slice(0, low) + '…';
  return {words, width: text.measureText(words).width};
}

/* A box of two lines. */
function boxOf(first, second, more) {
  const a = fit(first, 13, true, 190), b = fit(second, 11, false, 190);
  return Object.assign({w: Math.max(76, Math.max(a.width, b.width) + 26), h: second ? 42 : 30, lines: [a.words, b.words]}, more);
}

const firstType = node => {
  const graph = graphOf(node), v = graph && node.outputs && graph.values.get(node.outputs.find(o => o));
  return v ? typeText(v.type) : '';
};

/* Scenes */

const scenes = new Map(); /* path -> scene */
function sceneOf(path) {
  if (!scenes.has(path)) scenes.set(path, newScene(graphs.get(path)));
  return scenes.get(path);
}

function newScene(graph) {
  const scene = {graph, units: [], unitOf: new Map(), byInput: new Map(), byIsland: new Map()};
  const shown = new Set([...graph.readers.keys(), ...graph.outputs.map(o => o.name)]);
  for (const v of graph.inputs) {
    if (v.constant || !shown.has(v.name)) continue;
    scene.byInput.set(v.name, scene.units.length);
    scene.units.push({kind: 'input', value: v, box: boxOf(v.name, typeText(v.type), {top: true})});
  }
  for (const node of graph.nodes) {
    if (node.island >= 0 && scene.byIsland.has(node.island)) {
      const u = scene.byIsland.get(node.island);
      scene.units[u].nodes.push(node);
      scene.unitOf.set(node, u);
      continue;
    }
    scene.unitOf.set(node, scene.units.length);
    if (node.island >= 0) {
      scene.byIsland.set(node.island, scene.units.length);
      scene.units.push({kind: 'island', island: node.island, provider: node.provider, nodes: [node]});
    } else {
      scene.units.push({kind: 'node', node, provider: node.provider});
    }
  }
  for (const u of scene.units) /* an island of one is drawn as its node */
    if (u.kind === 'island' && u.nodes.length === 1) Object.assign(u, {kind: 'node', node: u.nodes[0]});
  graph.outputs.forEach(v => scene.units.push({kind: 'output', value: v, box: boxOf(v.name, typeText(v.type), {bottom: true})}));
  for (const u of scene.units) if (u.kind === 'island') u.open = u.nodes.length <= openLimit && scene.units.length <= 400;
  layScene(scene);
  return scene;
}

function layIsland(scene, u) {
  if (u.inner) return;
  const graph = scene.graph, mine = new Set(u.nodes), boxes = [], edges = [], index = new Map();
  u.nodes.forEach(n => { index.set(n, boxes.length); boxes.push(boxOf(n.op_type, firstType(n), {node: n})); });
  u.portIn = new Map();
  u.portOut = new Map();
  const wanted = new Set(graph.outputs.map(o => o.name));
  for (const n of u.nodes) {
    for (const name of new Set(n.inputs)) {
      if (!name || (graph.values.get(name) || {}).constant) continue;
      const producer = graph.producer.get(name);
      if (producer && mine.has(producer)) {
        edges.push({from: index.get(producer), to: index.get(n), value: name});
        continue;
      }
      if (!u.portIn.has(name)) {
        if (!producer && !scene.byInput.has(name)) continue; /* of a graph around */
        u.portIn.set(name, boxes.length);
        boxes.push({w: 2, h: 0, top: true});
      }
      edges.push({from: u.portIn.get(name), to: index.get(n), value: name});
    }
    for (const name of n.outputs) {
      if (!name || !(wanted.has(name) || (graph.readers.get(name) || []).some(r => !mine.has(r)))) continue;
      u.portOut.set(name, boxes.length);
      boxes.push({w: 2, h: 0, bottom: true});
      edges.push({from: index.get(n), to: boxes.length - 1, value: name, leaves: true});
    }
  }
  u.inner = layered(boxes, edges);
  u.boxes = boxes;
  u.edges = edges;
  u.boxOfNode = new Map(u.nodes.map((n, i) => [n, boxes[i]]));
}

const inset = {side: 16, top: 34, bottom: 16};
function unitBox(scene, u) {
  if (u.kind === 'node') return boxOf(u.node.op_type, firstType(u.node));
  if (u.kind !== 'island') return u.box;
  const title = nameOf(u.provider) + ' · ' + plural(u.nodes.length, 'node', 'nodes');
  if (!u.open) return boxOf(title, plan.islands[u.island].description || 'island ' + u.island, {h: 56, w: 240});
  layIsland(scene, u);
  return {w: Math.max(u.inner.w + 2 * inset.side, 200), h: u.inner.h + inset.top + inset.bottom, lines: [title, '']};
}

function layScene(scene) {
  const {graph, units} = scene;
  const boxes = units.map(u => Object.assign(unitBox(scene, u), {top: u.kind === 'input', bottom: u.kind === 'output'}));
  const edges = new Map();
  const portShift = (u, ports, name) => {
    const unit = units[u];
    if (unit.kind !== 'island' || !unit.open || !unit[ports].has(name)) return 0;
    const margin = (boxes[u].w - unit.inner.w) / 2;
    return margin + unit.boxes[unit[ports].get(name)].x + 1 - boxes[u].w / 2;
  };
  function add(name, from, to) {
    if (from === to) return;
    const isOpen = u => units[u].kind === 'island' && units[u].open;
    const key = from + ' ' + to + (isOpen(from) || isOpen(to) ? ' ' + name : '');
    const a = units[from], b = units[to];
    const memory = u => u.island >= 0 ? plan.islands[u.island].memory : 'host';
    const crossing = crossings.get(crossingKey(name, memory(a), memory(b)));
    if (!edges.has(key))
      edges.set(key, {from, to, values: [], crossings: [], dxFrom: portShift(from, 'portOut', name), dxTo: portShift(to, 'portIn', name)});
    const e = edges.get(key);
    if (!e.values.includes(name)) e.values.push(name);
    if (crossing && !e.crossings.includes(crossing)) e.crossings.push(crossing);
    e.handover = a.provider !== undefined && b.provider !== undefined && a.provider !== b.provider;
  }
  const sourceOf = name => graph.producer.has(name) ? scene.unitOf.get(graph.producer.get(name)) : scene.byInput.get(name);
  for (const [name, readers] of graph.readers) {
    const from = sourceOf(name);
    if (from !== undefined) for (const r of readers) add(name, from, scene.unitOf.get(r));
  }
  units.forEach((u, i) => {
    const from = u.kind === 'output' ? sourceOf(u.value.name) : undefined;
    if (from !== undefined) add(u.value.name, from, i);
  });
  scene.edges = [...edges.values()];
  Object.assign(scene, layered(boxes, scene.edges, {x: 34, y: 56}));
  units.forEach((u, i) => { u.box = boxes[i]; });
  scene.bounds = scene.edges.map(e => boundsOf(e.way));
  for (const u of units)
    if (u.kind === 'island' && u.open) {
      u.left = u.box.x + (u.box.w - u.inner.w) / 2;
      u.topY = u.box.y + inset.top;
      u.bounds = u.bounds || u.edges.map(e => boundsOf(e.way));
    }
}

function boundsOf(way) {
  let x0 = Infinity, x1 = -Infinity;
  for (let i = 0; i < way.length; i += 2) x0 = Math.min(x0, way[i]), x1 = Math.max(x1, way[i]);
  return {x0, x1, y0: way[1], y1: way[way.length - 1]};
}

/* The view */

function graphView() {
  const canvas = el('canvas', {tabindex: 0, role: 'application', id: 'graph-canvas',
    'aria-label': 'Graph. Arrow keys follow edges, plus and minus zoom, 0 fits, Enter opens or closes an island, / searches.'});
  const ink = canvas.getContext('2d');
  const stage = el('div.stage', {}, canvas);
  const side = el('aside.side', {'aria-live': 'polite', id: 'details'});
  const hits = el('ul', {id: 'hits', hidden: true});
  const search = el('input', {type: 'search', id: 'search', placeholder: 'Search nodes, operators, values, reasons  ( / )',
    'aria-label': 'search', oninput: showHits, onkeydown: onSearchKey, autocomplete: 'off', spellcheck: 'false'});
  const pathSelect = el('select', {id: 'path', 'aria-label': 'graph', onchange: () => show(pathSelect.value)});
  for (const path of graphs.keys()) pathSelect.append(el('option', {value: path}, path || 'main graph'));
  pathSelect.hidden = graphs.size < 2;
  const shade = el('select', {id: 'shade', 'aria-label': 'colour by', onchange: draw},
    el('option', {value: 'provider'}, 'Colour: provider'), el('option', {value: 'time'}, 'Colour: time'));
  shade.hidden = !profile.length;
  const button = (words, label, act) => el('button.button', {type: 'button', 'aria-label': label, title: label, onclick: act}, words);
  const bar = el('div.bar', {}, search, pathSelect, shade, el('span.grow'),
    button('Close islands', 'close all islands', () => setAll(false)), button('Open islands', 'open all islands', () => setAll(true)),
    button('−', 'zoom out', () => zoomBy(1 / 1.4)), button('+', 'zoom in', () => zoomBy(1.4)), button('Fit', 'fit the whole graph', fitAll));
  stage.append(hits, legend());
  const root = el('div', {style: 'display:contents'}, bar, el('div.split', {}, stage, side));

  let scene = null, view = {x: 0, y: 0, k: 1}, selected = null, size = {w: 0, h: 0}, planned = false, theme = {};
  const later = []; /* drawn over the rest */
  const mostTime = profile.length ? Math.max(...plan.nodes.map(n => n.time || 0), 1) : 1;

  function legend() {
    const box = el('div.legend');
    for (const name of usedNames) box.append(el('span', {}, dot(name), name === null ? 'nobody' : name));
    if (refused.length) box.append(el('span', {}, el('b.warn', {}, '▲'), 'refused by an earlier provider'));
    if (plan.crossings.length) box.append(el('span', {}, el('i.dash'), 'copied between memories'));
    return box;
  }

  function readTheme() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ['back', 'panel', 'ink', 'soft', 'line', 'accent', 'warn', 'edge', 'box', 'cross'])
      theme[name] = style.getPropertyValue('--' + name).trim();
  }

  /* Drawing */

  function draw() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; paint(); });
  }

  function paint() {
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(size.w * ratio) || canvas.height !== Math.round(size.h * ratio))
      canvas.width = Math.round(size.w * ratio), canvas.height = Math.round(size.h * ratio);
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.fillStyle = theme.back;
    ink.fillRect(0, 0, canvas.width, canvas.height);
    if (!scene) return;
    const k = view.k * ratio;
    ink.setTransform(k, 0, 0, k, view.x * ratio, view.y * ratio);
    const seen = {x0: -view.x / view.k, y0: -view.y / view.k, x1: (size.w - view.x) / view.k, y1: (size.h - view.y) / view.k};
    paintEdges(scene.edges, scene.bounds, seen, 1.4);
    paintCrossings(seen);
    /* Over the edges that only pass: nothing crosses the nodes of an island that is open. */
    for (const u of scene.units) if (u.kind === 'island' && u.open && overlaps(u.box, seen)) paintOpen(u, seen);
    for (const u of scene.units) if (!(u.kind === 'island' && u.open) && overlaps(u.box, seen)) paintUnit(u);
    paintSizes(seen);
    for (const act of later.splice(0)) act();
  }

  const overlaps = (b, s) => b.x < s.x1 && b.x + b.w > s.x0 && b.y < s.y1 && b.y + b.h > s.y0;

  function round(x, y, w, h, r) {
    ink.beginPath();
    ink.roundRect(x, y, w, h, r);
  }

  function paintOpen(u, seen) {
    const color = colorOf(u.provider), b = u.box, small = view.k < 0.3;
    round(b.x, b.y, b.w, b.h, 12);
    ink.fillStyle = theme.box;
    ink.fill();
    ink.globalAlpha = 0.09;
    ink.fillStyle = color;
    ink.fill();
    ink.globalAlpha = 1;
    ink.strokeStyle = isSelected(u) ? theme.accent : color;
    ink.lineWidth = (isSelected(u) ? 3 : 1.5) / Math.min(1, view.k * 1.5);
    ink.stroke();
    if (!small) {
      ink.font = fontOf(13, true);
      ink.fillStyle = color;
      ink.textBaseline = 'middle';
      ink.textAlign = 'left';
      const left = Math.min(Math.max(b.x, seen.x0) + 14, b.x + b.w - 180), y = Math.min(Math.max(b.y, seen.y0) + 17, b.y + b.h - 14);
      const title = '▾ ' + b.lines[0], words = plan.islands[u.island].description, at = left + ink.measureText(title).width + 12;
      later.push(() => { /* stays in sight, over what is below it */
        ink.font = fontOf(13, true);
        round(left - 6, y - 11, ink.measureText(title).width + 12, 22, 6);
        ink.fillStyle = theme.box;
        ink.fill();
        ink.fillStyle = color;
        ink.textAlign = 'left';
        ink.textBaseline = 'middle';
        ink.fillText(title, left, y);
        ink.font = fontOf(11);
        ink.fillStyle = theme.soft;
        if (words && b.x + b.w - 14 - at > 60 && y === b.y + 17) ink.fillText(fit(words, 11, false, b.x + b.w - 14 - at).words, at, y);
      });
    }
    paintPorts(u);
    ink.translate(u.left, u.topY);
    const inside = {x0: seen.x0 - u.left, x1: seen.x1 - u.left, y0: seen.y0 - u.topY, y1: seen.y1 - u.topY};
    paintEdges(u.edges, u.bounds, inside, 1.2);
    if (u.boxOfNode.has(selected)) paintOwnEdges(u);
    for (const box of u.boxes)
      if (box.node && overlaps(box, inside)) paintNode(box, box.node);
    ink.translate(-u.left, -u.topY);
  }

  /* Those of the chosen node: among many, one cannot follow them else. */
  function paintOwnEdges(u) {
    const own = u.boxOfNode.get(selected);
    ink.beginPath();
    for (const e of u.edges) if (u.boxes[e.from] === own || u.boxes[e.to] === own) trace(e.way);
    ink.strokeStyle = theme.accent;
    ink.lineWidth = 2.2 / Math.min(1, view.k);
    ink.stroke();
  }

  /* From the border of an island to where its layout begins. */
  function paintPorts(u) {
    ink.beginPath();
    for (const i of u.portIn.values()) {
      const x = u.left + u.boxes[i].x + 1;
      ink.moveTo(x, u.box.y);
      ink.lineTo(x, u.topY + u.boxes[i].y);
    }
    for (const i of u.portOut.values()) {
      const x = u.left + u.boxes[i].x + 1;
      ink.moveTo(x, u.topY + u.boxes[i].y);
      ink.lineTo(x, u.box.y + u.box.h);
    }
    ink.strokeStyle = theme.edge;
    ink.lineWidth = Math.min(1.2 / Math.min(1, view.k), 12);
    ink.stroke();
  }

  function trace(way) {
    ink.moveTo(way[0], way[1]);
    for (let i = 2; i < way.length; i += 2) {
      const x = way[i], y = way[i + 1];
      if (i % 4 === 2) { ink.lineTo(x, y); continue; }
      const middle = (way[i - 1] + y) / 2;
      ink.bezierCurveTo(way[i - 2], middle, x, middle, x, y);
    }
  }

  function paintEdges(edges, bounds, seen, width) {
    ink.beginPath();
    const tiny = view.k < 0.04;
    edges.forEach((e, i) => {
      const b = bounds[i];
      if (b.x0 > seen.x1 || b.x1 < seen.x0 || b.y0 > seen.y1 || b.y1 < seen.y0) return;
      if (e.crossings && e.crossings.length) return;
      if (tiny && (b.y1 - b.y0) * view.k < 1.5) return;
      trace(e.way);
    });
    ink.strokeStyle = theme.edge;
    ink.lineWidth = Math.min(width / Math.min(1, view.k), 12);
    ink.stroke();
    if (view.k < 0.45) return;
    ink.fillStyle = theme.edge;
    ink.beginPath();
    edges.forEach((e, i) => {
      const x = e.way[e.way.length - 2], y = e.way[e.way.length - 1];
      if (x < seen.x0 || x > seen.x1 || y < seen.y0 || y > seen.y1 || e.leaves || (e.crossings && e.crossings.length)) return;
      ink.moveTo(x, y);
      ink.lineTo(x - 3.5, y - 7);
      ink.lineTo(x + 3.5, y - 7);
    });
    ink.fill();
  }

  function crossingsIn(seen) {
    return scene.edges.filter((e, i) => {
      const b = scene.bounds[i];
      return e.crossings.length && b.x0 - 100 <= seen.x1 && b.x1 + 100 >= seen.x0 && b.y0 <= seen.y1 && b.y1 >= seen.y0;
    });
  }

  function paintCrossings(seen) {
    for (const e of crossingsIn(seen)) {
      ink.beginPath();
      trace(e.way);
      ink.strokeStyle = theme.cross;
      ink.lineWidth = 3 / Math.min(1, view.k * 1.5);
      ink.setLineDash([8, 5]);
      ink.stroke();
      ink.setLineDash([]);
    }
  }

  function paintSizes(seen) {
    if (view.k < 0.3) return;
    for (const e of crossingsIn(seen)) {
      const open = e.crossings.some(c => c.bytes < 0), total = sumOf(e.crossings, c => Math.max(c.bytes, 0));
      const words = open && !total ? 'size when it runs' : bytesText(total), half = e.way.length >> 1;
      const at = (half >> 2 << 2) - 2, x = (e.way[at] + e.way[at + 2]) / 2, y = (e.way[at + 1] + e.way[at + 3]) / 2;
      ink.font = fontOf(11, true);
      const w = ink.measureText(words).width + 14;
      round(x - w / 2, y - 10, w, 20, 10);
      ink.fillStyle = theme.cross;
      ink.fill();
      ink.fillStyle = theme.panel;
      ink.textAlign = 'center';
      ink.textBaseline = 'middle';
      ink.fillText(words, x, y + 0.5);
    }
  }

  function shadeOf(node, provider) {
    if (shade.value !== 'time' || !node) return {color: colorOf(provider), strong: 0.16};
    const t = Math.sqrt((node.time || 0) / mostTime);
    return {color: 'hsl(' + (48 - 48 * t) + ' 90% ' + (58 - 8 * t) + '%)', strong: 0.08 + 0.57 * t};
  }

  function paintNode(b, node) {
    const {color, strong} = shadeOf(node, node.provider);
    if (view.k < 0.28) {
      ink.fillStyle = color;
      ink.globalAlpha = shade.value === 'time' ? strong : 0.75;
      ink.fillRect(b.x, b.y, b.w, b.h);
      ink.globalAlpha = 1;
      if (node.refused) ink.fillStyle = theme.warn, ink.fillRect(b.x + b.w * 0.7, b.y, b.w * 0.3, b.h);
      if (isSelected(node)) outline(b);
      return;
    }
    paintBox(b, color, strong, 6);
    paintLines(b, 8);
    if (node.refused) {
      ink.fillStyle = theme.warn;
      ink.beginPath();
      ink.moveTo(b.x + b.w - 10, b.y + 5);
      ink.lineTo(b.x + b.w - 4, b.y + 15);
      ink.lineTo(b.x + b.w - 16, b.y + 15);
      ink.fill();
    }
    if (node.bodies && node.bodies.length) {
      ink.strokeStyle = color;
      ink.lineWidth = 1;
      round(b.x + 3, b.y + 3, b.w - 6, b.h - 6, 4);
      ink.stroke();
    }
    if (isSelected(node)) outline(b);
  }

  function paintBox(b, color, strong, r) {
    round(b.x, b.y, b.w, b.h, r);
    ink.fillStyle = theme.panel;
    ink.fill();
    ink.globalAlpha = strong;
    ink.fillStyle = color;
    ink.fill();
    ink.globalAlpha = 1;
    ink.strokeStyle = color;
    ink.lineWidth = 1.3;
    ink.stroke();
  }

  function paintLines(b, shift) {
    ink.textBaseline = 'middle';
    ink.textAlign = 'center';
    ink.fillStyle = theme.ink;
    ink.font = fontOf(13, true);
    const x = b.x + b.w / 2, middle = b.y + b.h / 2;
    ink.fillText(b.lines[0], x, b.lines[1] ? middle - shift : middle);
    if (!b.lines[1]) return;
    ink.font = fontOf(11);
    ink.fillStyle = theme.soft;
    ink.fillText(b.lines[1], x, middle + shift + 1);
  }

  function outline(b) {
    round(b.x - 3, b.y - 3, b.w + 6, b.h + 6, 9);
    ink.strokeStyle = theme.accent;
    ink.lineWidth = Math.max(3, 3 / view.k);
    ink.stroke();
  }

  function paintUnit(u) {
    if (u.kind === 'node') return paintNode(u.box, u.node);
    const b = u.box;
    paintBox(b, u.kind === 'island' ? colorOf(u.provider) : theme.edge, u.kind === 'island' ? 0.2 : 0.05, u.kind === 'island' ? 12 : b.h / 2);
    if (view.k >= 0.22) {
      paintLines(b, u.kind === 'island' ? 9 : 8);
      if (u.kind === 'island') ink.fillStyle = colorOf(u.provider), ink.textAlign = 'left', ink.font = fontOf(13, true), ink.fillText('▸', b.x + 10, b.y + b.h / 2);
    }
    if (isSelected(u)) outline(b);
  }

  const isSelected = what => selected !== null && selected === what;

  /* Moving */

  function fitAll() {
    if (!scene || !size.w) return;
    const k = Math.min((size.w - 60) / Math.max(scene.w, 1), (size.h - 60) / Math.max(scene.h, 1), 1.25);
    view.k = Math.max(k, 0.004);
    view.x = (size.w - scene.w * view.k) / 2;
    view.y = (size.h - scene.h * view.k) / 2;
    draw();
  }

  /* The beginning of the graph, readable; the whole when that is. */
  function fitStart() {
    fitAll();
    if (view.k >= 0.5 || !scene) return;
    const first = scene.units.find(u => u.kind === 'input') || scene.units[0];
    view.k = 0.8;
    view.x = size.w / 2 - (first.box.x + first.box.w / 2) * view.k;
    view.y = 40 - first.box.y * view.k;
    draw();
  }

  function zoomAt(x, y, factor) {
    const k = Math.min(Math.max(view.k * factor, 0.003), 4);
    view.x = x - (x - view.x) * k / view.k;
    view.y = y - (y - view.y) * k / view.k;
    view.k = k;
    draw();
  }
  const zoomBy = factor => zoomAt(size.w / 2, size.h / 2, factor);

  function boxInScene(what) {
    if (!what || !scene) return null;
    if (what.kind) return what.box;
    const unit = scene.units[scene.unitOf.get(what)];
    if (!unit) return null;
    if (unit.kind !== 'island' || !unit.open) return unit.box;
    const b = unit.boxOfNode.get(what);
    return {x: b.x + unit.left, y: b.y + unit.topY, w: b.w, h: b.h};
  }

  function centre(what) {
    const b = boxInScene(what);
    if (!b) return;
    view.k = Math.max(view.k, 0.75);
    view.x = size.w / 2 - (b.x + b.w / 2) * view.k;
    view.y = size.h / 2 - (b.y + b.h / 2) * view.k;
    draw();
  }

  /* Islands open where they are: the corner under the eye stays. */
  function toggle(u, open) {
    const before = {x: u.box.x + u.box.w / 2, y: u.box.y};
    u.open = open;
    layScene(scene);
    view.x += (before.x - u.box.x - u.box.w / 2) * view.k;
    view.y += (before.y - u.box.y) * view.k;
    draw();
  }

  function setAll(open) {
    for (const u of scene.units) if (u.kind === 'island') u.open = open;
    layScene(scene);
    fitAll();
  }

  /* Choosing */

  function select(what, move) {
    selected = what;
    if (move) centre(what);
    side.replaceChildren(...details(what));
    draw();
  }

  function goTo(node) {
    if (node.graph !== scene.graph.path) show(node.graph);
    const u = scene.units[scene.unitOf.get(node)];
    if (u.kind === 'island' && !u.open) toggle(u, true);
    select(node, true);
  }

  const nodeLink = node => el('button.link', {type: 'button', onclick: () => goTo(node)}, node.op_type + ' ' + node.name);
  const row = (title, ...what) => [el('dt', {}, title), el('dd', {}, ...what)];

  function valueItem(name, others) {
    const v = scene.graph.values.get(name) || [...graphs.values()].map(g => g.values.get(name)).find(x => x);
    const item = el('li', {}, el('code', {}, name), ' ', el('span.type', {}, v ? typeText(v.type) : '', v && v.constant ? ' constant' : ''));
    for (const other of others) item.append(el('br'), nodeLink(other));
    return item;
  }

  function nodeDetails(n) {
    const g = graphOf(n), facts = el('dl'), out = [];
    facts.append(...row('run by', chip(n.provider)));
    if (n.island >= 0) facts.append(...row('island', n.island + ', ' + plural(plan.islands[n.island].nodes, 'node', 'nodes') +
      (plan.islands[n.island].description ? '; ' + plan.islands[n.island].description : '')));
    if (n.time) facts.append(...row('time in the profiled run', nsText(n.time)));
    if (n.flops) facts.append(...row('arithmetic', flopsText(n.flops)));
    facts.append(...row('operator', (n.domain || 'ai.onnx') + ', opset ' + n.opset));
    if (n.graph) facts.append(...row('graph', n.graph));
    out.push(el('h3', {}, n.op_type), el('code', {}, n.name));
    for (const r of n.refusals)
      out.push(el('div.note', {}, el('b', {}, r.provider + ' refused it: ' + r.reason), el('br'), r.words));
    out.push(facts);
    for (const path of n.bodies || [])
      if (graphs.has(path)) out.push(el('p', {}, el('button.button', {type: 'button', onclick: () => show(path)}, 'Open body ' + path.slice(path.lastIndexOf('/') + 1))));
    const names = n.inputs.filter(x => x);
    out.push(el('h2', {}, 'Inputs'), el('ul', {}, ...names.map(x => valueItem(x, g.producer.has(x) ? [g.producer.get(x)] : []))));
    out.push(el('h2', {style: 'margin-top:14px'}, 'Outputs'),
      el('ul', {}, ...n.outputs.filter(x => x).map(x => valueItem(x, (g.readers.get(x) || []).slice(0, 12)))));
    return out;
  }

  function islandDetails(u) {
    const island = plan.islands[u.island], facts = el('dl'), ops = new Map();
    for (const n of u.nodes) ops.set(n.op_type, (ops.get(n.op_type) || 0) + 1);
    facts.append(...row('run by', chip(u.provider)), ...row('nodes', countText(u.nodes.length)), ...row('memory', island.memory));
    if (island.description) facts.append(...row('executable', island.description));
    if (island.cache) facts.append(...row('cache', island.cache + (island.cache_words ? ': ' + island.cache_words : '')));
    facts.append(...row('arithmetic', flopsText(sumOf(u.nodes, n => n.flops))));
    return [el('h3', {}, 'Island ' + u.island), facts,
      el('p', {}, el('button.button', {type: 'button', onclick: () => { toggle(u, !u.open); select(u); }}, u.open ? 'Close island' : 'Open island')),
      el('h2', {}, 'Operators'), el('ul', {}, ...[...ops].sort((a, b) => b[1] - a[1]).map(([op, count]) => el('li', {}, countText(count) + ' ' + op)))];
  }

  function details(what) {
    if (!what) {
      const lines = [el('h3', {}, 'Graph'), el('p.soft', {}, 'Choose a node to see who runs it, and why not the others. Drag to move, ' +
        'scroll to zoom, double click an island to open or close it.')];
      if (refused.length) lines.push(el('h2', {}, 'Refused nodes'),
        el('ul', {}, ...refused.slice(0, 20).map(n => el('li', {}, nodeLink(n), ' ', el('span.type', {}, n.refusals[0].provider + ': ' + n.refusals[0].reason)))));
      return lines;
    }
    if (!what.kind) return nodeDetails(what);
    if (what.kind === 'node') return nodeDetails(what.node);
    if (what.kind === 'island') return islandDetails(what);
    const facts = el('dl');
    facts.append(...row('type', typeText(what.value.type)));
    return [el('h3', {}, what.value.name), el('p.soft', {}, what.kind + ' of the graph'), facts];
  }

  function hitAt(px, py) {
    const x = (px - view.x) / view.k, y = (py - view.y) / view.k;
    const inside = (b, dx, dy) => x >= b.x + dx && x <= b.x + b.w + dx && y >= b.y + dy && y <= b.y + b.h + dy;
    for (const u of scene.units) {
      if (!inside(u.box, 0, 0)) continue;
      if (u.kind === 'node') return u.node;
      if (u.kind === 'island' && u.open)
        for (const b of u.boxes) if (b.node && inside(b, u.left, u.topY)) return b.node;
      return u;
    }
    return null;
  }

  /* Searching */

  const haystack = plan.nodes.map(n => [n.op_type, n.name, n.domain, nameOf(n.provider), ...(n.outputs || []),
    ...n.refusals.map(r => r.reason + ' ' + r.words)].join('\n').toLowerCase());
  function find(words) {
    const parts = words.toLowerCase().split(/\s+/).filter(p => p);
    return parts.length ? plan.nodes.filter((n, i) => n.inputs && parts.every(p => haystack[i].includes(p))) : [];
  }
  function showHits() {
    const found = find(search.value);
    hits.hidden = !search.value.trim();
    hits.replaceChildren(...found.slice(0, 60).map(n => el('li', {}, el('button', {type: 'button', onclick: () => { hits.hidden = true; goTo(n); canvas.focus(); }},
      dot(n.provider), el('b', {}, n.op_type), el('span.soft', {}, n.name)))),
      el('li.soft', {style: 'padding:4px 8px;font-size:12px'}, found.length ? plural(found.length, 'node', 'nodes') + (found.length > 60 ? ', the first 60' : '') : 'nothing found'));
  }
  function onSearchKey(event) {
    if (event.key === 'Enter' && find(search.value).length) { hits.hidden = true; goTo(find(search.value)[0]); canvas.focus(); }
    if (event.key === 'Escape') { search.value = ''; showHits(); canvas.focus(); }
    if (event.key === 'ArrowDown' && hits.querySelector('button')) { hits.querySelector('button').focus(); event.preventDefault(); }
  }
  hits.addEventListener('keydown', event => {
    const all = [...hits.querySelectorAll('button')], at = all.indexOf(document.activeElement);
    if (event.key === 'ArrowDown' && at + 1 < all.length) all[at + 1].focus();
    else if (event.key === 'ArrowUp') (at > 0 ? all[at - 1] : search).focus();
    else if (event.key === 'Escape') { hits.hidden = true; search.focus(); }
    else return;
    event.preventDefault();
  });

  /* Pointer and keys */

  let drag = null;
  const place = event => { const r = canvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
  canvas.addEventListener('pointerdown', event => {
    hits.hidden = true;
    drag = {x: event.clientX, y: event.clientY, vx: view.x, vy: view.y, moved: false};
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', event => {
    if (!drag) {
      const what = hitAt(...place(event));
      canvas.style.cursor = what ? 'pointer' : 'grab';
      showTip(what && !what.kind ? what.name + (what.refusals.length ? '\n' + what.refusals.map(r => r.provider + ': ' + r.reason + ': ' + r.words).join('\n') : '')
                                 : '', event);
      return;
    }
    drag.moved = drag.moved || Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y) > 4;
    if (!drag.moved) return;
    view.x = drag.vx + event.clientX - drag.x;
    view.y = drag.vy + event.clientY - drag.y;
    draw();
  });
  canvas.addEventListener('pointerup', event => {
    if (drag && !drag.moved) select(hitAt(...place(event)));
    drag = null;
  });
  canvas.addEventListener('pointerleave', event => showTip('', event));
  canvas.addEventListener('dblclick', event => {
    const what = hitAt(...place(event));
    if (what && what.kind === 'island') { toggle(what, !what.open); select(what); }
    else if (what && !what.kind && what.bodies && what.bodies.length && graphs.has(what.bodies[0])) show(what.bodies[0]);
  });
  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    if (event.shiftKey) { view.x -= event.deltaY; draw(); return; }
    zoomAt(...place(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)));
  }, {passive: false});
  canvas.addEventListener('keydown', event => {
    const step = 60, n = selected && !selected.kind ? selected : selected && selected.kind === 'node' ? selected.node : null, g = scene.graph;
    const order = n ? g.nodes.indexOf(n) : -1;
    const moves = {ArrowUp: () => g.producer.get(n.inputs.find(i => g.producer.has(i))),
                   ArrowDown: () => n.outputs.map(o => (g.readers.get(o) || [])[0]).find(x => x),
                   ArrowLeft: () => g.nodes[order - 1], ArrowRight: () => g.nodes[order + 1]};
    const pans = {ArrowUp: [0, step], ArrowDown: [0, -step], ArrowLeft: [step, 0], ArrowRight: [-step, 0]};
    if (moves[event.key] && n && order >= 0) { const to = moves[event.key](); if (to) goTo(to); }
    else if (pans[event.key]) { view.x += pans[event.key][0]; view.y += pans[event.key][1]; draw(); }
    else if (event.key === '+' || event.key === '=') zoomBy(1.4);
    else if (event.key === '-') zoomBy(1 / 1.4);
    else if (event.key === '0') fitAll();
    else if (event.key === 'Escape') select(null);
    else if (event.key === 'Enter' && selected && selected.kind === 'island') { toggle(selected, !selected.open); select(selected); }
    else if (event.key === 'Enter' && !selected && g.nodes.length) goTo(g.nodes[0]);
    else return;
    event.preventDefault();
  });

  function show(path) {
    scene = sceneOf(path);
    pathSelect.value = path;
    select(null);
    fitStart();
  }

  new ResizeObserver(() => {
    const before = size.w;
    size = {w: stage.clientWidth, h: stage.clientHeight};
    if (!before && size.w) fitStart();
    paint();
  }).observe(stage);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readTheme(); draw(); });
  readTheme();
  show('');
  const where = what => { const b = boxInScene(what), r = canvas.getBoundingClientRect();
    return b && {x: r.left + view.x + (b.x + b.w / 2) * view.k, y: r.top + view.y + (b.y + Math.min(b.h / 2, 17)) * view.k}; };
  return {root, goTo, search, where, select, scene: () => scene, view: () => view, selected: () => selected, paint};
}
