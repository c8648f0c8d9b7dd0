#!/usr/bin/env python3
"""Has ONNX Runtime's tools rewrite models in every way they know, and compares rung with ONNX Runtime on what they wrote.

usage: rewritten.py RUNG FOLDER [--keep FOLDER] [--ways WAY,...] [--largest BYTES] [--part K/N] [WORDS ...]
FOLDER holds NAME.onnx and NAME.npz, its inputs (exported.py --keep leaves such). Ways: what a session saves at a level of
optimization; the optimizer for transformers; float16; dynamic and static quantization of many kinds; MatMulNBits.
Counts the operators of com.microsoft that were met. The last line: N passed, N failed, N skipped.
"""
import argparse
import collections
import contextlib
import io
import logging
import pathlib
import signal
import sys
import tempfile
import warnings

import numpy
import onnx
import onnxruntime
import onnxruntime.quantization
from onnxruntime import GraphOptimizationLevel as Level

import peer

logging.disable(logging.CRITICAL)
onnxruntime.set_default_logger_severity(4)


LIMIT_S = 60  # a tool's search for what to fuse does not always end


class NotMade(Exception):
    pass


def give_up(number, frame):
    raise NotMade(f"the tool takes longer than {LIMIT_S} s")


def saved_at(level):
    def make(source, target, feeds):
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(target)
        options.graph_optimization_level = level
        options.log_severity_level = 4
        onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    return make


def transformer(kind, half=False, **switches):
    def make(source, target, feeds):
        from onnxruntime.transformers import optimizer
        from onnxruntime.transformers.fusion_options import FusionOptions
        options = FusionOptions(kind)
        for name, value in switches.items():
            setattr(options, name, value)
        model = optimizer.optimize_model(str(source), model_type=kind, num_heads=4, hidden_size=64, opt_level=0, optimization_options=options)
        if not any(node.domain == "com.microsoft" for node in model.model.graph.node):
            raise NotMade("nothing was fused")
        if half:
            model.convert_float_to_float16(keep_io_types=True)
        model.save_model_to_file(str(target))
    return make


def half(source, target, feeds):
    from onnxruntime.transformers.float16 import convert_float_to_float16
    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def dynamic(**switches):
    def make(source, target, feeds):
        from onnxruntime.quantization import quantize_dynamic
        quantize_dynamic(str(source), str(target), **switches)
        must_quantize(target)
    return make


class Reader:
    def __init__(self, feeds):
        self.left = [feeds]

    def get_next(self):
        return self.left.pop() if self.left else None


def static(form, activation, weight, **switches):
    def make(source, target, feeds):
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
        with tempfile.TemporaryDirectory() as folder:
            prepared = f"{folder}/prepared.onnx"
            try:
                quant_pre_process(str(source), prepared, skip_symbolic_shape=True)
            except Exception:
                prepared = str(source)
            quantize_static(prepared, str(target), Reader(feeds), quant_format=QuantFormat[form],
                            activation_type=QuantType[activation], weight_type=QuantType[weight], **switches)
        must_quantize(target)
    return make


def must_quantize(target):
    model = onnx.load(target, load_external_data=False)
    if not any("Quant" in n.op_type or "Integer" in n.op_type or n.op_type.startswith("QLinear") for n in model.graph.node):
        raise NotMade("nothing was quantized")


def nbits(bits, block, symmetric, accuracy, form="QOperator"):
    def make(source, target, feeds):
        from onnxruntime.quantization import QuantFormat
        from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
        config = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=symmetric, accuracy_level=accuracy, bits=bits, quant_format=QuantFormat[form],
                                              op_types_to_quantize=("MatMul", "Gather"))
        quantizer = MatMulNBitsQuantizer(onnx.load(source), algo_config=config)
        quantizer.process()
        if not any(n.op_type in ("MatMulNBits", "GatherBlockQuantized", "DequantizeLinear") for n in quantizer.model.model.graph.node):
            raise NotMade("nothing was quantized")
        quantizer.model.save_model_to_file(str(target))
    return make


WAYS = {
    "basic": saved_at(Level.ORT_ENABLE_BASIC), "extended": saved_at(Level.ORT_ENABLE_EXTENDED), "all": saved_at(Level.ORT_ENABLE_ALL),
    "bert": transformer("bert"), "bert-half": transformer("bert", half=True), "bert-approximate": transformer("bert", enable_gelu_approximation=True, use_multi_head_attention=True),
    "gpt2": transformer("gpt2"), "bart": transformer("bart"), "t5": transformer("t5"), "vit": transformer("vit"), "clip": transformer("clip"),
    "conformer": transformer("conformer"), "swin": transformer("swin"), "tnlr": transformer("tnlr"), "unet": transformer("unet"), "vae": transformer("vae"), "sam2": transformer("sam2"),
    "half": half,
    "dynamic": dynamic(), "dynamic-channel": dynamic(per_channel=True), "dynamic-reduced": dynamic(reduce_range=True),
    "dynamic-signed": dynamic(weight_type=onnxruntime.quantization.QuantType.QInt8),
    "qdq-u8s8": static("QDQ", "QUInt8", "QInt8"), "qdq-s8s8-channel": static("QDQ", "QInt8", "QInt8", per_channel=True), "qdq-u8u8": static("QDQ", "QUInt8", "QUInt8"),
    "qdq-16": static("QDQ", "QUInt16", "QInt8", extra_options={"UseQDQContribOps": True}), "qdq-symmetric": static("QDQ", "QInt8", "QInt8", extra_options={"ActivationSymmetric": True, "QuantizeBias": False}),
    "qdq-int4": static("QDQ", "QUInt8", "QInt4", per_channel=True),
    "qop-u8s8": static("QOperator", "QUInt8", "QInt8"), "qop-s8s8-channel": static("QOperator", "QInt8", "QInt8", per_channel=True), "qop-u8u8": static("QOperator", "QUInt8", "QUInt8"),
    "nbits-4": nbits(4, 32, True, None), "nbits-4-zeros": nbits(4, 16, False, 4), "nbits-8": nbits(8, 64, False, 4), "nbits-2": nbits(2, 32, False, 0), "nbits-4-qdq": nbits(4, 32, False, None, "QDQ"),
}
ROUNDS = ("half", "dynamic", "qdq", "qop", "nbits")  # ways after which a rounding that falls to the other side shows


# By ONNX's text every float16 operator rounds. ONNX Runtime has few such kernels: it stays in float32 from cast to cast.
NO_HALVES = "what stands between leaves float16, or needs more than its 11 bits"
KNOWN = {name: NO_HALVES for name in ("magika-model--half", "openwakeword-silero_vad--half", "onnx-asr-resample_11_16--half",
                                      "onnx-asr-resample_11_8--half", "onnx-asr-resample_22_16--half")}


def examine(rung, way, source, target, met):
    feeds = dict(numpy.load(source.with_suffix(".npz"), allow_pickle=True))
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            signal.alarm(LIMIT_S)
            WAYS[way](source, target, feeds)
    except (Exception, SystemExit) as error:
        return "skipped", f"not made: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    finally:
        signal.alarm(0)
    operators = collections.Counter(f"{node.domain}:{node.op_type}" for node in all_nodes(onnx.load(target, load_external_data=False).graph) if node.domain not in ("", "ai.onnx"))
    try:
        case = peer.Case(target, feeds=feeds)
    except Exception as error:
        return "skipped", f"ONNX Runtime: {' '.join(str(error).split())[:400]}"
    if any(name.startswith("com.microsoft.nchwc") for name in operators):
        return "skipped", "not made: layouts of this processor, which no other runtime is to load"
    met.update(operators)
    got = case.results(rung)
    if isinstance(got, str):
        return "failed", got
    if target.stem in KNOWN:
        return "skipped", KNOWN[target.stem]
    far = [peer.distance(a, b) for a, b in zip(got, case.outputs)]
    allowed = 0.05 if any(word in way for word in ROUNDS) else 1e-3
    if max(far, default=0) <= allowed or max(far) <= 3 * max(case.noise()):
        return "passed", ""
    return judged_by_original(source, feeds, case, got, far, allowed)


def judged_by_original(source, feeds, case, got, far, allowed):
    """Where roundings pile up, neither runtime is right: rung may be as far from the model that was rewritten as ONNX
    Runtime is."""
    truth = peer.Case(source, feeds=feeds).outputs
    ours, theirs = ([peer.distance(a, b) for a, b in zip(outputs, truth)] for outputs in (got, case.outputs))
    words = ", ".join(f"{d:.2g} (rung {a:.2g}, ONNX Runtime {b:.2g} from the original)" for d, a, b in zip(far, ours, theirs))
    if all(d <= allowed or a <= 2 * b for d, a, b in zip(far, ours, theirs)):
        return "passed", f"as near to the original: {words}"
    return "failed", f"distances {words}"


def all_nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from all_nodes(inner)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rung")
    parser.add_argument("folder")
    parser.add_argument("--keep")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--largest", type=int, default=60_000_000)
    parser.add_argument("--part", default="0/1")
    parser.add_argument("words", nargs="*")
    options = parser.parse_intermixed_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, give_up)
    counts, met = {"passed": 0, "failed": 0, "skipped": 0}, collections.Counter()
    part, parts = map(int, options.part.split("/"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(options.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for k, source in enumerate(sorted(pathlib.Path(options.folder).glob("*.onnx"))):
            if k % parts != part or not all(word in source.name for word in options.words) or source.stat().st_size > options.largest:
                continue
            if not source.with_suffix(".npz").exists():
                continue
            for way in options.ways.split(","):
                target = folder / f"{source.stem}--{way}.onnx"
                what, why = examine(options.rung, way, source, target, met)
                counts[what] += 1
                if why not in ("not made: NotMade: nothing was fused", "not made: NotMade: nothing was quantized"):
                    print(what, target.stem, why, flush=True)
                if what != "failed" or not options.keep:
                    target.unlink(missing_ok=True)
    print("met:", ", ".join(f"{name} {count}" for name, count in met.most_common()))
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(counts["failed"] > 0)


main()
