/* The views, and the tabs that switch between them. A view is made when it is first shown. */

const panel = (title, ...children) => el('section.panel', {}, el('h2', {}, title), ...children);
const card = (big, small) => el('div.card', {}, el('b', {}, big), el('span', {}, small));

function summaryView() {
  const root = el('div.scroll'), cards = el('div.cards');
  const flops = sumOf(plan.nodes, n => n.flops), seconds = data.seconds || {};
  cards.append(card(countText(plan.nodes.length), 'nodes'), card(countText(plan.islands.length), plan.islands.length === 1 ? 'island' : 'islands'),
    card(countText(plan.crossings.length), plan.crossings.length === 1 ? 'crossing between memories' : 'crossings between memories'));
  if (flops) cards.append(card(flopsText(flops), 'arithmetic of a run'));
  if (seconds.compile !== undefined) cards.append(card(secondsText(seconds.compile), plan.stage === 'compiled' ? 'to compile' : 'to plan'));
  if (seconds.least_run) cards.append(card(secondsText(seconds.least_run), seconds.runs > 1 ? 'best of ' + seconds.runs + ' runs' : 'a run'));
  root.append(cards, chainPanel(flops));
  if (plan.contract && plan.contract.length) root.append(contractPanel());
  if (plan.chosen) root.append(panel('Chain', el('p', {}, 'auto: ' + plan.chosen.chain + (plan.chosen.remembered ? ', as it was measured before: ' : ', by measurement: ') + plan.chosen.words)));
  if (plan.choice) root.append(panel('Cost rule', el('p', {}, plan.choice)));
  if (plan.lock_difference) root.append(panel('Lock', el('div.note', {}, plan.lock_difference)));
  if (refused.length) root.append(panel('Refused', el('p', {}, plural(refused.length, 'node was', 'nodes were') + ' refused by a provider that stands before the one which runs it.'),
    el('p', {}, el('button.link', {type: 'button', onclick: () => openTab('refusals')}, 'See the reasons'))));
  root.append(passesPanel());
  return root;
}

function chainPanel(flops) {
  const box = panel('The chain'), strip = el('div.share', {role: 'img', 'aria-label': 'share of nodes per provider'});
  for (const name of usedNames) {
    const count = plan.nodes.filter(n => n.provider === name).length;
    strip.append(el('i', {style: 'width:' + 100 * count / Math.max(plan.nodes.length, 1) + '%;background:' + colorOf(name), title: nameOf(name) + ': ' + count}));
  }
  box.append(strip);
  const list = el('dl');
  for (const p of plan.providers) {
    const mine = plan.nodes.filter(n => n.provider === p.name), islands = plan.islands.filter(i => i.provider === p.name);
    const words = [];
    if (!p.used) words.push(el('b.warn', {}, 'skipped: '), p.why || 'it cannot be used here');
    else words.push(plural(mine.length, 'node', 'nodes') + ' in ' + plural(islands.length, 'island', 'islands') +
      (flops && mine.length ? ', ' + (100 * sumOf(mine, n => n.flops) / flops).toFixed(1) + ' % of the arithmetic' : '') +
      (islands.length === 1 && islands[0].description ? '; ' + islands[0].description : ''));
    if (p.fix) words.push(el('br'), el('span.soft', {}, 'To mend it: '), p.fix);
    if (p.precision) words.push(el('br'), el('span.warn', {}, 'Reduced precision: '), p.precision);
    list.append(el('dt', {}, chip(p.name, !p.used), p.optional ? ' ?' : ''), el('dd', {}, ...words));
  }
  if (usedNames.includes('host')) list.append(el('dt', {}, chip('host')), el('dd', {}, plural(plan.nodes.filter(n => n.provider === 'host').length, 'node', 'nodes') + ': control flow, arithmetic on shapes'));
  if (usedNames.includes(null)) list.append(el('dt', {}, chip(null)), el('dd', {}, plural(plan.nodes.filter(n => n.provider === null).length, 'node has', 'nodes have') + ' no provider that takes them'));
  box.append(list);
  return box;
}

function contractPanel() {
  const words = {holds: ['good', '✓ holds'], broken: ['bad', '✗ broken'], open: ['warn', 'open: it depends on the shapes of a run']}, list = el('dl');
  for (const t of plan.contract)
    list.append(el('dt', {}, el('code', {}, t.term)), el('dd', {}, el('b.' + words[t.verdict][0], {}, words[t.verdict][1]), ' (it is ' + Number(t.value.toPrecision(6)) + ')'));
  return panel('Contract', list);
}

function passesPanel() {
  const list = el('dl');
  for (const p of plan.passes) list.append(el('dt', {}, p.name), el('dd', {}, p.off ? 'off' : plural(p.changed, 'node', 'nodes') + ' taken away'));
  if (data.seconds && data.seconds.load !== undefined) list.append(el('dt', {}, 'loading'), el('dd', {}, secondsText(data.seconds.load)));
  list.append(el('dt', {}, 'made by'), el('dd', {}, 'rung ' + data.rung));
  return panel('Before placing', list);
}

const providerCell = n => [dot(n.provider), nameOf(n.provider)];

function nodesView() {
  const columns = [
    {title: '#', number: true, value: n => n.number},
    {title: 'Operator', value: n => n.op_type, cell: n => (n.domain ? n.domain + '.' : '') + n.op_type},
    {title: 'Name', value: n => n.name},
    {title: 'Provider', value: n => nameOf(n.provider), cell: providerCell},
    {title: 'Island', number: true, value: n => n.island, cell: n => n.island < 0 ? '' : String(n.island)},
    {title: 'Output', value: n => n.outputs ? firstType(n) : ''},
    {title: 'Arithmetic', number: true, value: n => n.flops, cell: n => n.flops ? flopsText(n.flops) : ''},
    {title: 'Refused because', value: n => n.refusals.map(r => r.reason).join(), cell: n => n.refusals.map(r => r.provider + ': ' + r.reason + ': ' + r.words).join('; ')}];
  if (profile.length) columns.splice(7, 0, {title: 'Time', number: true, value: n => n.time || 0, cell: n => n.time ? nsText(n.time) : ''});
  if (graphs.size > 1) columns.splice(3, 0, {title: 'Graph', value: n => n.graph, cell: n => n.graph || 'main'});
  const table = sortTable({id: 'node-table', columns, rows: plan.nodes, pick: openNode});
  const filter = el('input', {type: 'search', id: 'filter', placeholder: 'Filter', 'aria-label': 'filter nodes', oninput: apply});
  const who = el('select', {id: 'who', 'aria-label': 'provider', onchange: apply}, el('option', {value: '*'}, 'All providers'),
    ...usedNames.map(name => el('option', {value: nameOf(name)}, nameOf(name))), el('option', {value: '!'}, 'Refused by some'));
  const count = el('span.soft', {id: 'node-count'});
  const lower = plan.nodes.map(n => (n.op_type + '\n' + n.name + '\n' + n.graph + '\n' + n.refusals.map(r => r.reason + ' ' + r.words).join()).toLowerCase());
  function apply() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(w => w), from = who.value;
    const rows = plan.nodes.filter((n, i) => (from === '*' || (from === '!' ? n.refused : nameOf(n.provider) === from)) && words.every(w => lower[i].includes(w)));
    table.set(rows);
    count.textContent = plural(rows.length, 'node', 'nodes');
  }
  apply();
  return el('div', {style: 'display:contents'}, el('div.bar', {}, filter, who, count), table.box);
}

function refusalsView() {
  const groups = new Map();
  for (const n of plan.nodes)
    for (const r of n.refusals) {
      const key = [r.provider, r.reason, n.domain, n.op_type, r.words].join('\n');
      if (!groups.has(key)) groups.set(key, {provider: r.provider, reason: r.reason, op: (n.domain ? n.domain + '.' : '') + n.op_type, words: r.words, nodes: [], by: new Set()});
      groups.get(key).nodes.push(n);
      groups.get(key).by.add(nameOf(n.provider));
    }
  const table = sortTable({id: 'refusal-groups', wraps: true, rows: [...groups.values()], sort: -1, columns: [
    {title: 'Nodes', number: true, value: g => g.nodes.length, cell: g => countText(g.nodes.length)},
    {title: 'Refused by', value: g => g.provider, cell: g => [dot(g.provider), g.provider]},
    {title: 'Operator', value: g => g.op},
    {title: 'Reason', value: g => g.reason, cell: g => el('b', {}, g.reason)},
    {title: 'What exactly', value: g => g.words},
    {title: 'Run by', value: g => [...g.by].join(', ')},
    {title: 'Which', value: g => g.nodes[0].name, cell: g => {
      const out = [];
      for (const n of g.nodes.slice(0, 5)) out.push(el('button.link', {type: 'button', onclick: () => openNode(n)}, n.name), el('br'));
      if (g.nodes.length > 5) out.push(el('span.soft', {}, 'and ' + countText(g.nodes.length - 5) + ' more'));
      return out;
    }}]});
  return table.box;
}

function crossingsView() {
  const table = sortTable({id: 'crossing-list', rows: plan.crossings, sort: -4,
    pick: c => { for (const g of graphs.values()) if (g.producer.has(c.value)) return openNode(g.producer.get(c.value)); }, columns: [
    {title: 'Value', value: c => c.value},
    {title: 'From', value: c => c.from},
    {title: 'To', value: c => c.to},
    {title: 'Bytes', number: true, value: c => c.bytes, cell: c => c.bytes < 0 ? 'known when it runs' : bytesText(c.bytes)},
    {title: 'Times a run', number: true, value: c => c.executions, cell: c => c.executions < 0 ? 'in a loop' : countText(c.executions)}]});
  const known = plan.crossings.filter(c => c.bytes >= 0 && c.executions >= 0);
  return el('div', {style: 'display:contents'}, el('div.bar', {}, el('b', {}, bytesText(sumOf(known, c => c.bytes * c.executions))), el('span.soft', {}, 'copied between memories in a run, as far as sizes are known')), table.box);
}

function benchView() {
  const bench = data.bench, root = el('div.scroll');
  root.append(panel('Recommendation', el('p.verdict', {id: 'recommendation'}, el('b', {}, bench.recommendation.chain || 'none'), ': ', bench.recommendation.words)));
  const batches = [...new Set(bench.chains.flatMap(c => c.results.map(r => r.batch)))];
  for (const batch of batches) {
    const bars = el('div.bench'), rows = bench.chains.map(c => ({c, r: c.results.find(r => r.batch === batch)})).filter(x => x.r);
    const most = Math.max(...rows.map(x => x.r.p90_seconds), 1e-12);
    for (const {c, r} of rows) {
      const color = colorOf(c.plan.providers.filter(p => p.used && p.nodes).map(p => p.name)[0] || 'host');
      bars.append(el('code', {}, c.chain), el('div.track', {role: 'img', 'aria-label': c.chain + ': median ' + secondsText(r.median_seconds)},
        el('i.spread', {style: 'width:' + 100 * r.p90_seconds / most + '%;background:' + color}), el('i', {style: 'width:' + 100 * r.median_seconds / most + '%;background:' + color})),
        el('span', {}, secondsText(r.median_seconds) + (rows.length > 1 ? ', ' + r.ratio.toFixed(2) + ' ×' : '')));
    }
    root.append(panel('Median of a run' + (batch ? ', batch ' + batch : '') + ' (pale: 90 of 100 runs are within)', bars));
  }
  const rows = bench.chains.flatMap(c => c.results.map(r => ({c, r})));
  const agreement = a => a === null ? 'is the reference' : a.agrees ? 'agrees, largest difference ' + smallText(Number(a.max_abs)) : 'differs: ' + a.words;
  const time = (title, key) => ({title, number: true, value: x => x.r[key], cell: x => secondsText(x.r[key])});
  const columns = [{title: 'Chain', value: x => x.c.chain, cell: x => el('code', {}, x.c.chain)}];
  if (batches.length > 1 || batches[0] !== null) columns.push({title: 'Batch', number: true, value: x => x.r.batch || 0, cell: x => String(x.r.batch || '')});
  columns.push({title: 'Compile', number: true, value: x => x.c.compile_seconds, cell: x => secondsText(x.c.compile_seconds)},
    time('First run', 'first_seconds'), time('Min', 'min_seconds'), time('Median', 'median_seconds'), time('p90', 'p90_seconds'), time('p99', 'p99_seconds'),
    {title: 'Runs/s', number: true, value: x => x.r.runs_per_second, cell: x => x.r.runs_per_second.toPrecision(4)},
    {title: 'Memory', number: true, value: x => x.c.memory_bytes, cell: x => bytesText(x.c.memory_bytes)},
    {title: 'Outputs', value: x => agreement(x.c.accuracy)});
  const table = sortTable({id: 'bench-table', rows, columns, wraps: true});
  table.box.classList.add('inset');
  root.append(el('h2', {}, 'All figures'), table.box, el('p.soft', {}, 'Rounds of the chains take turns; ratios are medians over rounds, against the first chain. Reference of the outputs: ' + bench.reference + '.'));
  return root;
}

/* Tabs */

const views = [
  {id: 'bench', title: 'Chains', when: data.bench, make: benchView},
  {id: 'summary', title: 'Summary', when: plan.providers.length, make: summaryView},
  {id: 'graph', title: 'Graph', when: data.graph, make: () => (graph = graphView()).root},
  {id: 'time', title: 'Time line', when: profile.length, make: () => timeView(openNode)},
  {id: 'nodes', title: 'Nodes', count: plan.nodes.length, when: plan.nodes.length, make: nodesView},
  {id: 'refusals', title: 'Refusals', count: refused.length, when: refused.length, make: refusalsView},
  {id: 'crossings', title: 'Crossings', count: plan.crossings.length, when: plan.crossings.length, make: crossingsView}].filter(v => v.when);
let graph = null;

function openTab(id) {
  for (const v of views) {
    const on = v.id === id;
    v.tab.setAttribute('aria-selected', on);
    v.tab.tabIndex = on ? 0 : -1;
    if (on && !v.panel.firstChild) v.panel.append(v.make());
    v.panel.hidden = !on;
  }
  history.replaceState(null, '', '#' + id);
}

function openNode(node) {
  if (!data.graph || !node.inputs) return;
  openTab('graph');
  graph.goTo(node);
}

function start() {
  document.title = data.model.split('/').pop() + ' · rung ' + data.kind;
  document.getElementById('model').textContent = data.model;
  const chain = document.getElementById('chain'), main = document.getElementById('main'), tabs = document.getElementById('tabs');
  plan.providers.forEach((p, i) => chain.append(...(i ? [el('span.arrow', {}, '→')] : []), chip(p.name, !p.used)));
  for (const v of views) {
    v.tab = el('button', {role: 'tab', type: 'button', id: 'tab-' + v.id, 'aria-controls': 'view-' + v.id, onclick: () => openTab(v.id)}, v.title,
      v.count === undefined ? null : el('span.count', {}, countText(v.count)));
    v.panel = el('div', {role: 'tabpanel', id: 'view-' + v.id, 'aria-labelledby': 'tab-' + v.id, hidden: true});
    tabs.append(v.tab);
    main.append(v.panel);
  }
  tabs.addEventListener('keydown', event => {
    const at = views.findIndex(v => v.tab === document.activeElement), step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (at < 0 || !step) return;
    const to = views[(at + step + views.length) % views.length];
    openTab(to.id);
    to.tab.focus();
  });
  document.addEventListener('keydown', event => {
    if (event.key !== '/' || /INPUT|SELECT/.test(document.activeElement.tagName) || !data.graph) return;
    openTab('graph');
    graph.search.focus();
    event.preventDefault();
  });
  document.body.append(tip);
  const wanted = location.hash.slice(1);
  openTab(views.some(v => v.id === wanted) ? wanted : views[0].id);
}
start();
