#!/usr/bin/env python3
"""Damages models in small ways, and sees that rung neither crashes nor hangs, and computes what ONNX Runtime computes
where both still take the model.

usage: mutated.py RUNG FOLDER [--each N] [--seed N] [--largest BYTES] [--part K/N] [--keep FOLDER] [WORDS ...]
FOLDER holds NAME.onnx and NAME.npz, its inputs (exported.py --keep and learned.py --keep leave such). RUNG had better be
built with sanitizers. N mutations of each model, drawn by the seed. What failed is kept where --keep says.
Failures: a signal, words of a sanitizer, no end, an error without words, or other results than ONNX Runtime. What only
one of the two takes is counted, and listed with -v.
The last line: N passed, N failed, N skipped (ONNX Runtime died of it, or its own results are not steady).
"""
import argparse
import collections
import os
import pathlib
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

import peer

LIMIT_S = 120
HUGE = [0, -1, 1, 2, 3, 7, -2, 2**31 - 1, -(2**31), 2**62, -(2**63)]


def nodes_of(graph):
    for node in graph.node:
        yield graph, node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs] if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) else []:
                yield from nodes_of(inner)


def some_node(model, draw, fits=lambda node: True):
    found = [(graph, node) for graph, node in nodes_of(model.graph) if fits(node)]
    return draw.choice(found) if found else (None, None)


def change_attribute(model, feeds, draw):
    _, node = some_node(model, draw, lambda n: any(a.type in (1, 2, 3, 6, 7) for a in n.attribute))
    if not node:
        return None
    attribute = draw.choice([a for a in node.attribute if a.type in (1, 2, 3, 6, 7)])
    if attribute.type == AttributeProto.INT:
        attribute.i = draw.choice([*HUGE, max(-(2**63), min(2**63 - 1, attribute.i + draw.choice([-1, 1])))])
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = draw.choice([0.0, -1.0, float("nan"), float("inf"), 1e30, attribute.f * 2])
    elif attribute.type == AttributeProto.STRING:
        attribute.s = draw.choice([b"", b"linear", b"reflect", attribute.s + b"x", b"\xff\xfe"])
    elif attribute.type == AttributeProto.INTS:
        change_list(attribute.ints, draw, lambda: draw.choice(HUGE))
    else:
        change_list(attribute.floats, draw, lambda: draw.choice([0.0, -1.0, float("nan"), 1e30]))
    return f"attribute {node.op_type}.{attribute.name}"


def change_list(values, draw, another):
    what = draw.randrange(3)
    if what == 0 and len(values):
        values[draw.randrange(len(values))] = another()
    elif what == 1 and len(values):
        del values[-1]
    else:
        values.append(another())


def drop_attribute(model, feeds, draw):
    _, node = some_node(model, draw, lambda n: len(n.attribute))
    if not node:
        return None
    k = draw.randrange(len(node.attribute))
    name = node.attribute[k].name
    del node.attribute[k]
    return f"no attribute {node.op_type}.{name}"


def drop_node(model, feeds, draw):
    graph, node = some_node(model, draw)
    graph.node.remove(node)
    return f"no {node.op_type}"


def twice(model, feeds, draw):
    graph, node = some_node(model, draw)
    graph.node.append(node)
    return f"{node.op_type} twice"


def another_type(model, feeds, draw):
    _, node = some_node(model, draw)
    _, other = some_node(model, draw, lambda n: len(n.input) == len(node.input))
    old, node.op_type = node.op_type, other.op_type
    return f"{old} is a {node.op_type}"


def another_input(model, feeds, draw):
    _, node = some_node(model, draw, lambda n: len(n.input))
    names = [i for _, n in nodes_of(model.graph) for i in [*n.input, *n.output]] + [i.name for i in model.graph.initializer]
    node.input[draw.randrange(len(node.input))] = draw.choice([*names, "", "nobody"])
    return f"input of {node.op_type}"


def swapped_inputs(model, feeds, draw):
    _, node = some_node(model, draw, lambda n: len(n.input) > 1)
    if not node:
        return None
    names = list(node.input)
    draw.shuffle(names)
    node.input[:] = names
    return f"inputs of {node.op_type} shuffled"


def fewer_inputs(model, feeds, draw):
    _, node = some_node(model, draw, lambda n: len(n.input))
    del node.input[-1]
    return f"one input less of {node.op_type}"


def tensors_of(model):
    return [*model.graph.initializer, *(a.t for _, n in nodes_of(model.graph) for a in n.attribute if a.type == AttributeProto.TENSOR)]


def cut_tensor(model, feeds, draw):
    found = [t for t in tensors_of(model) if t.raw_data]
    if not found:
        return None
    tensor = draw.choice(found)
    tensor.raw_data = tensor.raw_data[:-draw.choice([1, 4, 8])] if draw.random() < 0.7 else tensor.raw_data + b"\0" * 4
    return f"bytes of {tensor.name}"


def another_element_type(model, feeds, draw):
    found = tensors_of(model)
    if not found:
        return None
    tensor = draw.choice(found)
    tensor.data_type = draw.choice([*range(0, 24), 99])
    return f"type of {tensor.name}"


def other_dims(model, feeds, draw):
    found = [t for t in tensors_of(model) if t.dims]
    if not found:
        return None
    tensor = draw.choice(found)
    if draw.random() < 0.5 and len(tensor.dims) > 1:
        dims = list(tensor.dims)
        draw.shuffle(dims)
        tensor.dims[:] = dims
    else:
        change_list(tensor.dims, draw, lambda: draw.choice(HUGE))
    return f"dims of {tensor.name}"


def other_values(model, feeds, draw):
    """Axes, shapes, indices and splits."""
    found = [t for t in tensors_of(model) if t.data_type == TensorProto.INT64 and 0 < numpy.prod(t.dims) < 16]
    if not found:
        return None
    tensor = draw.choice(found)
    try:
        values = numpy_helper.to_array(tensor).copy()
    except Exception:
        return None
    values.reshape(-1)[draw.randrange(values.size)] = draw.choice(HUGE)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return f"value of {tensor.name}"


def declared(model, feeds, draw):
    value = draw.choice([*model.graph.input, *model.graph.output, *model.graph.value_info])
    kind = value.type.tensor_type
    if draw.random() < 0.4:
        kind.elem_type = draw.choice(range(0, 24))
        return f"declared type of {value.name}"
    if not kind.shape.dim:
        kind.shape.dim.add().dim_value = 3
    else:
        dim = draw.choice(kind.shape.dim)
        dim.dim_value = draw.choice(HUGE)
    return f"declared shape of {value.name}"


def opset(model, feeds, draw):
    entry = draw.choice(model.opset_import)
    entry.version = draw.choice([0, 1, 5, 9, 11, 13, 18, 21, 23, 99, -1])
    return f"opset {entry.domain or 'ai.onnx'} {entry.version}"


def fed_shape(model, feeds, draw):
    name = draw.choice(sorted(feeds))
    value, what = feeds[name], draw.randrange(4)
    if what == 0 and value.ndim:
        axis = draw.randrange(value.ndim)
        feeds[name] = numpy.concatenate([value, value.take([0], axis)] if value.shape[axis] else [value], axis)
    elif what == 1 and value.ndim:
        axis = draw.randrange(value.ndim)
        feeds[name] = value.take(range(max(0, value.shape[axis] - 1)), axis)
    elif what == 2:
        feeds[name] = value[None]
    else:
        feeds[name] = value.reshape(-1)[:0]
    return f"{name} is fed {feeds[name].shape} for {value.shape}"


def fed_values(model, feeds, draw):
    name = draw.choice(sorted(feeds))
    value = feeds[name].copy()
    if not value.size or value.dtype.kind not in "if":
        return None
    value.reshape(-1)[draw.randrange(value.size)] = draw.choice([0, -1, 127, 100000] if value.dtype.kind == "i" else [0, float("nan"), float("inf"), 1e30, -1e30])
    feeds[name] = value
    return f"{name} holds another value"


def fed_type(model, feeds, draw):
    name = draw.choice(sorted(feeds))
    if feeds[name].dtype.kind == "O":
        return None
    with numpy.errstate(all="ignore"):
        feeds[name] = feeds[name].astype(draw.choice(["float32", "float64", "int32", "int64", "uint8", "bool", "float16"]))
    return f"{name} is fed {feeds[name].dtype}"


KINDS = [change_attribute, change_attribute, drop_attribute, drop_node, twice, another_type, another_type, another_input, another_input, swapped_inputs, fewer_inputs,
         cut_tensor, another_element_type, other_dims, other_values, other_values, declared, opset, fed_shape, fed_shape, fed_values, fed_type]


def flipped(data, draw):
    data = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 8])):
        at = draw.randrange(min(len(data), draw.choice([200, 4000, len(data)])))
        data[at] = draw.choice([0, 1, 127, 128, 255, data[at] ^ (1 << draw.randrange(8))])
    return bytes(data) if draw.random() < 0.8 else bytes(data[:draw.randrange(len(data))])


def child(function, limit_s=LIMIT_S):
    """What a function returns in a process of its own; None when that dies. ONNX Runtime does, of some models."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        signal.alarm(limit_s)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        with os.fdopen(writing, "wb") as out:
            pickle.dump(function(), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as source:
        data = source.read()
    os.waitpid(pid, 0)
    return pickle.loads(data) if data else None


def peer_results(path, feeds):
    """("ran", names, outputs, noise) or ("refused", words)"""
    try:
        case = peer.Case(path, feeds=feeds)
        return "ran", [s.name for s in case.session.get_outputs()], case.outputs, case.noise()
    except Exception as error:
        return "refused", " ".join(str(error).split())[:200]


def told(rung, command, path):
    """(exit status, words) of a command that only looks at the model."""
    return spoken([rung, command, str(path)])


def spoken(command):
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, env=environment)
    except subprocess.TimeoutExpired:
        return "hang", f"no end in {LIMIT_S} s"
    return done.returncode, done.stderr.strip()


def rung_results(rung, path, feeds, folder):
    """(exit status, words, outputs or None)"""
    for k, (name, value) in enumerate(feeds.items()):
        (folder / f"input_{k}.pb").write_bytes(numpy_helper.from_array(value, name).SerializeToString())
    inputs = [part for k, name in enumerate(feeds) for part in ("--input", f"{name}={folder}/input_{k}.pb")]
    command = [rung, "run", str(path), *inputs, "--quiet", "--output", str(folder / "got"), "--format", "pb", "--threads", "2"]
    status, words = spoken(command)
    if status:
        return status, words, None
    return 0, words, {path.stem: tensor_in(path) for path in sorted((folder / "got").glob("output_*.pb"))}


def tensor_in(path):
    """None for what is no tensor: a model may have become one that gives a sequence."""
    try:
        return peer.tensor_of(path)
    except Exception:
        return None


def misbehaved(status, words):
    if status == "hang":
        return words
    if status < 0 or "Sanitizer" in words or "runtime error:" in words:
        return f"status {status}: {re.sub(chr(10), ' ', words)[-600:]}"
    return f"status {status} and no word" if status and not words else ""


def verdict(got, want):
    status, words, outputs = got
    if misbehaved(status, words):
        return "failed", misbehaved(status, words)
    if want is None:
        return "skipped", "ONNX Runtime died"
    if want[0] == "refused":
        return "passed", "both refuse" if status else "only rung runs it"
    if status:
        return "passed", f"only ONNX Runtime runs it: {words.splitlines()[-1][:200]}"
    for k, (wanted, noise) in enumerate(zip(want[2], want[3])):
        got = outputs.get(f"output_{k}")
        if got is None and isinstance(wanted, list):
            continue
        far = peer.distance(got, wanted) if got is not None else float("inf")
        if far > max(2e-3, 10 * noise):
            return ("skipped", "not steady") if not noise < 1e-2 else ("failed", f"output {k} is {far:.3g} off")
    return "passed", "both run it"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rung")
    parser.add_argument("folder")
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--largest", type=int, default=3_000_000)
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("-v", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_intermixed_args()
    counts, reasons = {"passed": 0, "failed": 0, "skipped": 0}, collections.Counter()
    part, parts = map(int, options.part.split("/"))
    sources = [p for p in sorted(pathlib.Path(options.folder).rglob("*.onnx")) if p.stat().st_size <= options.largest
               and p.with_suffix(".npz").exists() and all(word in str(p) for word in options.words)]
    for source in sources[part::parts]:
        data, feeds_there = source.read_bytes(), dict(numpy.load(source.with_suffix(".npz"), allow_pickle=True))
        for number in range(options.each):
            draw = random.Random(f"{options.seed} {source.stem} {number}")
            with tempfile.TemporaryDirectory() as scratch:
                folder, feeds = pathlib.Path(scratch), dict(feeds_there)
                path = folder / "model.onnx"
                if draw.random() < 0.15:
                    path.write_bytes(flipped(data, draw))
                    what = "bytes"
                else:
                    model = onnx.load_from_string(data)
                    what = draw.choice(KINDS)(model, feeds, draw)
                    if what is None:
                        continue
                    try:
                        path.write_bytes(model.SerializeToString())
                    except Exception:
                        continue
                got = rung_results(options.rung, path, feeds, folder)
                result, why = verdict(got, child(lambda: peer_results(path, feeds)))
                for command in ("inspect", "plan") if draw.random() < 0.2 else ():
                    bad = misbehaved(*told(options.rung, command, path))
                    result, why = ("failed", f"{command}: {bad}") if bad else (result, why)
                counts[result] += 1
                reasons[why.split(":")[0] if result != "failed" else "failed"] += 1
                if result == "failed" or options.v and why.startswith("only"):
                    print(result, f"{source.stem}#{number}", f"({what})", why, flush=True)
                if result == "failed" and options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, options.keep / f"{source.stem}-{number}.onnx")
                    numpy.savez(options.keep / f"{source.stem}-{number}.npz", **feeds)
    print(", ".join(f"{reason}: {count}" for reason, count in reasons.most_common()))
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(counts["failed"] > 0)


main()
