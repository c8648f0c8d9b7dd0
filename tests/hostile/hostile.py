#!/usr/bin/env python3
"""Hostile operands: valid steps of every operator, each spoilt in one place, as inputs of a run and as constants.

usage: hostile.py LIBRUNG [--steps N] [--seed N] [--only OPERATOR ...] [--every N] [--roomy]
The steps are those of the differential test's table. What is spoilt: integers (indices, axes, sizes) at their limits and
around those of 32 and 64 bits, NaN, infinities and huge numbers, ranks, empty tensors, attributes, lists of the wrong
length, names of inputs left out, outputs too many. Every operator is a process of its own with 4 GB of addresses
(--roomy: no such limit, for builds with sanitizers). rung may compute or refuse; it must not die, fail inside, need more
than a gigabyte, or run on after its deadline.
The last line counts spoilt steps: N passed, N failed, N skipped.
"""
import argparse
import copy
import mmap
import os
import pathlib
import random
import resource
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "differential"))
try:
    import numpy as np
    import onnx
except ImportError as missing:
    print(f"SKIPPED: hostile operands need Python's onnx and numpy: {missing}\n0 passed, 0 failed, 1 skipped")
    sys.exit(77)
import shrink
import table_elementwise, table_network, table_other, table_shape  # noqa: F401,E401 (they fill the table)
from draw import TABLE, Draw, model
from rung_library import Error, Library

OPSETS = [8, 9, 13, 17, 18, 20, 21, 23, 26, 27]
LIMITS = [0, 1, -1, 2, 255, 2**31 - 1, 2**31, -2**31, 2**32, 2**32 + 1, 2**62, 2**63 - 1, -2**63]
REALS = [0.0, -1.0, 1e-40, 1e38, -1e38, float("nan"), float("inf"), float("-inf")]
DEADLINE, HANGS, MEGABYTES = 1, 20, 1024  # seconds of a run; of anything; of the whole process


def fitting(dtype):
    info = np.iinfo(dtype)
    return [n for n in LIMITS if info.min <= n <= info.max] + [info.min, info.max]


def spoilt_operand(array):
    """(what, changed array)"""
    if array.dtype.kind in "iu" and array.size:
        for number in fitting(array.dtype):
            changed = array.copy()
            changed.flat[random.randrange(array.size)] = number
            yield f"one {number}", changed
            yield f"all {number}", np.full_like(array, number)
        yield "mixed limits", np.resize(np.array(fitting(array.dtype), array.dtype), array.shape)
    if array.dtype.kind == "f" and array.size:
        with np.errstate(all="ignore"):
            for number in REALS:
                yield f"all {number}", np.full_like(array, number)
            yield "mixed reals", np.resize(np.array(REALS, array.dtype), array.shape)
    if array.dtype == object and array.size:
        yield "long text", np.full_like(array, "x" * 70000)
        yield "odd text", np.full_like(array, "\u00e9\U0001f600((((*[")
    yield "flat", array.ravel()
    yield "one more dimension", array[None]
    yield "eight more dimensions", array[(None,) * 8]
    yield "scalar", array.ravel()[0] if array.size else np.zeros((), array.dtype)
    yield "nothing", array.ravel()[:0]
    for axis in range(array.ndim):
        yield f"axis {axis} empty", array.take([], axis)
        yield f"axis {axis} twice", np.concatenate([array, array], axis)
    yield "transposed", array.T.copy()


def spoilt_attribute(attribute):
    kind = onnx.AttributeProto
    if attribute.type == kind.INT:
        for number in LIMITS:
            yield f"{number}", lambda a, n=number: setattr(a, "i", n)
    elif attribute.type == kind.FLOAT:
        for number in REALS:
            yield f"{number}", lambda a, n=number: setattr(a, "f", n)
    elif attribute.type == kind.STRING:
        for text in (b"", b"?", b"x" * 5000, b"...,ij->k", b"((((", b"\xff\xfe"):
            yield f"{text[:9]}", lambda a, t=text: setattr(a, "s", t)
    for name, numbers in (("ints", LIMITS), ("floats", REALS)):
        if attribute.type == getattr(kind, name.upper()):
            for number in numbers:
                yield f"one {number}", lambda a, n=number, name=name: getattr(a, name).__setitem__(random.randrange(len(getattr(a, name))), n)
                yield f"all {number}", lambda a, n=number, name=name: getattr(a, name).__setitem__(slice(None), [n] * len(getattr(a, name)))
            yield "shorter", lambda a, name=name: getattr(a, name).pop()
            yield "longer", lambda a, name=name: getattr(a, name).append(1)
            yield "very long", lambda a, name=name: getattr(a, name).extend([1] * 100)
            yield "empty", lambda a, name=name: getattr(a, name).__delitem__(slice(None))


def spoilt(step, feeds):
    """(words, step, operands), each with one change."""
    yield "as it is", step, feeds
    for name, array in feeds.items():
        for what, changed in spoilt_operand(array):
            yield f"{name}: {what}", step, {**feeds, name: np.asarray(changed)}
    for n, node in enumerate(step.nodes):
        for k, attribute in enumerate(node.attribute):
            for what, change in spoilt_attribute(attribute):
                other = copy.deepcopy(step)
                change(other.nodes[n].attribute[k])
                yield f"{attribute.name}: {what}", other, feeds
            other = copy.deepcopy(step)
            del other.nodes[n].attribute[k]
            yield f"without {attribute.name}", other, feeds
        for k in range(len(node.input)):
            other = copy.deepcopy(step)
            other.nodes[n].input[k] = ""
            yield f"input {k} left out", other, feeds
            other = copy.deepcopy(step)
            other.nodes[n].input[k] = node.input[0]
            yield f"input {k} is input 0", other, feeds
        other = copy.deepcopy(step)
        other.nodes[n].output.append("more")
        yield "one more output", other, feeds


def run(library, step, feeds, opset, fixed):
    """None, or what is wrong with rung's answer."""
    used = {i for n in step.nodes for i in n.input}
    given = {n: a for n, a in feeds.items() if not fixed}
    constant = {n: a for n, a in feeds.items() if fixed and n in used}
    data = model(step.nodes, given, constant, step.outputs, opset).SerializeToString()
    try:
        session = library.session(data, max_bytes=256 << 20, max_loop_trips=100000)
        try:
            session.run(given, DEADLINE * 10**9)
        finally:
            session.close()
    except Error as error:
        return str(error) if error.code == "INTERNAL" else None
    except ValueError as error:  # no element, and another dimension that numpy does not hold
        if "array is too big" not in str(error):
            raise
    return None


def test_operator(arguments, name, note):
    """All of one operator; prints failures, returns (passed, failed)."""
    library, passed, failed, most = Library(arguments.library), 0, 0, MEGABYTES
    opsets = [o for o in OPSETS if any(since <= o <= until for since, until, _ in TABLE[name])]
    for number in range(arguments.steps * 4):
        random.seed(arguments.seed + number)
        draw = Draw(arguments.seed + number, random.choice(opsets), 0)
        draw.name = name
        makers = [f for since, until, f in TABLE[name] if since <= draw.opset <= until]
        step = makers and draw.random.choice(makers)(draw)
        if not step:
            continue
        feeds = {n: draw.values[n] for n in step.inputs}
        for index, (words, other, operands) in enumerate(spoilt(step, feeds)):
            if index % arguments.every:
                continue
            for fixed in (False, True):
                text = f"{words}, {'constants' if fixed else 'inputs'}, opset {draw.opset}: {shrink.attributes(other)[:700]} " \
                       f"{[(n, str(a.dtype), a.shape) for n, a in operands.items()]}"
                note[:] = f"{time.monotonic():20.3f}{text}".encode(errors="replace")[:len(note)].ljust(len(note))
                wrong = run(library, other, operands, draw.opset, fixed)
                if not arguments.roomy and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > most << 10:
                    wrong, most = f"more than {most} MB are used", most * 2
                if wrong:
                    print(f"FAILED {name}, {text}: {wrong}", flush=True)
                passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
        if number + 1 >= arguments.steps and passed:
            break
    return passed, failed


def watch(child, note):
    """The child's wait status, or None when it had to be stopped for taking too long."""
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        began = float(bytes(note[:20]) or b"0")
        if began and time.monotonic() - began > HANGS:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.005)


def in_child(arguments, name, note, result):
    if not arguments.roomy:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    passed, failed = test_operator(arguments, name, note)
    result[:] = f"{passed:20d}{failed:20d}".encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--steps", type=int, default=2, help="valid steps per operator that are spoilt")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--every", type=int, default=1, help="only each n-th change")
    parser.add_argument("--roomy", action="store_true")
    arguments = parser.parse_args()
    passed = failed = 0
    for name in arguments.only or sorted(TABLE):
        note, result = mmap.mmap(-1, 4096), mmap.mmap(-1, 40)
        note[:] = b"0".rjust(20).ljust(4096)
        child = os.fork()
        if child == 0:
            try:
                in_child(arguments, name, note, result)
                os._exit(0)
            except BaseException as error:  # of the test itself
                print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
                os._exit(1)
        status = watch(child, note)
        if status == 0:
            passed, failed = passed + int(result[:20]), failed + int(result[20:40])
        else:
            how = "runs on" if status is None else f"ended with status {status}"
            print(f"FAILED {name} {how}: {bytes(note[20:]).decode(errors='replace').strip()}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
