#!/usr/bin/env python3
"""Exports networks of torchvision, timm and transformers (random weights), and compares rung with ONNX Runtime.

usage: exported.py RUNG [--keep FOLDER] [--exporter script|dynamo|both] [--part K/N] [WORDS ...]
Opsets change from model to model: 11 to 17 through TorchScript, 18 to 23 through torch.export. WORDS choose by parts of names;
--keep leaves the models there; --part takes every Nth. Needs torch, onnxscript and what is to be exported; what is not
there, or what the exporter does not manage, is skipped. The last line counts: N passed, N failed, N skipped.
"""
import argparse
import contextlib
import io
import logging
import os
import pathlib
import sys
import tempfile
import warnings

try:
    import numpy
    import torch
except ImportError as missing:
    print(f"skipped: {missing}", "0 passed, 0 failed, 1 skipped", sep="\n")
    sys.exit(0)

import architectures
import peer

SCRIPT_OPSETS = [14, 17, 16, 15, 13, 18, 12, 11]
DYNAMO_OPSETS = [18, 20, 21, 19, 22, 23]


@contextlib.contextmanager
def silence():
    """The exporter prints whole graphs, not through Python's streams."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def export(make, path, dynamo, opset):
    torch.manual_seed(0)
    module, inputs = make()
    module = module.eval()
    with silence(), torch.no_grad():
        if dynamo:
            torch.onnx.export(module, inputs, str(path), dynamo=True, opset_version=opset, verbose=False, external_data=False)
        else:
            names = [f"x{k}" for k in range(len(inputs))]
            axes = {n: {0: "batch"} for n, t in zip(names, inputs) if t.dim() > 1 and t.shape[0] == 1}
            torch.onnx.export(module, inputs, str(path), dynamo=False, opset_version=opset, input_names=names, dynamic_axes=axes)
    return inputs


def examine(rung, make, path, dynamo, opset):
    """(what, why)"""
    try:
        try:
            inputs = export(make, path, dynamo, opset)
        except torch.onnx.errors.UnsupportedOperatorError:
            inputs = export(make, path, dynamo, 20)
    except Exception as error:
        return "skipped", f"not exported: {type(error).__name__}: {' '.join(str(error).split())[:140]}"
    try:
        case = peer.Case(path, feeds=in_order(path, inputs))
    except Exception as error:
        return "skipped", f"ONNX Runtime: {' '.join(str(error).split())[:140]}"
    numpy.savez(path.with_suffix(".npz"), **case.feeds)
    words = case.difference(rung)
    if words and "differs" in words and max(case.noise()) > 1e-3:
        return "skipped", "ONNX Runtime's own results change when the inputs move by a millionth"
    return ("failed", words) if words else ("passed", "")


def in_order(path, inputs):
    import onnx
    model = onnx.load(path, load_external_data=False)
    return {slot.name: value.numpy() for slot, value in zip(model.graph.input, inputs)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rung")
    parser.add_argument("--keep")
    parser.add_argument("--exporter", default="both")
    parser.add_argument("--part", default="0/1")
    parser.add_argument("words", nargs="*")
    options = parser.parse_intermixed_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)
    exporters = ["script", "dynamo"] if options.exporter == "both" else [options.exporter]
    part, parts = map(int, options.part.split("/"))
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(options.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for k, (name, make) in enumerate(architectures.ALL.items()):
            if k % parts != part or not all(word in name for word in options.words):
                continue
            for exporter in exporters:
                opsets = DYNAMO_OPSETS if exporter == "dynamo" else SCRIPT_OPSETS
                opset = opsets[k % len(opsets)]
                path = folder / f"{name.replace('/', '-')}-{exporter}-{opset}.onnx"
                what, why = examine(options.rung, make, path, exporter == "dynamo", opset)
                counts[what] += 1
                print(what, path.stem, why, flush=True)
                if not options.keep:
                    path.unlink(missing_ok=True)
                    path.with_suffix(".npz").unlink(missing_ok=True)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(counts["failed"] > 0)


main()
