/* Layered layout of an acyclic graph, in time linear in nodes, edges and sweeps: ranks by longest path, order within a
 * rank by barycentres, places by the least squares of what neighbours wish (pool adjacent violators). */

/* boxes: [{w, h, top, bottom}] (top: stays in the first rank; bottom: goes to the last); edges: [{from, to, dxFrom,
 * dxTo}], numbers of boxes and where, from their middle, the edge leaves and enters. Sets x, y (of the corner) of boxes
 * and `way` of edges: [x, y, ...] in pairs, where 2i and 2i + 1 are joined by a straight line and 2i + 1 and 2i + 2 by a
 * curve. Returns {w, h}. */
function layered(boxes, edges, space = {x: 26, y: 42}) {
  const ranks = rankBoxes(boxes, edges);
  const {units, chains} = addBends(boxes, edges, ranks);
  const layers = [];
  for (const u of units) (layers[u.rank] || (layers[u.rank] = [])).push(u);
  for (let r = 0; r < layers.length; r++) layers[r] = layers[r] || [];
  const large = units.length > 8000; /* fewer sweeps then */
  orderLayers(layers, large ? 4 : 8);
  placeLayers(layers, space.x, large ? 6 : 10);
  let y = 0, w = 0, least = Infinity;
  for (const layer of layers) {
    const high = layer.reduce((m, u) => Math.max(m, u.h), 0);
    for (const u of layer) u.layerTop = y, u.layerBottom = y + high, u.y = y + (high - u.h) / 2;
    y += high + space.y;
    for (const u of layer) least = Math.min(least, u.x - u.w / 2);
  }
  for (const u of units) u.x -= least, w = Math.max(w, u.x + u.w / 2);
  edges.forEach((e, i) => { e.way = wayOf(e, chains[i], units); });
  boxes.forEach((b, i) => { b.x = units[i].x - b.w / 2; b.y = units[i].y; b.rank = ranks[i]; });
  return {w: Math.max(w, 0), h: Math.max(y - space.y, 0)};
}

function rankBoxes(boxes, edges) {
  const n = boxes.length, rank = new Int32Array(n), waits = new Int32Array(n);
  const next = boxes.map(() => []);
  for (const e of edges) next[e.from].push(e.to), waits[e.to]++;
  const ready = [];
  for (let i = 0; i < n; i++) if (!waits[i]) ready.push(i);
  const sources = ready.slice();
  for (let k = 0; k < ready.length; k++)
    for (const to of next[ready[k]]) {
      rank[to] = Math.max(rank[to], rank[ready[k]] + 1);
      if (--waits[to] === 0) ready.push(to);
    }
  for (const i of sources) /* close to its first reader, or the edge would run along everything */
    if (!boxes[i].top && next[i].length) rank[i] = Math.min(...next[i].map(to => rank[to])) - 1;
  const last = rank.reduce((m, r) => Math.max(m, r), 0);
  for (let i = 0; i < n; i++) if (boxes[i].bottom) rank[i] = Math.max(last, 1);
  return rank;
}

/* An edge over several ranks bends at a unit without width in each; those that would need too many go straight. */
function addBends(boxes, edges, ranks) {
  const units = boxes.map((b, i) => ({w: b.w, h: b.h, rank: ranks[i], up: [], down: [], bend: false}));
  const spans = edges.map(e => ranks[e.to] - ranks[e.from]).sort((a, b) => a - b);
  let budget = 2 * boxes.length + 10000, longest = Infinity;
  for (const span of spans) {
    budget -= span - 1;
    if (budget < 0) { longest = span - 1; break; }
  }
  const chains = [];
  for (const e of edges) {
    const chain = [], span = ranks[e.to] - ranks[e.from];
    let at = e.from, dx = e.dxFrom || 0;
    for (let k = 1; k < span && span <= longest; k++) {
      units.push({w: 2, h: 0, rank: ranks[e.from] + k, up: [], down: [], bend: true});
      chain.push(units.length - 1);
      link(at, units.length - 1, dx, 0);
      at = units.length - 1, dx = 0;
    }
    if (span <= longest) link(at, e.to, dx, e.dxTo || 0);
    chains.push(chain);
  }
  function link(a, b, dxA, dxB) {
    const weight = units[a].bend && units[b].bend ? 8 : units[a].bend || units[b].bend ? 2 : 1;
    units[a].down.push({to: units[b], shift: dxB - dxA, weight, part: dxB / units[b].w});
    units[b].up.push({to: units[a], shift: dxA - dxB, weight, part: dxA / units[a].w});
  }
  return {units, chains};
}

function orderLayers(layers, sweeps) {
  /* first along the edges, depth first, so that what hangs together lies together */
  const seen = new Set(), fresh = layers.map(() => []);
  for (const layer of layers)
    for (const start of layer) {
      const stack = [start];
      while (stack.length) {
        const u = stack.pop();
        if (seen.has(u)) continue;
        seen.add(u);
        fresh[u.rank].push(u);
        for (let i = u.down.length - 1; i >= 0; i--) stack.push(u.down[i].to);
      }
    }
  fresh.forEach((layer, r) => { layers[r] = layer; layer.forEach((u, i) => { u.order = i; }); });
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const side = sweep % 2 ? 'down' : 'up';
    for (let k = 0; k < layers.length; k++) {
      const layer = layers[sweep % 2 ? layers.length - 1 - k : k];
      for (const u of layer) {
        const near = u[side];
        u.wish = near.length ? near.reduce((s, n) => s + (n.to.order + n.part) / (n.to.count || 1), 0) / near.length
                             : u.order / layer.length;
      }
      layer.sort((a, b) => a.wish - b.wish || a.order - b.order);
      layer.forEach((u, i) => { u.order = i; u.count = layer.length; });
    }
  }
}

function placeLayers(layers, gap, sweeps) {
  for (const layer of layers) {
    let x = 0;
    for (const u of layer) u.x = x + u.w / 2, x += u.w + gap;
    for (const u of layer) u.x -= x / 2;
  }
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const sides = sweep === sweeps - 1 ? ['up', 'down'] : sweep % 2 ? ['down'] : ['up'];
    for (let k = 0; k < layers.length; k++) settle(layers[sweep % 2 ? layers.length - 1 - k : k], sides, gap);
  }
}

/* Moves a layer's units as near as may be to where their neighbours wish them, in order and a gap apart. */
function settle(layer, sides, gap) {
  const blocks = [];
  let offset = 0;
  layer.forEach((u, i) => {
    if (i) offset += layer[i - 1].w / 2 + gap * (u.bend && layer[i - 1].bend ? 0.4 : 1) + u.w / 2;
    u.offset = offset;
    let sum = 0, weight = 0;
    for (const side of sides)
      for (const n of u[side]) sum += n.weight * (n.to.x + n.shift), weight += n.weight;
    if (!weight) sum = u.x * 0.01, weight = 0.01;
    let block = {sum: sum - weight * offset, weight, first: i, last: i};
    while (blocks.length && blocks[blocks.length - 1].sum / blocks[blocks.length - 1].weight >= block.sum / block.weight) {
      const before = blocks.pop();
      block = {sum: before.sum + block.sum, weight: before.weight + block.weight, first: before.first, last: i};
    }
    blocks.push(block);
  });
  for (const b of blocks)
    for (let i = b.first; i <= b.last; i++) layer[i].x = b.sum / b.weight + layer[i].offset;
}

function wayOf(e, chain, units) {
  const a = units[e.from], b = units[e.to];
  const way = [a.x + (e.dxFrom || 0), a.y + a.h, a.x + (e.dxFrom || 0), a.layerBottom];
  for (const i of chain) way.push(units[i].x, units[i].layerTop, units[i].x, units[i].layerBottom);
  way.push(b.x + (e.dxTo || 0), b.layerTop, b.x + (e.dxTo || 0), b.y);
  return way;
}
