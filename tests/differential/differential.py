#!/usr/bin/env python3
"""Random valid graphs: rung against ONNX Runtime and onnx.reference, and rung against itself.

usage: differential.py LIBRUNG [--seconds N] [--seed N] [--graphs N] [--only OPERATOR ...] [--keep FOLDER] [--floor N]
A graph of 3 to 30 steps is built step by step. rung runs each step alone as soon as it is drawn, so that every value is
known; a peer runs the same step on the same operands (so errors do not add up over a graph, and the first wrong step is
the one that is named). Then rung runs the whole graph, with some of the values as outputs and all its passes on, and
must get what the steps gave. What differs is made small and written to --keep as a model with inputs and outputs.
Before that, the cases of cases/ (what earlier runs found) run on rung alone.
The last line counts cases and graphs: N passed, N failed, N skipped.
"""
import argparse
import collections
import mmap
import os
import pathlib
import random
import struct
import sys
import time
import traceback
import warnings

try:
    import numpy as np
    import onnx
except ImportError as missing:
    print(f"SKIPPED: the differential test needs Python's onnx and numpy: {missing}\n0 passed, 0 failed, 1 skipped")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cases
import judge
import known
import shrink
import table_elementwise, table_network, table_other, table_shape  # noqa: F401,E401 (they fill the table)
from draw import TABLE, Draw, model
from rung_library import Error, Library

OPSETS = [13, 14, 16, 17, 18, 18, 19, 20, 21, 21, 22, 23, 24, 25, 26, 27]
OLD = [7, 8, 9, 9, 10]  # for one graph in forty: few operators are drawn there
ORT_NEWEST = 26


class Finding(Exception):
    def __init__(self, peer, step, opset, feeds, words, fixed=()):
        super().__init__(words)
        self.peer, self.step, self.opset, self.feeds, self.words, self.fixed = peer, step, opset, feeds, words, fixed


class Run:
    def __init__(self, library, arguments):
        self.library = library
        self.alone, self.trace, self.special = arguments.alone, arguments.trace, arguments.special
        self.covered = collections.Counter()   # operator: steps that a peer confirmed
        self.judged = collections.Counter()    # peer: steps
        self.refused = set()                   # (peer, operator, element types, opset) that a peer does not run
        self.invalid = collections.Counter()   # operator: drawn steps that nobody runs
        self.known = collections.Counter()     # reason: times
        self.findings = {}                     # (peer, operator, kind): Finding

    def step_model(self, step, values, fixed=()):
        feeds = {n: values[n] for n in step.inputs}
        return lambda opset: model(step.nodes, {n: a for n, a in feeds.items() if n not in fixed},
                                   {n: a for n, a in feeds.items() if n in fixed}, step.outputs, opset).SerializeToString()

    def judge_step(self, draw, step, got, error):
        """Asks the peers; returns whether one agreed, raises Finding when one does not."""
        name = step.nodes[-1].op_type if len(step.nodes) == 1 else step.nodes[0].op_type
        feeds = {n: draw.values[n] for n in step.inputs}
        data = self.step_model(step, draw.values)(draw.opset)
        types = tuple(str(a.dtype) for a in feeds.values())
        agreed = False
        for peer, run in () if self.alone else (("onnxruntime", judge.onnx_runtime), ("onnx.reference", judge.onnx_reference)):
            key = (peer, name, types, draw.opset)
            if peer == "onnxruntime" and (not judge.onnxruntime or draw.opset > ORT_NEWEST or key in self.refused):
                continue
            if peer == "onnx.reference" and (agreed and not draw.flip(0.15) or error is None and key in self.refused):
                continue
            reason = known.of(peer, step, draw.opset, feeds)
            if reason:
                self.known[f"{peer}, {name}: {reason}"] += 1
                continue
            try:
                want = run(data, feeds)
            except judge.Refused as refusal:
                if "NOT_IMPLEMENTED" in str(refusal) or "NotImplemented" in str(refusal):
                    self.refused.add(key)
                continue
            self.judged[peer] += 1
            if error:
                raise Finding(peer, step, draw.opset, feeds, f"refused by rung: {error}")
            words = judge.differences(got, want)
            if words:
                raise Finding(peer, step, draw.opset, feeds, "; ".join(words))
            agreed = True
        return agreed

    def add_step(self, draw, name):
        fitting = [f for since, until, f in TABLE[name] if since <= draw.opset <= until]
        if not fitting:
            return
        draw.name = name
        step = draw.random.choice(fitting)(draw)
        if step is None:
            return
        got, error = None, None
        if self.trace:
            print("step", name, [(str(draw.values[n].dtype), draw.values[n].shape) for n in step.inputs], shrink.attributes(step), file=sys.stderr, flush=True)
        try:
            feeds = {n: draw.values[n] for n in step.inputs}
            got = self.library.run(self.step_model(step, draw.values)(draw.opset), feeds)
        except Error as refusal:
            error = refusal
        if self.judge_step(draw, step, got, error):
            for node in step.nodes:
                self.covered[node.op_type] += 1
        elif error:
            self.invalid[f"{name}: {str(error)[:150]}"] += 1
        if error:
            return
        draw.steps.append(step)
        for output, array in zip(step.outputs, got):
            draw.values[output] = array
            calm = array.dtype == object or array.dtype.kind == "b" or array.size and np.isfinite(array.astype(np.float64)).all() \
                and np.abs(array.astype(np.float64)).max() < 1e4
            if calm and array.size <= 4000 and array.ndim <= 6:
                draw.calm.append(output)

    def whole(self, draw):
        """The graph at once, with a part of its values as outputs, must give what its steps gave."""
        nodes = [n for s in draw.steps for n in s.nodes]
        used = {i for s in draw.steps for i in s.inputs}
        made = [o for s in draw.steps for o in s.outputs]
        outputs = [o for o in made if o not in used or draw.flip(0.15)]
        sources = [n for n in draw.values if n in used and n not in made]
        feeds = {n: draw.values[n] for n in sources if n in draw.sources}
        fixed = {n: draw.values[n] for n in sources if n not in draw.sources}
        data = model(nodes, feeds, fixed, outputs, draw.opset).SerializeToString()
        words = whole_words(self.library, data, feeds, [draw.values[o] for o in outputs])
        if words:
            raise shrink.Whole(draw, words)


def whole_words(library, data, feeds, want):
    try:
        got = library.run(data, feeds)
    except Error as error:
        return f"refused as a whole: {error}"
    return "; ".join(judge.differences(got, want))


def random_graph(run, seed, names):
    """Builds and judges one graph; returns its steps."""
    dice = random.Random(seed)
    opset = dice.choice(OLD if dice.random() < 1 / 40 else OPSETS)
    names = [n for n in names if any(since <= opset <= until for since, until, _ in TABLE[n])]
    draw = Draw(seed, opset, run.special)
    steps = dice.randint(3, 30)
    for _ in range(3 * steps):
        if len(draw.steps) >= steps or not names:
            break
        name = dice.choice(names)
        try:
            run.add_step(draw, name)
        except Finding as finding:
            note(run, finding, name, seed)
    if draw.steps:
        try:
            run.whole(draw)
        except shrink.Whole as whole:
            note(run, shrink.whole_finding(run, whole, Finding), "whole", seed)
    return len(draw.steps)


def note(run, finding, name, seed):
    kind = "refused" if "refused" in finding.words else "type" if "type" in finding.words else "value"
    key = (finding.peer, name, kind)
    if key not in run.findings:
        finding.seed, finding.count = seed, 0
        run.findings[key] = finding
    run.findings[key].count += 1


def report(run, graphs, steps, seconds, keep):
    print(f"{graphs} graphs, {steps} steps in {seconds:.0f} s; judged by "
          + ", ".join(f"{peer}: {count}" for peer, count in run.judged.items()))
    print(f"{len(run.covered)} operators confirmed; never confirmed: "
          + (" ".join(sorted(n for n in TABLE if n not in run.covered)) or "none"))
    for reason, count in run.known.most_common():
        print(f"known ({count}): {reason}")
    for words, count in run.invalid.most_common(12):
        print(f"drawn, run by nobody ({count}): {words}")
    for (peer, name, kind), finding in run.findings.items():
        print(f"  as found: {finding.words[:200]}; {shrink.describe(finding)[:300]}")
        shrink.finding(run, finding)
        print(f"FOUND ({finding.count}, seed {finding.seed}) {name} against {peer}, opset {finding.opset}: {finding.words}")
        print("  " + shrink.describe(finding))
        if keep:
            cases.write_model(keep / f"{name}-{peer}-{kind}", finding)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--graphs", type=int, default=1 << 60)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--only", nargs="*", help="operators")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for what is found")
    parser.add_argument("--special", type=float, default=0.08, help="share of graphs with infinities, NaN, extremes")
    parser.add_argument("--alone", action="store_true", help="rung only, against itself: for builds with sanitizers")
    parser.add_argument("--trace", action="store_true", help="say each step before it runs")
    parser.add_argument("--floor", type=int, default=0, help="of operators confirmed by a peer")
    return parser.parse_args()


def test(arguments, seed):
    """Runs graphs for the time given; `seed` is a place where the parent can see the present one."""
    warnings.simplefilter("ignore")
    library = Library(arguments.library)
    passed, failed = cases.replay(library)
    run, begin, graphs, steps, bad = Run(library, arguments), time.monotonic(), 0, 0, 0
    names = arguments.only or sorted(TABLE)
    while time.monotonic() - begin < arguments.seconds and graphs < arguments.graphs:
        before = sum(f.count for f in run.findings.values())
        seed[:8] = struct.pack("q", arguments.seed + graphs)
        steps += random_graph(run, arguments.seed + graphs, names)
        bad += sum(f.count for f in run.findings.values()) > before
        graphs += 1
    report(run, graphs, steps, time.monotonic() - begin, arguments.keep)
    if len(run.covered) < arguments.floor:
        print(f"FAILED: {len(run.covered)} operators were confirmed, at least {arguments.floor} must be")
        failed += 1
    print(f"{passed + graphs - bad} passed, {failed + bad} failed, 0 skipped", flush=True)
    return failed + bad > 0


def main():
    """The work is done by a child: what kills it is a finding, too."""
    arguments = parse()
    print(f"seed {arguments.seed}", flush=True)
    seed = mmap.mmap(-1, 8)
    child = os.fork()
    if child == 0:
        try:
            os._exit(test(arguments, seed))
        except BaseException:
            traceback.print_exc()
            os._exit(2)
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status) < 2:
        return os.WEXITSTATUS(status)
    print(f"FAILED: the run ended with status {status} at seed {struct.unpack('q', seed[:8])[0]}: "
          "repeat with --seed, --graphs 1 and --trace\n0 passed, 1 failed, 0 skipped")
    return 1


if __name__ == "__main__":
    sys.exit(main())
