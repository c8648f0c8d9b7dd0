/* Tables that sort by a click on their titles. Only the rows in sight are elements, so that 10,000 cost nothing. */

const rowHigh = 30;

/* columns: [{title, number, value(row), cell(row)}]: `value` sorts, `cell` (default: the value) is shown. `pick(row)` is
 * called for a click or Enter on a row; `wraps`: rows have any height, and all are elements. */
function sortTable({columns, rows, pick, wraps, sort, id}) {
  let sorted = rows.slice(), by = sort === undefined ? -1 : Math.abs(sort) - 1, down = sort < 0, first = -1, last = -1;
  const head = el('tr'), body = el('tbody'), table = el('table', {id}, el('thead', {}, head), body);
  const box = el('div.table' + (wraps ? '.wrapping' : ''), {tabindex: 0}, table);
  columns.forEach((c, i) => head.append(el(c.number ? 'th.number' : 'th', {scope: 'col'},
    el('button', {type: 'button', onclick: () => { down = by === i ? !down : !!c.number; by = i; arrange(); }}, c.title))));

  function arrange() {
    sorted = rows.slice();
    if (by >= 0) {
      const value = columns[by].value, sign = down ? -1 : 1;
      const keyed = sorted.map((row, i) => ({row, i, key: value(row)}));
      keyed.sort((a, b) => sign * (typeof a.key === 'number' ? a.key - b.key : String(a.key).localeCompare(String(b.key))) || a.i - b.i);
      sorted = keyed.map(k => k.row);
    }
    [...head.children].forEach((th, i) => {
      th.setAttribute('aria-sort', i !== by ? 'none' : down ? 'descending' : 'ascending');
      th.firstChild.textContent = columns[i].title + (i !== by ? '' : down ? ' ↓' : ' ↑');
    });
    first = last = -1;
    box.scrollTop = 0;
    fill();
  }

  function rowOf(row) {
    const tr = el(pick ? 'tr.pick' : 'tr', pick ? {tabindex: 0, onclick: () => pick(row),
      onkeydown: e => { if (e.key === 'Enter') pick(row); }} : {});
    for (const c of columns) {
      const content = c.cell ? c.cell(row) : String(c.value(row));
      const td = el(c.number ? 'td.number' : 'td', {}, ...(Array.isArray(content) ? content : [content]));
      if (!wraps) td.title = td.textContent;
      tr.append(td);
    }
    return tr;
  }

  const gap = high => el('tr.gap', {'aria-hidden': 'true'}, el('td', {colspan: columns.length, style: 'height:' + high + 'px'}));
  function fill() {
    const all = wraps || sorted.length <= 120;
    const from = all ? 0 : Math.max(0, Math.floor(box.scrollTop / rowHigh) - 20);
    const to = all ? sorted.length : Math.min(sorted.length, from + Math.ceil((box.clientHeight || 600) / rowHigh) + 40);
    if (from === first && to === last) return;
    first = from, last = to;
    body.replaceChildren(...(from ? [gap(from * rowHigh)] : []), ...sorted.slice(from, to).map(rowOf),
                         ...(to < sorted.length ? [gap((sorted.length - to) * rowHigh)] : []));
  }
  box.addEventListener('scroll', fill);
  new ResizeObserver(() => fill()).observe(box);
  arrange();
  return {box, set: list => { rows = list; arrange(); }, rows: () => sorted};
}
