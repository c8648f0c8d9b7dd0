"""Operators that work element by element, reductions, and what goes along one axis."""
import numpy as np
from draw import ANY, FLOATS, INTS, NUMBERS, operator


@operator("Abs", "Neg", "Sign")
def signed(d):
    dtypes = NUMBERS if d.name != "Neg" else FLOATS + ["int8", "int16", "int32", "int64"]
    return d.node(d.name, [d.pick(dtypes)])


@operator("Acos", "Asin", "Atanh")
def unit_interval(d):
    return d.node(d.name, [d.value(d.array(d.dtype(FLOATS), d.shape(), -1, 1))])


@operator("Acosh", "Asinh", "Atan", "Cos", "Cosh", "Erf", "Exp", "Log", "Reciprocal", "Sin", "Sinh", "Softsign", "Sqrt",
          "Tan", "Tanh", "Sigmoid", "Softplus", "Ceil", "Floor", "Round", "IsNaN", "HardSwish")
def plain(d):
    if d.name == "HardSwish" and d.opset < 14:
        return None
    return d.node(d.name, [d.pick(FLOATS)])


@operator("Relu", "Exp", "Sigmoid", "Tanh", "Floor", since=7, until=10)
def plain_of_old(d):
    return d.node(d.name, [d.pick(FLOATS)])


@operator("Add", "Sub", "Mul", "Div", since=7, until=10)
def binary_of_old(d):
    x = d.pick(FLOATS)
    return d.node(d.name, [x, d.partner(x)])


@operator("Mish", since=18)
def mish(d):
    return d.node("Mish", [d.pick(FLOATS)])


@operator("Gelu", since=20)
def gelu(d):
    return d.node("Gelu", [d.pick(FLOATS)], approximate=d.one(None, "none", "tanh"))


@operator("Swish", since=24)
def swish(d):
    return d.node("Swish", [d.pick(FLOATS)], alpha=d.one(None, d.real(0.2, 2)))


@operator("Elu", "LeakyRelu", "Celu", "ThresholdedRelu")
def with_alpha(d):
    if d.name == "Celu" and d.opset < 12:
        return None
    dtypes = ["float32"] if d.name == "Celu" else FLOATS
    return d.node(d.name, [d.pick(dtypes)], alpha=d.one(None, d.real(0.05, 2)))


@operator("Selu")
def selu(d):
    return d.node("Selu", [d.pick(FLOATS)], alpha=d.one(None, d.real(0.5, 2)), gamma=d.one(None, d.real(0.5, 2)))


@operator("HardSigmoid")
def hard_sigmoid(d):
    return d.node(d.name, [d.pick(FLOATS)], alpha=d.one(None, d.real(0.1, 1)), beta=d.one(None, d.real(0, 1)))


@operator("Relu")
def relu(d):
    return d.node("Relu", [d.pick(FLOATS + (["int8", "int16", "int32", "int64"] if d.opset >= 14 else []))])


@operator("Shrink")
def shrink(d):
    return d.node("Shrink", [d.pick(NUMBERS)], lambd=d.one(None, d.real(0, 2)), bias=d.one(None, d.real(-1, 1)))


@operator("IsInf")
def is_inf(d):
    return d.node("IsInf", [d.pick(FLOATS if d.opset >= 20 else ["float32", "float64"])],
                  detect_negative=d.one(None, 0, 1), detect_positive=d.one(None, 0, 1))


@operator("Clip")
def clip(d):
    x = d.pick(NUMBERS if d.opset >= 12 else FLOATS)
    low = d.like(x, [], low=0, high=2) if d.flip(0.7) else ""
    high = d.like(x, [], low=1, high=4) if d.flip(0.7) else ""
    return d.node("Clip", [x, low, high])


@operator("Add", "Sub", "Mul", "Div")
def arithmetic(d):
    x = d.pick(NUMBERS if d.opset >= 14 else FLOATS + ["int32", "int64", "uint32", "uint64"])
    y = d.partner(x)
    if d.name == "Div" and d.type_of(x) in INTS:
        y = d.like(x, [1 if d.flip(0.3) else s for s in d.shape_of(x)], low=1, high=7)
    return d.node(d.name, [x, y] if d.flip() or d.name == "Div" else [y, x])


@operator("Pow")
def power(d):
    x = d.pick(["float32", "float64", "int32", "int64", "float16"])
    exponent = d.dtype(["float32", "int32", "int64"]) if d.flip(0.3) and d.opset >= 12 else d.type_of(x)
    shape = d.one([], list(d.shape_of(x)))
    if d.type_of(x) in INTS:
        exponent = d.one("int64", d.type_of(x))
    if d.flip(0.4):
        return d.node("Pow", [x, d.value(np.full(shape, d.one(0, 1, 2, 3), exponent))])
    return d.node("Pow", [x, d.value(d.array(exponent, shape, 0, 3))])


@operator("Mod")
def mod(d):
    x = d.pick(FLOATS + INTS)
    fmod = 1 if d.type_of(x) in FLOATS else d.one(None, 0, 1)
    y = d.value(d.array(d.type_of(x), [1 if d.flip(0.3) else s for s in d.shape_of(x)], 1, 4))
    return d.node("Mod", [x, y], fmod=fmod)


@operator("PRelu")
def prelu(d):
    x = d.pick(FLOATS + ["int32", "int64"])
    return d.node("PRelu", [x, d.like(x, [1 if d.flip(0.5) else s for s in d.shape_of(x)])])


@operator("Max", "Min", "Sum", "Mean")
def variadic(d):
    x = d.pick(NUMBERS if d.name in ("Max", "Min") and d.opset >= 12 else FLOATS)
    inputs = [x] + [d.partner(x) for _ in range(d.number(0, 3))]
    try:
        np.broadcast_shapes(*[d.shape_of(i) for i in inputs])
    except ValueError:
        inputs = inputs[:2]
    return d.node(d.name, inputs)


@operator("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual")
def compare(d):
    if "Or" in d.name and d.opset < 12:
        return None
    dtypes = NUMBERS + (["bool"] if d.name == "Equal" else []) + (["string"] if d.name == "Equal" and d.opset >= 19 else [])
    x = d.pick(dtypes)
    return d.node(d.name, [x, d.partner(x)])


@operator("And", "Or", "Xor")
def logical(d):
    x = d.pick("bool")
    return d.node(d.name, [x, d.partner(x)])


@operator("Not")
def logical_not(d):
    return d.node("Not", [d.pick("bool")])


@operator("BitwiseAnd", "BitwiseOr", "BitwiseXor", since=18)
def bitwise(d):
    x = d.pick(INTS)
    return d.node(d.name, [x, d.partner(x)])


@operator("BitwiseNot", since=18)
def bitwise_not(d):
    return d.node("BitwiseNot", [d.pick(INTS)])


@operator("BitShift")
def bit_shift(d):
    x = d.pick(["uint8", "uint16", "uint32", "uint64"])
    return d.node("BitShift", [x, d.like(x, low=0, high=7)], direction=d.one("LEFT", "RIGHT"))


@operator("Where")
def where(d):
    x = d.pick(ANY, 0, 4)
    y = d.partner(x)
    shape = [1 if d.flip(0.3) else s for s in np.broadcast_shapes(d.shape_of(x), d.shape_of(y))]
    return d.node("Where", [d.value(d.array("bool", shape)), x, y])


@operator("Cast")
def cast(d):
    x = d.pick(NUMBERS + ["bool"], where=None)
    to = d.dtype(NUMBERS + ["bool"])
    if d.type_of(x) in FLOATS and to in INTS:
        x = d.value(d.array(d.type_of(x), d.shape(), 0, 100))  # out of range is undefined
    from draw import tensor_type
    return d.node("Cast", [x], to=tensor_type(np.zeros(0, to)))


@operator("CastLike", since=15)
def cast_like(d):
    return d.node("CastLike", [d.value(d.array(d.dtype(FLOATS), d.shape(), 0, 9)), d.pick(NUMBERS)])


@operator("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
          "ReduceSum", "ReduceSumSquare")
def reduce(d):
    x = d.pick(["float32", "float64", "int32", "int64", "float16"], where=lambda s: 0 not in s)
    if "Log" in d.name:
        x = d.value(d.array(d.dtype(["float32", "float64"]), d.shape(1, 4, 1), 0.1, 3))
    keep, axes = d.one(None, 0, 1), d.axes(x) if d.flip(0.8) else None
    if d.opset >= (13 if d.name == "ReduceSum" else 18):
        noop = d.one(None, 0, 1)
        return d.node(d.name, [x, d.ints(*axes) if axes is not None else ""], keepdims=keep, noop_with_empty_axes=noop)
    return d.node(d.name, [x], keepdims=keep, axes=axes or None)


@operator("ArgMax", "ArgMin")
def arg_reduce(d):
    x = d.pick(["float32", "float64", "int32", "int8", "uint8", "int64", "float16"], 1, 5, lambda s: 0 not in s)
    last = d.one(None, 0, 1) if d.opset >= 12 else None
    return d.node(d.name, [x], axis=d.axis(x), keepdims=d.one(None, 0, 1), select_last_index=last)


@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax(d):
    x = d.pick(FLOATS if d.name != "Hardmax" else ["float32", "float64"], 1, 5)
    return d.node(d.name, [x], axis=d.one(None, d.axis(x)))


@operator("CumSum", "CumProd")
def cumulative(d):
    if d.name == "CumProd" and d.opset < 26:
        return None
    x = d.pick(["float32", "float64", "int32", "int64"], 1, 4)
    return d.node(d.name, [x, d.scalar(d.axis(x), d.one(np.int32, np.int64))], exclusive=d.one(None, 0, 1),
                  reverse=d.one(None, 0, 1))


@operator("TopK")
def top_k(d):
    x = d.pick(["float32", "float64", "int32", "int64"], 1, 4, lambda s: 0 not in s)
    axis = d.axis(x)
    k = d.number(0, d.shape_of(x)[axis])
    return d.node("TopK", [x, d.ints(k)], 2, axis=axis, largest=d.one(None, 0, 1), sorted=1)


@operator("LpNormalization")
def lp_normalization(d):
    x = d.value(d.array(d.dtype(["float32", "float64"]), d.shape(1, 4, 1), 0.1, 3))
    return d.node(d.name, [x], axis=d.axis(x), p=d.one(1, 2))


@operator("Trilu", since=14)
def trilu(d):
    x = d.pick(NUMBERS + ["bool"], 2, 5)
    return d.node("Trilu", [x, d.scalar(d.number(-4, 4)) if d.flip() else ""], upper=d.one(None, 0, 1))


@operator("QuantizeLinear", "DequantizeLinear")
def quantize(d):
    per_axis, quantized = d.flip(0.4), d.dtype(["int8", "uint8"] if d.opset < 21 else ["int8", "uint8", "int16", "uint16"])
    x = d.pick("float32", 1, 4, lambda s: 0 not in s)
    if d.name == "DequantizeLinear":
        x = d.value(d.array(quantized, d.shape(1, 4, 1), 0, 100))
    axis = d.axis(x) if per_axis and d.opset >= 13 else None
    shape = [d.shape_of(x)[axis]] if axis is not None else []
    scale, zero = d.value(d.array("float32", shape, 0.05, 1), True), d.value(d.array(quantized, shape, 0, 20), True)
    return d.node(d.name, [x, scale, zero], axis=axis)


@operator("DynamicQuantizeLinear")
def dynamic_quantize(d):
    return d.node(d.name, [d.pick("float32", 1, 4, lambda s: 0 not in s)], 3)
