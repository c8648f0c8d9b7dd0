"""What the generator table is written with: a graph under construction, and how to draw operands for one more step.

A step is one or a few nodes that read values which are there already. Every value of the graph is known while it is
built, so that shapes that depend on data need no rule, and a step can be run again alone, on the very same operands.
"""
import random

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper

FLOATS = ["float32", "float64", "float16"]
INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
NUMBERS = FLOATS + INTS
ANY = NUMBERS + ["bool", "string"]
WEIGHT = {"float32": 12, "int64": 4, "int32": 3, "float64": 2, "float16": 2}  # others 1

TABLE = {}  # operator name: (first opset, last opset, function)


def operator(*names, since=11, until=99):
    """Registers a drawing function under the names of the operators whose steps it makes."""
    def register(function):
        for name in names:
            TABLE.setdefault(name, []).append((since, until, function))
        return function
    return register


class Step:
    def __init__(self, nodes, inputs, outputs):
        self.nodes, self.inputs, self.outputs = nodes, inputs, outputs  # names of values


class Draw:
    def __init__(self, seed, opset, special=0.08):
        self.random, self.numpy = random.Random(seed), np.random.default_rng(seed)
        self.opset, self.steps, self.values, self.sources, self.calm = opset, [], {}, set(), []
        self.special = self.random.random() < special  # infinities, NaN, extremes among the operands
        self.name = None  # of the operator that is drawn

    # Small decisions

    def flip(self, chance=0.5):
        return self.random.random() < chance

    def one(self, *choices):
        return self.random.choice(choices)

    def number(self, low, high):
        return self.random.randint(low, high)

    def real(self, low, high):
        return float(np.float32(self.random.uniform(low, high)))

    def dtype(self, dtypes):
        return self.random.choices(dtypes, [WEIGHT.get(d, 1) for d in dtypes])[0]

    def size(self):
        return self.random.choice([1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 9, 17]) if self.flip(0.985) else 0

    def shape(self, low=0, high=4, least=0):
        while True:
            rank = self.number(low, high)
            shape = [max(least, self.size()) for _ in range(rank)]
            if np.prod(shape, dtype=np.int64) <= 3000:
                return shape

    # Arrays and values

    def array(self, dtype, shape, low=None, high=None):
        """Random elements; `low`, `high` bound numbers."""
        shape = tuple(shape)
        if dtype == "string":
            words = ["", "a", "b", "Rung", "rung ", "a b", "x,y", "éß", "1", "-2.5"]
            return self.numpy.choice(np.array(words, object), shape).astype(object).reshape(shape)
        if dtype == "bool":
            return self.numpy.random(shape) < 0.5
        if dtype.startswith(("int", "uint")):
            low = (0 if dtype[0] == "u" else -5) if low is None else low
            made = self.numpy.integers(low, 6 if high is None else high + 1, shape, np.int64)
            made = np.asarray(made).astype(dtype)
            if self.special and high is None:
                info = np.iinfo(dtype)
                made = np.where(self.numpy.random(shape) < 0.1, self.numpy.choice([info.min, info.max], shape), made)
            return made.astype(dtype)
        made = self.numpy.uniform(-3 if low is None else low, 3 if high is None else high, shape)
        if low is None and self.flip(0.2):
            made = np.round(made)
        if self.special and high is None:
            odd = self.numpy.choice([np.inf, -np.inf, np.nan, -0.0, 0.0, 1e30, 1e-30], shape)
            with np.errstate(all="ignore"):
                made = np.where(self.numpy.random(shape) < 0.1, odd, made)
        with np.errstate(all="ignore"):
            return np.asarray(made).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)

    def value(self, array, fixed=None):
        """A new operand: an initializer (fixed) or an input of the graph."""
        name = f"v{len(self.values)}"
        self.values[name] = array if isinstance(array, np.ndarray) else np.asarray(array)
        if not (self.flip(0.4) if fixed is None else fixed):
            self.sources.add(name)
        return name

    def ints(self, *numbers, dtype=np.int64):
        """A list of indices, sizes or axes: mostly an initializer."""
        return self.value(np.array(numbers, dtype), self.flip(0.8))

    def scalar(self, number, dtype=np.int64):
        return self.value(np.array(number, dtype), self.flip(0.8))

    def pick(self, dtypes, low=0, high=5, where=None):
        """A value that is there and fits, or a new one of `low` to `high` dimensions."""
        dtypes = [dtypes] if isinstance(dtypes, str) else dtypes
        fits = [n for n in self.calm[-12:] if str(self.values[n].dtype) in dtypes and low <= self.values[n].ndim <= high
                and (where is None or where(self.values[n].shape))]
        if fits and self.flip(0.75):
            return self.random.choice(fits)
        while True:
            shape = self.shape(low, min(high, 4) if high > 4 and self.flip(0.8) else high)
            if where is None or where(tuple(shape)):
                return self.value(self.array(self.dtype(dtypes), shape))

    def like(self, name, shape=None, **bounds):
        """A value of the element type of another."""
        array = self.values[name]
        return self.value(self.array(self.type_of(name), array.shape if shape is None else shape, **bounds))

    def partner(self, name):
        """Another operand for a broadcast with this one."""
        array = self.values[name]
        fits = [n for n in self.calm[-12:] if self.values[n].dtype == array.dtype and self.broadcasts(n, name)]
        if fits and self.flip(0.5):
            return self.random.choice(fits)
        shape = [1 if self.flip(0.3) else d for d in array.shape]
        if self.flip(0.3):
            shape = shape[self.number(0, len(shape)):]
        elif self.flip(0.1) and array.size < 500:
            shape = [self.size() or 1] + shape
        return self.like(name, shape)

    def broadcasts(self, a, b):
        try:
            return np.prod(np.broadcast_shapes(self.shape_of(a), self.shape_of(b)), dtype=np.int64) <= 4000
        except ValueError:
            return False

    def shape_of(self, name):
        return self.values[name].shape

    def rank(self, name):
        return self.values[name].ndim

    def type_of(self, name):
        dtype = self.values[name].dtype
        return "string" if dtype == object else str(dtype)

    def axis(self, name, extra=0):
        rank = self.values[name].ndim + extra
        return self.number(-rank, rank - 1)

    def axes(self, name, least=0):
        """Different axes, some of them negative."""
        rank = self.values[name].ndim
        chosen = self.random.sample(range(rank), self.number(min(least, rank), rank))
        return [a - rank if self.flip(0.3) else a for a in chosen]

    # Steps

    def inner(self, what):
        """A name for a value inside of a step."""
        return f"{what}{len(self.values)}"

    def node(self, name, inputs, outputs=1, domain="", **attributes):
        """A step of one node."""
        names = [f"v{len(self.values)}_{k}" for k in range(outputs)] if isinstance(outputs, int) else outputs
        attributes = {k: v for k, v in attributes.items() if v is not None}
        while inputs and not inputs[-1]:
            inputs = inputs[:-1]
        made = helper.make_node(name, inputs, names, domain=domain, **attributes)
        return Step([made], list(dict.fromkeys(i for i in inputs if i)), [n for n in names if n])


def tensor_type(array):
    return TensorProto.STRING if array.dtype == object else helper.np_dtype_to_tensor_dtype(array.dtype)


def model(nodes, feeds, initializers, outputs, opset):
    """A ModelProto; `feeds` and `initializers` are dictionaries of arrays."""
    from onnx import numpy_helper
    inputs = [helper.make_tensor_value_info(n, tensor_type(a), a.shape) for n, a in feeds.items()]
    made = [numpy_helper.from_array(a, n) for n, a in initializers.items()]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_empty_tensor_value_info(n) for n in outputs], made)
    domains = {n.domain for n in nodes}
    opsets = [helper.make_opsetid("", opset)]
    for domain, version in (("ai.onnx.ml", 3), ("ai.onnx.preview", 1)):
        if domain in domains:
            opsets.append(helper.make_opsetid(domain, version))
    return helper.make_model(graph, opset_imports=opsets, ir_version=min(10, helper.find_min_ir_version_for(opsets, True)))
