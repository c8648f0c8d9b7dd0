"""Makes what was found small: fewer steps, fewer elements, fewer attributes."""
import copy

import judge
import known
from draw import Step, model
from onnx import helper
from rung_library import Error


class Whole(Exception):
    """A graph that as a whole gives something else than its steps do."""

    def __init__(self, draw, words):
        super().__init__(words)
        self.draw, self.words = draw, words


def whole_differs(library, draw, steps):
    """Runs some of the steps as a graph; the values that the others made are operands."""
    made = [o for s in steps for o in s.outputs]
    used = {i for s in steps for i in s.inputs}
    others = [n for n in used if n not in made]
    outputs = [o for o in made if o not in used]
    fixed = {n: draw.values[n] for n in others if n not in draw.sources and not any(n in s.outputs for s in draw.steps)}
    feeds = {n: draw.values[n] for n in others if n not in fixed}
    data = model([n for s in steps for n in s.nodes], feeds, fixed, outputs, draw.opset).SerializeToString()
    try:
        got = library.run(data, feeds)
    except Error as error:
        return f"refused as a whole: {error}", feeds, fixed
    return "; ".join(judge.differences(got, [draw.values[o] for o in outputs])), feeds, fixed


def whole_finding(run, whole, finding_type):
    draw, steps, words = whole.draw, list(whole.draw.steps), whole.words
    feeds, fixed = {n: draw.values[n] for n in draw.sources}, {}
    changed = True
    while changed:
        changed = False
        for step in list(steps):
            fewer = [s for s in steps if s is not step]
            if not fewer:
                continue
            found, less_feeds, less_fixed = whole_differs(run.library, draw, fewer)
            if found:
                steps, words, feeds, fixed, changed = fewer, found, less_feeds, less_fixed, True
    made = {o for s in steps for o in s.outputs}
    used = {i for s in steps for i in s.inputs}
    graph = Step([n for s in steps for n in s.nodes], sorted(used - made), sorted(made - used, key=list(draw.values).index))
    found = finding_type("its own steps", graph, draw.opset, {n: draw.values[n] for n in graph.inputs}, words,
                         {n for n in graph.inputs if n in fixed})
    found.want = [draw.values[o] for o in graph.outputs]
    return found


def peer_words(run, finding, step, feeds):
    """How rung and the peer differ on a changed step; None when it is no longer a finding."""
    peer = {"onnxruntime": judge.onnx_runtime, "onnx.reference": judge.onnx_reference}[finding.peer]
    try:
        data = model(step.nodes, feeds, {}, step.outputs, finding.opset).SerializeToString()
        want = peer(data, feeds)
    except Exception:
        return None
    try:
        got = run.library.run(data, feeds)
    except Error as error:
        finding.want = want
        return f"refused by rung: {error}" if "refused" in finding.words else None
    words = "; ".join(judge.differences(got, want))
    if words and "refused" not in finding.words:
        finding.want = want
        return words
    return None


def smaller(step, feeds):
    """Changed copies of a step and its operands, each simpler in one way."""
    if len(step.nodes) == 1:
        for i in range(len(step.nodes[0].attribute)):
            less = copy.deepcopy(step)
            del less.nodes[0].attribute[i]
            yield less, feeds
    sizes = {s for a in feeds.values() for s in a.shape if s > 1}
    for size in sorted(sizes, reverse=True):
        for cut in {1, size // 2, size - 1}:
            made = {}
            for name, array in feeds.items():
                made[name] = array[tuple(slice(0, cut) if s == size else slice(None) for s in array.shape)]
            yield step, made
    for name, array in feeds.items():
        for axis, size in enumerate(array.shape):
            if size > 1:
                yield step, {**feeds, name: array.take(range(size // 2), axis)}
        if array.dtype.kind == "f" and array.size and (array != array.round()).any() and array.round().all():
            yield step, {**feeds, name: array.round()}


def finding(run, found):
    """Shrinks a finding of one step in place."""
    if found.peer == "its own steps":
        return
    peer_words(run, found, found.step, found.feeds)
    for _ in range(40):
        for step, feeds in smaller(found.step, found.feeds):
            if known.of(found.peer, step, found.opset, feeds):
                continue  # another difference, explained
            words = peer_words(run, found, step, feeds)
            if words:
                found.step, found.feeds, found.words = step, feeds, words
                break
        else:
            break
    peer_words(run, found, found.step, found.feeds)


def attributes(step):
    """A step's nodes as text."""
    parts = []
    for node in step.nodes:
        words = ", ".join(f"{a.name}={helper.get_attribute_value(a) if a.type != 5 else '...'}" for a in node.attribute)
        parts.append(f"{','.join(node.output)} = {node.op_type}({','.join(node.input)}; {words})")
    return "; ".join(parts)


def describe(found):
    parts = [attributes(found.step)]
    for name, array in found.feeds.items():
        content = array.tolist() if array.size <= 12 else "..."
        parts.append(f"{name}{'!' if name in found.fixed else ''}: {array.dtype}{list(array.shape)} {content}")
    return "; ".join(parts)
