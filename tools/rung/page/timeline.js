/* The time line: a lane per provider (its islands) and one per thread (what it computed), on a canvas. */

function laneList() {
  const lanes = new Map();
  const add = (key, title, sub, event) => {
    if (!lanes.has(key)) lanes.set(key, {key, title, sub, events: []});
    lanes.get(key).events.push(event);
  };
  for (const e of profile) {
    if (e.thread === 0 && e.node === null) add('a' + String(plan.providers.findIndex(p => p.name === e.provider) + 1).padStart(4, '0'), e.provider, 'islands', e);
    else add('b' + String(e.thread).padStart(4, '0'), 'thread ' + e.thread, e.thread ? '' : 'the caller', e);
  }
  return [...lanes.values()].sort((a, b) => a.key < b.key ? -1 : 1);
}

/* An event within another lies one row deeper. */
function stackLane(lane) {
  lane.events.sort((a, b) => a.start_ns - b.start_ns || b.duration_ns - a.duration_ns);
  const ends = [];
  lane.depth = 1;
  for (const e of lane.events) {
    while (ends.length && ends[ends.length - 1] <= e.start_ns) ends.pop();
    e.depth = Math.min(ends.length, 7);
    ends.push(e.start_ns + e.duration_ns);
    lane.depth = Math.max(lane.depth, e.depth + 1);
  }
}

function timeView(openNode) {
  const canvas = el('canvas', {tabindex: 0, id: 'timeline', role: 'application',
    'aria-label': 'Time line. Left and right move, plus and minus zoom, 0 shows all. The table below holds the same times.'});
  const ink = canvas.getContext('2d'), lanes = laneList(), side = 130, axis = 26, rowTall = 22;
  lanes.forEach(stackLane);
  const end = Math.max(...profile.map(e => e.start_ns + e.duration_ns), 1);
  const tall = axis + sumOf(lanes, l => l.depth * rowTall + 16) + 6;
  const stage = el('div.stage', {style: 'height:' + Math.min(tall, 420) + 'px;flex:none;overflow-y:auto'},
    el('div', {style: 'height:' + tall + 'px'}), canvas);
  canvas.style.height = tall + 'px';
  let view = {from: 0, to: end}, wide = 0, drag = null, chosen = null, planned = false;

  const scale = () => (wide - side - 12) / (view.to - view.from);
  const xOf = ns => side + (ns - view.from) * scale();
  function draw() { if (!planned) { planned = true; requestAnimationFrame(() => { planned = false; paint(); }); } }

  function paint() {
    const style = getComputedStyle(document.documentElement), color = name => style.getPropertyValue('--' + name).trim(), ratio = devicePixelRatio || 1;
    canvas.width = wide * ratio, canvas.height = tall * ratio;
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.fillStyle = color('panel');
    ink.fillRect(0, 0, wide, tall);
    ink.textBaseline = 'middle';
    paintAxis(color);
    let y = axis;
    for (const lane of lanes) {
      const high = lane.depth * rowTall + 16;
      ink.fillStyle = color('line');
      ink.fillRect(0, y, wide, 1);
      ink.fillStyle = color('ink');
      ink.font = fontOf(12, true);
      ink.textAlign = 'left';
      ink.fillText(fit(lane.title, 12, true, side - 30).words, 12, y + high / 2 - (lane.sub ? 7 : 0));
      ink.font = fontOf(11);
      ink.fillStyle = color('soft');
      if (lane.sub) ink.fillText(lane.sub, 12, y + high / 2 + 8);
      ink.save();
      ink.beginPath();
      ink.rect(side, y, wide - side, high);
      ink.clip();
      paintLane(lane, y + 8, color);
      ink.restore();
      lane.y = y + 8;
      y += high;
    }
  }

  function paintAxis(color) {
    const raw = (view.to - view.from) / 7, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw);
    ink.font = fontOf(11);
    ink.textAlign = 'center';
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
      const x = xOf(t);
      if (x < side) continue;
      ink.fillStyle = color('line');
      ink.fillRect(x, axis - 4, 1, tall);
      ink.fillStyle = color('soft');
      if (x < wide - 24) ink.fillText(t ? nsText(Math.round(t)) : '0', Math.max(x, side + 12), axis / 2);
    }
  }

  function paintLane(lane, y, color) {
    const k = scale();
    let before = [];
    for (const e of lane.events) {
      if (e.start_ns + e.duration_ns < view.from || e.start_ns > view.to) continue;
      const x = xOf(e.start_ns), w = Math.max(e.duration_ns * k, 1), at = y + e.depth * rowTall;
      if (w <= 1 && before[e.depth] > x - 0.7) continue; /* the pixel is taken */
      before[e.depth] = x;
      ink.fillStyle = e.node === null && e.thread ? color('edge') : colorOf(e.provider);
      ink.globalAlpha = e.thread || e.node === null ? 0.85 : 0.45 + 0.5 * ((e.target ? e.target.number : 0) % 2);
      ink.fillRect(x, at, w > 3 ? w - 0.6 : w, rowTall - 3);
      ink.globalAlpha = 1;
      if (e === chosen) ink.strokeStyle = color('ink'), ink.lineWidth = 2, ink.strokeRect(x, at, w, rowTall - 3);
      if (w < 34) continue;
      const left = Math.max(x, side) + 5, room = x + w - left - 4;
      if (room < 20) continue;
      ink.fillStyle = '#fff';
      ink.textAlign = 'left';
      ink.font = fontOf(11);
      ink.fillText(fit(titleOf(e), 11, false, room).words, left, at + rowTall / 2 - 1);
    }
  }

  const titleOf = e => e.node !== null ? e.op_type + ' ' + e.node : e.thread ? 'part of a loop' : plural(e.nodes, 'node', 'nodes');
  function hitAt(px, py) {
    for (const lane of lanes) {
      if (py < lane.y || py > lane.y + lane.depth * rowTall) continue;
      const depth = Math.floor((py - lane.y) / rowTall), slack = 2 / scale(), t = view.from + (px - side) / scale();
      return lane.events.find(e => e.depth === depth && t >= e.start_ns - slack && t <= e.start_ns + e.duration_ns + slack) || null;
    }
    return null;
  }
  function zoom(at, factor) {
    const span = Math.min(Math.max((view.to - view.from) * factor, 500), end), share = (at - view.from) / (view.to - view.from);
    const from = Math.min(Math.max(at - share * span, 0), end - span);
    view = {from, to: from + span};
    draw();
  }
  function shift(ns) {
    const span = view.to - view.from, from = Math.min(Math.max(view.from + ns, 0), end - span);
    view = {from, to: from + span};
    draw();
  }
  const place = event => { const r = canvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
  canvas.addEventListener('wheel', event => {
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) { shift((event.deltaX || event.deltaY) / scale()); event.preventDefault(); return; }
    event.preventDefault();
    zoom(view.from + (place(event)[0] - side) / scale(), Math.exp(event.deltaY * 0.0016));
  }, {passive: false});
  canvas.addEventListener('pointerdown', event => { drag = {x: event.clientX, moved: false}; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener('pointermove', event => {
    if (drag) {
      if (Math.abs(event.clientX - drag.x) > 3 || drag.moved) { drag.moved = true; shift((drag.x - event.clientX) / scale()); drag.x = event.clientX; }
      return;
    }
    const e = hitAt(...place(event));
    showTip(e ? titleOf(e) + '\n' + e.provider + (e.thread ? ', thread ' + e.thread : '') + ', ' + nsText(e.duration_ns) + ' from ' + nsText(e.start_ns) : '', event);
  });
  canvas.addEventListener('pointerup', event => {
    if (drag && !drag.moved) { chosen = hitAt(...place(event)); tell(); draw(); }
    drag = null;
  });
  canvas.addEventListener('pointerleave', event => showTip('', event));
  canvas.addEventListener('keydown', event => {
    const middle = (view.from + view.to) / 2, span = view.to - view.from;
    const keys = {ArrowLeft: () => shift(-span / 8), ArrowRight: () => shift(span / 8), '+': () => zoom(middle, 0.7), '=': () => zoom(middle, 0.7),
                  '-': () => zoom(middle, 1.4), '0': () => { view = {from: 0, to: end}; draw(); }};
    if (keys[event.key]) { keys[event.key](); event.preventDefault(); }
  });
  new ResizeObserver(() => { wide = stage.clientWidth; paint(); }).observe(stage);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);

  const line = el('span.soft', {id: 'chosen'}, 'Scroll to zoom, drag to move, click a step.');
  function tell() {
    line.replaceChildren(...(chosen ? [titleOf(chosen) + ', ' + chosen.provider + ', ' + nsText(chosen.duration_ns) + ' ',
      chosen.target && chosen.target.inputs ? el('button.link', {type: 'button', onclick: () => openNode(chosen.target)}, 'show in the graph') : ''] : ['']));
  }
  const bar = el('div.bar', {}, el('b', {}, nsText(end)), line, el('span.grow'),
    el('button.button', {type: 'button', onclick: () => { view = {from: 0, to: end}; draw(); }}, 'Fit'));
  return el('div', {style: 'display:contents'}, bar, stage, timeTables(openNode));
}

/* Where the time went: by operator and by node; by island where the provider tells no nodes. */
function timeTables(openNode) {
  const steps = profile.filter(e => e.thread === 0);
  const told = new Set(steps.filter(e => e.node !== null).map(e => e.graph + '\n' + e.provider));
  const leaves = steps.filter(e => e.node !== null || !told.has(e.graph + '\n' + e.provider));
  const outer = []; /* control flow holds what runs in it: only the rest is its own */
  for (const e of leaves.sort((a, b) => a.start_ns - b.start_ns || b.duration_ns - a.duration_ns)) {
    e.own = e.duration_ns;
    while (outer.length && outer[outer.length - 1].start_ns + outer[outer.length - 1].duration_ns <= e.start_ns) outer.pop();
    if (outer.length) outer[outer.length - 1].own -= e.duration_ns;
    outer.push(e);
  }
  const total = Math.max(sumOf(leaves, e => e.own), 1), groups = new Map();
  for (const e of leaves) {
    const key = e.provider + '\n' + (e.op_type || 'island');
    if (!groups.has(key)) groups.set(key, {provider: e.provider, op: e.op_type || 'whole island', count: 0, ns: 0});
    const g = groups.get(key);
    g.count++, g.ns += e.own;
  }
  const share = ns => (100 * ns / total).toFixed(1) + ' %';
  const byOp = sortTable({id: 'by-operator', rows: [...groups.values()], sort: -4, columns: [
    {title: 'Operator', value: g => g.op},
    {title: 'Provider', value: g => g.provider, cell: g => [dot(g.provider), g.provider]},
    {title: 'Steps', number: true, value: g => g.count, cell: g => countText(g.count)},
    {title: 'Time', number: true, value: g => g.ns, cell: g => nsText(g.ns)},
    {title: 'Share', number: true, value: g => g.ns, cell: g => share(g.ns)}]});
  const byNode = sortTable({id: 'by-step', rows: leaves, sort: -4, pick: e => { if (e.target && e.target.inputs) openNode(e.target); }, columns: [
    {title: 'Operator', value: e => e.op_type || 'whole island'},
    {title: 'Node', value: e => e.node || '', cell: e => e.node || plural(e.nodes, 'node', 'nodes')},
    {title: 'Provider', value: e => e.provider, cell: e => [dot(e.provider), e.provider]},
    {title: 'Time', number: true, value: e => e.own, cell: e => nsText(e.own)},
    {title: 'Share', number: true, value: e => e.own, cell: e => share(e.own)},
    {title: 'From', number: true, value: e => e.start_ns, cell: e => nsText(e.start_ns)}]});
  byOp.box.classList.add('inset');
  byNode.box.classList.add('inset');
  return el('div.scroll', {}, el('h2', {}, 'By operator'), byOp.box, el('h2', {}, 'By step'), byNode.box);
}
