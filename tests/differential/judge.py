"""Peers that run one step, and the comparison of their results with rung's."""
import warnings

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

try:
    import onnxruntime
    onnxruntime.set_default_logger_severity(4)
except ImportError:
    onnxruntime = None

# Absolute and relative tolerance per element type; all others are exact.
TOLERANCE = {"float64": (1e-9, 1e-7), "float32": (1e-5, 1e-4), "float16": (2.5e-3, 2e-3), "bfloat16": (2e-2, 1e-2)}


class Refused(Exception):
    """A peer does not run the step."""


def onnx_runtime(model_bytes, feeds):
    try:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])
        return session.run(None, feeds)
    except Exception as error:
        raise Refused(str(error)) from None


def onnx_reference(model_bytes, feeds):
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return ReferenceEvaluator(onnx.load_from_string(model_bytes)).run(None, feeds)
    except Exception as error:
        raise Refused(f"{type(error).__name__}: {error}") from None


def difference(got, want):
    """None, or what differs between an array of rung's and a peer's."""
    want = np.asarray(want)
    if got.dtype != want.dtype and not (got.dtype == object and want.dtype.kind in "OUS"):
        return f"type {got.dtype}, not {want.dtype}"
    if got.shape != want.shape:
        return f"shape {list(got.shape)}, not {list(want.shape)}"
    if got.size == 0:
        return None
    if got.dtype == object:
        differ = np.array([text(a) != text(b) for a, b in zip(got.ravel(), want.ravel())])
    elif str(got.dtype) in TOLERANCE:
        differ = ~close(got.astype(np.float64).ravel(), want.astype(np.float64).ravel(), *TOLERANCE[str(got.dtype)])
    else:
        differ = (got != want).ravel()
    if not differ.any():
        return None
    at = int(np.argmax(differ))
    return f"{int(differ.sum())} of {got.size} elements, first {at}: {got.ravel()[at]!r}, not {want.ravel()[at]!r}"


def close(got, want, absolute, relative):
    """Rounding errors of sums are relative to what was summed: the largest number stands for it."""
    with np.errstate(all="ignore"):
        finite = np.isfinite(want)
        largest = np.abs(want[finite]).max() if finite.any() else 0
        near = np.abs(got - want) <= absolute * max(1, min(largest, 1e4)) + relative * np.abs(want)
    return np.where(finite & np.isfinite(got), near, (got == want) | (np.isnan(got) & np.isnan(want)))


def text(entry):
    return entry.decode() if isinstance(entry, bytes) else str(entry)


def differences(got, want):
    found = [(k, difference(np.asarray(g), w)) for k, (g, w) in enumerate(zip(got, want))]
    return [f"output {k}: {words}" for k, words in found if words]
