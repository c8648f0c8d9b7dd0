"""Runs a model with rung and with ONNX Runtime on the same inputs, and says what differs.

Inputs are random, and the same every time. A form says what an input is: "1x512" a shape, "1=1600" is filled with 1600,
"=3" a scalar, "1x8<100" whole numbers below 100 (5 else). Inputs without a form have the model's shape.
"""
import pathlib
import re
import subprocess
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

TYPES = {"float": "float32", "float16": "float16", "double": "float64", "int64": "int64", "int32": "int32", "bool": "bool",
         "uint8": "uint8", "int8": "int8", "int16": "int16", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64"}


class Case:
    """A model, its inputs, and what ONNX Runtime makes of them with one thread."""

    def __init__(self, model, forms=None, feeds=None, level=onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL):
        self.model = pathlib.Path(model)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.graph_optimization_level = level
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        random = numpy.random.default_rng(0)
        forms = forms or {}
        self.feeds = feeds or {slot.name: value_for(slot, forms.get(slot.name), random) for slot in self.session.get_inputs()}
        self.feeds = {slot.name: self.feeds[slot.name] for slot in self.session.get_inputs()}
        self.outputs = self.session.run(None, self.feeds)

    def write(self, folder):
        for kind, slots, values in (("input", self.session.get_inputs(), self.feeds.values()),
                                    ("output", self.session.get_outputs(), self.outputs)):
            for i, (slot, value) in enumerate(zip(slots, values)):
                (pathlib.Path(folder) / f"{kind}_{i}.pb").write_bytes(serialized(slot, value))

    def results(self, rung, limit_s=300):
        """rung's outputs, or the words of its error."""
        with tempfile.TemporaryDirectory() as folder:
            self.write(folder)
            command = [rung, "run", str(self.model), "--data", folder, "--quiet", "--output", f"{folder}/got", "--format", "pb"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit_s)
            except subprocess.TimeoutExpired:
                return f"still running after {limit_s} s"
            if done.returncode:
                return (done.stderr.strip().splitlines() or [f"no word, exit status {done.returncode}"])[-1]
            return [tensor_of(pathlib.Path(folder) / "got" / f"output_{k}.pb") for k in range(len(self.outputs))]

    def noise(self):
        """How far ONNX Runtime's outputs move when the floats among the inputs move by a millionth: one figure an output."""
        moved = {name: value * value.dtype.type(1 + 1e-6) if value.dtype in (numpy.float32, numpy.float64) else value
                 for name, value in self.feeds.items()}
        return [distance(got, want) for got, want in zip(self.session.run(None, moved), self.outputs)]

    def difference(self, rung, rtol=2e-3, atol=5e-4, limit_s=300):
        """What differs in rung; "" when nothing does."""
        with tempfile.TemporaryDirectory() as folder:
            self.write(folder)
            command = [rung, "run", str(self.model), "--data", folder, "--check", "--quiet", "--rtol", str(rtol), "--atol", str(atol)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit_s)
            except subprocess.TimeoutExpired:
                return f"still running after {limit_s} s"
        return (done.stderr.strip().splitlines() or [f"no word, exit status {done.returncode}"])[-1] if done.returncode else ""


def distance(got, want):
    """The root of the mean square of what differs, relative to that of `want`; for whole numbers and words the share that
    differs; infinite where shapes differ or only one is NaN."""
    got, want = numpy.asarray(got), numpy.asarray(want)
    if got.shape != want.shape:
        return float("inf")
    if not got.size:
        return 0.0
    if want.dtype.kind not in "fV":
        words = want.dtype.kind in "OUS"
        return float(numpy.mean([str(a) != str(b) for a, b in zip(got.ravel(), want.ravel())] if words else got != want))
    got, want = got.astype(numpy.float64), want.astype(numpy.float64)
    same = (got == want) | (numpy.isnan(got) & numpy.isnan(want))
    if not numpy.isfinite(got[~same]).all() or not numpy.isfinite(want[~same]).all():
        return float("inf")
    if same.all():
        return 0.0
    size = numpy.sqrt(numpy.mean(want[numpy.isfinite(want)] ** 2))
    return float(numpy.sqrt(numpy.sum((got - want)[~same] ** 2) / got.size) / (size + 1e-4))  # 1e-4: next to nothing


def tensor_of(path):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def value_for(slot, form, random):
    shape_text, _, constant = (form or "").partition("=")
    shape_text, _, below = shape_text.partition("<")
    dims = [int(d) for d in shape_text.split("x") if d] if form is not None else slot.shape
    if slot.type == "tensor(string)":
        return numpy.full(dims, constant or "a word", object)
    dtype = TYPES[re.fullmatch(r"tensor\((\w+)\)", slot.type)[1]]
    if constant:
        return numpy.full(dims, float(constant)).astype(dtype)
    if numpy.issubdtype(dtype, numpy.floating):
        return random.standard_normal(dims).astype(dtype)
    return random.integers(0, int(below or (2 if dtype == "bool" else 5)), dims).astype(dtype)


def serialized(slot, value):
    """Tensors as TensorProto; sequences, of maps too, as SequenceProto."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            raise TypeError("a sequence of maps has no file form")
        return numpy_helper.from_list(value, slot.name).SerializeToString()
    return numpy_helper.from_array(numpy.asarray(value), slot.name).SerializeToString()
