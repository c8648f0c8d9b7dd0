"""Where a peer differs from ONNX's text or rung chose otherwise: (peer, operators, when, reason).

`when` gets a Case: attributes, opset, operands, element types. What is listed is not compared with that peer.
"""
import numpy as np
from onnx import helper


class Case:
    def __init__(self, node, opset, feeds):
        self.node, self.opset = node, opset
        self.attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self.operands = [feeds.get(name) for name in node.input]
        self.types = [None if a is None else str(a.dtype) for a in self.operands]

    def text(self, name, default=""):
        found = self.attributes.get(name, default)
        return found.decode() if isinstance(found, bytes) else found

    def flat(self):
        """Next to no deviation along the axes."""
        axes = tuple(self.attributes.get("axes", [0, 2, 3]))
        return self.operands[0].std(axes).min() < 1e-3

    def leaps(self):
        """A stride larger than its window."""
        kernel = self.attributes["kernel_shape"]
        steps = zip(kernel, self.attributes.get("strides", [1] * len(kernel)), self.attributes.get("dilations", [1] * len(kernel)))
        return any((k - 1) * dilation + 1 < stride for k, stride, dilation in steps)

    def rank(self):
        return self.operands[0].ndim

    def has_nan(self):
        return any(a is not None and a.dtype.kind == "f" and np.isnan(a).any() for a in self.operands)

    def odd(self):
        """Infinities, NaN, or numbers so large or small that their squares are none."""
        return any(not ((np.abs(a[a != 0]) < 1e15) & (np.abs(a[a != 0]) > 1e-15)).all()
                   for a in self.operands if a is not None and a.dtype.kind == "f")

    def overflows_on_the_way(self):
        """ReduceProd: factors of one result that multiply, in some order, to more than the type holds; with small ones
        among them the result is then an infinity, a number or NaN, as the order will have it."""
        x = self.operands[0]
        if x is None or x.dtype.kind != "f" or not x.size:
            return False
        axes = self.attributes.get("axes", self.operands[1] if len(self.operands) > 1 else None)
        axes = None if axes is None or not len(axes) else tuple(int(a) for a in axes)
        with np.errstate(divide="ignore", invalid="ignore"):
            growth = np.maximum(np.nan_to_num(np.log2(np.abs(x.astype(np.float64)))), 0).sum(axes)
        return bool((growth >= np.finfo(x.dtype).maxexp - 1).any())

    def wraps(self):
        """A power of integers that the type does not hold."""
        base, exponent = (np.asarray(a, np.float64) for a in self.operands[:2])
        if self.operands[0].dtype.kind not in "iu" or not base.size or not exponent.size:
            return False
        with np.errstate(all="ignore"):
            return bool((np.abs(base) ** exponent > np.iinfo(self.operands[0].dtype).max).any())

    def divides_inexactly(self):
        """Sizes of which one has an output that lies exactly on an element, or half way between two, while its float32
        coordinate, index / (out / in), lies beside."""
        sizes = self.operands[3] if len(self.operands) > 3 else None
        if sizes is None or len(sizes) != self.rank():
            return False
        for old, new in zip(self.operands[0].shape, (int(n) for n in sizes)):
            index = np.arange(new)
            exact = index * old / max(new, 1)
            single = (index.astype(np.float32) / (np.float32(new) / np.float32(max(old, 1)))).astype(np.float64)
            if ((2 * index * old % max(new, 1) == 0) & (single != exact)).any():
                return True
        return False

    def huge(self):
        """Integers that floating point does not hold, or whose products wrap."""
        return any(a is not None and a.dtype.kind in "iu" and a.size and (abs(a.astype(np.float64)) > 2**30).any() for a in self.operands)

    def empty(self):
        return any(a is not None and a.size == 0 for a in self.operands)


ORT, REFERENCE = "onnxruntime", "onnx.reference"
SAME = ("SAME_UPPER", "SAME_LOWER")
SUMS = "MatMul Gemm Conv ConvTranspose Einsum BatchNormalization InstanceNormalization LayerNormalization LRN ReduceSum " \
       "ReduceMean ReduceL1 ReduceL2 ReduceSumSquare ReduceProd ReduceLogSum ReduceLogSumExp MeanVarianceNormalization LpPool AveragePool " \
       "GlobalAveragePool GlobalLpPool Resize Upsample CumSum CumProd Det Mean Sum GroupNormalization RMSNormalization Softmax " \
       "LogSoftmax Normalizer LinearRegressor LinearClassifier DynamicQuantizeLinear Scaler Loop DFT STFT GridSample"
PRODUCTS = "partial products leave the range of the type, or not, by their order"
always = lambda case: True  # noqa: E731

TABLE = [
    (ORT, "ReduceProd", Case.overflows_on_the_way, PRODUCTS),
    (REFERENCE, "ReduceProd", Case.overflows_on_the_way, PRODUCTS),
    (ORT, SUMS, Case.odd, "sums of infinities and of numbers that cancel depend on their order"),
    (REFERENCE, SUMS, Case.odd, "sums of infinities and of numbers that cancel depend on their order"),
    (ORT, "MaxPool GlobalMaxPool ReduceMax ReduceMin ArgMax ArgMin TopK Hardmax Unique MaxRoiPool Max Min", Case.has_nan,
     "it drops NaN, or not, by position; in rung NaN wins, as in numpy"),
    (ORT, "ScatterND ScatterElements", lambda c: c.has_nan() and c.text("reduction") in ("min", "max"),
     "NaN wins or not, by its place; in rung it wins, as in Min and Max"),
    (REFERENCE, "ScatterElements", lambda c: c.has_nan() and c.text("reduction") in ("min", "max"),
     "NaN wins or not, by its place; in rung it wins, as in Min and Max"),
    (ORT, "RoiAlign", lambda c: c.has_nan() and c.text("mode") == "max", "it drops NaN; in rung NaN wins"),
    (REFERENCE, "RoiAlign", Case.odd, "a place outside of the picture is 0 times an element"),
    (ORT, "DeformConv", Case.odd, "infinities reach outputs that do not read them"),
    (ORT, "Attention", lambda c: c.has_nan() and c.attributes.get("is_causal"),
     "NaN in a key that comes later counts; in rung such a key is not read"),
    (REFERENCE, "Attention", lambda c: c.has_nan() and c.attributes.get("is_causal"),
     "NaN in a key that comes later counts; in rung such a key is not read"),
    (REFERENCE, "Hardmax Unique MaxRoiPool GlobalMaxPool MaxPool TopK", Case.has_nan, "NaN has no place in its order"),
    (ORT, "Pow", Case.wraps, "integers through floating point; in rung they wrap"),
    (ORT, "Resize", Case.divides_inexactly, "coordinates through a rounded scale; in rung and onnx.reference exact ones stay exact"),
    (ORT, "ReduceSum Shrink Pow Mod", Case.huge, "large integers through floating point"),
    (ORT, "Clip", lambda c: c.odd() and (len(c.operands) < 3 or None in c.types), "a limit that is left out is the largest finite number; in ONNX's function there is none"),
    (REFERENCE, "ConvTranspose", lambda c: c.attributes.get("group", 1) > 1, "the bias is not added"),
    (REFERENCE, "Shrink", Case.huge, "integers through floating point wrap; in rung they saturate"),
    (ORT, "ReduceProd", lambda c: c.types[0] in ("int32", "int64"), "integers through floating point; in rung they wrap"),
    (REFERENCE, "LogSoftmax", lambda c: c.operands[0].size and np.ptp(c.operands[0]) > (15 if c.types[0] == "float16" else 80), "log(exp(x)) underflows"),
    (REFERENCE, "Resize", lambda c: c.text("coordinate_transformation_mode") == "pytorch_half_pixel",
     "a length of 1 takes the place -0.5; in ONNX's text 0"),
    (REFERENCE, "ArgMax ArgMin", lambda c: c.has_nan() and c.attributes.get("select_last_index"), "NaN does not win from behind"),
    (REFERENCE, "ReduceSum ReduceMean", lambda c: c.types[0] == "float16", "float16 inside"),
    (ORT, "Softplus", lambda c: c.types[0] == "float16" and (c.operands[0] > 10).any(), "it overflows"),
    (ORT, "MaxPool GlobalMaxPool", Case.odd, "it begins at the lowest finite number"),
    (ORT, "MatMul", Case.empty, "a sum of no products is not 0"),
    (ORT, "MaxRoiPool", Case.odd, "it begins at the lowest finite number"),
    (ORT, "TreeEnsembleClassifier TreeEnsembleRegressor", Case.has_nan, "NaN takes the true branch of BRANCH_NEQ; ONNX: of nodes_missing_value_tracks_true only"),
    (ORT, "Sign", Case.has_nan, "NaN is 0 in float16"),
    (ORT, "InstanceNormalization", lambda c: c.operands[0].size == np.prod(c.operands[0].shape[:2]), "planes of one element lose digits"),
    (ORT, "Resize", lambda c: c.text("mode", "nearest") == "nearest" and c.text("coordinate_transformation_mode") != "asymmetric",
     "coordinates in float32 fall beside whole numbers"),
    (ORT, "Resize", lambda c: c.types[0] not in ("float32", "float64", "float16") and c.text("mode") != "nearest", "integers are cut off; rung and onnx.reference round"),
    (ORT, "Gather", lambda c: c.types[0] == "object", "texts are lost in 1.31"),
    (REFERENCE, "Resize", lambda c: c.types[0] == "uint8", "ties of rounded coordinates"),
    (REFERENCE, "Resize", lambda c: c.text("coordinate_transformation_mode") == "half_pixel_symmetric", "its offset differs from ONNX's formula"),
    (REFERENCE, "Resize", lambda c: c.attributes.get("antialias") and c.rank() > 4, "five dimensions with antialias are others"),
    (REFERENCE, "HannWindow HammingWindow BlackmanWindow", lambda c: c.operands[0] < 2, "0 / 0 in a window of one; rung gives 1"),
    (REFERENCE, "MeanVarianceNormalization", always, "E[x^2] - E[x]^2 loses digits"),
    (REFERENCE, "Attention", lambda c: c.types[0] == "float64", "float64 with factors rounded to float32"),
    (REFERENCE, "FlexAttention", lambda c: c.types[0] == "float64" and c.attributes.get("scale") not in (0.0625, 0.25, 1),
     "float64 with the root of the scale rounded to float32"),
    (ORT, "MeanVarianceNormalization", Case.flat, "it adds no epsilon to the deviation, as ONNX's function does"),
    (ORT, "Attention Shrink HardSwish", lambda c: c.types[0] == "float64", "float64 with factors rounded to float32"),
    (REFERENCE, "Gelu HardSwish", lambda c: c.types[0] == "float64", "float64 with factors rounded to float32"),
    (ORT, "StringSplit", lambda c: "" in c.operands[0], "an empty text with a delimiter has no part; in ONNX's cases it has one"),
    (ORT, "Slice", lambda c: (c.operands[2] >= 2**31 - 1).any(), "2^31 - 1 is the end in either direction; ONNX clamps it"),
    (ORT, "HannWindow HammingWindow BlackmanWindow", lambda c: c.operands[0] < 2, "0 / 0 in a window of one; rung gives 1"),
    (ORT, "Resize", lambda c: c.text("coordinate_transformation_mode") == "align_corners",
     "lengths from scales are rounded down first; ONNX's cases keep the fraction"),
    (ORT, "LpPool AveragePool MaxPool", lambda c: c.text("auto_pad") in SAME and c.leaps(), "padding below zero shifts the window; rung pads nothing"),
    (ORT, "ReduceL1 ReduceL2 ReduceProd ReduceMean ReduceSumSquare", Case.huge, "integers through floating point; in rung they wrap"),
    (REFERENCE, "ReduceL1 ReduceL2 ReduceProd ReduceMean ReduceSumSquare", lambda c: c.types[0] in ("int32", "int64"),
     "integers of another width, or through floating point"),
    (ORT, "QuantizeLinear DynamicQuantizeLinear", Case.odd, "infinities become any integer; in rung they saturate"),
    (REFERENCE, "QuantizeLinear", Case.odd, "infinities become any integer; in rung they saturate"),
    (REFERENCE, "DynamicQuantizeLinear", lambda c: not c.operands[0].any(), "zeros alone have the scale 1 / 255; in rung and ONNX Runtime 1"),
    (REFERENCE, "Loop", always, "scan outputs are joined, not stacked"),
    (REFERENCE, "StringNormalizer", always, "accents are dropped"),
    (REFERENCE, "Optional OptionalGetElement", always, "a tensor loses or gains an axis"),
    (REFERENCE, "GlobalMaxPool", always, "the rank changes"),
    (REFERENCE, "MaxPool", lambda c: len(c.node.output) > 1, "indices count within a channel"),
    (REFERENCE, "Conv ConvInteger AveragePool MaxPool LpPool ConvTranspose", lambda c: c.text("auto_pad", "NOTSET") != "NOTSET",
     "shapes and places of auto_pad are others"),
    (REFERENCE, "LpPool MaxPool AveragePool", lambda c: c.attributes.get("ceil_mode") or "dilations" in c.attributes, "ceil_mode and dilations are others"),
    (REFERENCE, "QLinearConv", always, "shapes are others, float64 inside"),
    (REFERENCE, "Shape", always, "limits below -rank count from the end"),
    (REFERENCE, "Slice", lambda c: len(c.operands) > 4, "numpy's slices: a start before the axis is not clamped to its first place"),
    (REFERENCE, "Attention", lambda c: c.attributes.get("is_causal"), "a row of a boolean mask that is not masked gives NaN"),
    (REFERENCE, "Normalizer", lambda c: c.text("norm", "MAX") == "MAX", "the largest, not the largest absolute number"),
    (REFERENCE, "LRN", always, "windows at the borders are others"),
    (REFERENCE, "TreeEnsembleRegressor", lambda c: c.text("aggregate_function") in ("MIN", "MAX"), "targets without a leaf are not 0"),
    (REFERENCE, "LSTM GRU RNN", always, "no clip, no direction, no activations"),
    (REFERENCE, "Gather GatherElements GatherND", Case.empty, "shapes without elements"),
    (REFERENCE, "LayerNormalization", lambda c: c.types[0] == "float16", "float16 inside; stash_type says float32"),
    (REFERENCE, "Unique", lambda c: "axis" in c.attributes, "an axis is another"),
    (REFERENCE, "AffineGrid", lambda c: c.types[0] == "float64", "the result is float32"),
    (REFERENCE, "BatchNormalization", always, "epsilon of old opsets is not read"),
    (REFERENCE, "TensorScatter", always, "batches are mixed"),
    (REFERENCE, "Softplus", always, "it overflows"),
    (REFERENCE, "PRelu", Case.odd, "0 counts as negative"),
    (REFERENCE, "OneHot", Case.odd, "values go through a product"),
    (REFERENCE, "GridSample", lambda c: c.text("mode") in ("cubic", "bicubic"), "borders of axes of one element"),
]


def of(peer, step, opset, feeds):
    """The reason why this step is not compared with this peer, or None."""
    for node in step.nodes:
        case = Case(node, opset, feeds)
        for known_peer, operators, when, reason in TABLE:
            if known_peer == peer and node.op_type in operators.split() and when(case):
                return reason
    return None
