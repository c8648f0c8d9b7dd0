"""A case: one model of one operator, its inputs, and what ONNX Runtime makes of them.

Written in the layout of the ONNX backend tests: NAME/model.onnx, NAME/test_data_set_0/{input,output}_<i>.pb.
"""
import pathlib
import zlib

import ml_dtypes
import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

MS = "com.microsoft"
IR_VERSION = 10
PACKED = {"int4": TensorProto.INT4, "uint4": TensorProto.UINT4, "int2": 26, "uint2": 25}
NARROW = (numpy.float16, ml_dtypes.bfloat16)


class Random:
    """Small tensors that are the same for a seed and a name, and compress well: multiples of a power of two."""

    def __init__(self, name, seed):
        self.rng = numpy.random.default_rng([seed, zlib.crc32(name.encode())])

    def floats(self, *shape, dtype=numpy.float32, low=-4.0, high=4.0, step=1 / 32):
        count = round((high - low) / step)
        return (low + step * self.rng.integers(0, count + 1, shape)).astype(dtype)

    def ints(self, *shape, dtype=numpy.uint8, low=None, high=None):
        limits = numpy.iinfo(dtype)
        low = limits.min if low is None else low
        high = limits.max if high is None else high
        return self.rng.integers(low, high, shape, dtype=dtype, endpoint=True)

    def bools(self, *shape):
        return self.rng.integers(0, 2, shape).astype(bool)

    def permutation(self, count):
        return self.rng.permutation(count)


class Case:
    """inputs: arrays, or None where left out. constants: numbers of inputs that the model holds. outputs: how many, or
    a list of flags (wanted or not). reference: the expected outputs, where ONNX Runtime has no kernel for the CPU; or
    a function of the inputs. through: a type in which ONNX Runtime computes what it has no kernel for in the inputs'
    own. fixed: dimensions of inputs are in the model; else they are names, and show only in the run. hostile: it must end in an error."""

    def __init__(self, name, op, inputs, attributes=None, outputs=1, constants=(), domain=MS, opset=21,
                 reference=None, through=None, fixed=True, output_types=None, hostile=False):
        self.name, self.op, self.domain, self.opset = name, op, domain, opset
        self.inputs = [None if x is None else numpy.asarray(x) for x in inputs]
        while self.inputs and self.inputs[-1] is None:
            self.inputs.pop()
        self.attributes = attributes or {}
        self.outputs = [True] * outputs if isinstance(outputs, int) else list(outputs)
        self.constants, self.reference, self.through, self.fixed = set(constants), reference, through, fixed
        self.hostile = hostile
        self.output_types = output_types or [None] * len(self.outputs)

    def _type(self, i, array):
        return helper.np_dtype_to_tensor_dtype(array.dtype)

    def model(self, inputs):
        names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
        wanted = [f"y{i}" if w else "" for i, w in enumerate(self.outputs)]
        node = helper.make_node(self.op, names, wanted, domain=self.domain, **self.attributes)
        values, initializers = [], []
        for i, x in enumerate(inputs):
            if x is None:
                continue
            if i in self.constants:
                tensor = numpy_helper.from_array(x, names[i])
                initializers.append(tensor)
                continue
            shape = x.shape if self.fixed else [f"d{i}_{k}" for k in range(x.ndim)]
            values.append(helper.make_tensor_value_info(names[i], self._type(i, x), shape))
        results = [onnx.ValueInfoProto(name=w) if t is None else helper.make_tensor_value_info(w, t, None)
                   for w, t in zip(wanted, self.output_types) if w]
        graph = helper.make_graph([node], self.name, values, results, initializers)
        imports = [helper.make_opsetid("", self.opset)]
        if self.domain:
            imports.append(helper.make_opsetid(self.domain, 1))
        return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)

    def feed(self, inputs):
        return {f"x{i}": x for i, x in enumerate(inputs) if x is not None and i not in self.constants}

    def expected(self):
        if self.reference is not None:
            results = self.reference(*self.inputs) if callable(self.reference) else self.reference
            return list(results) if isinstance(results, (list, tuple)) else [results]
        inputs, back = self.inputs, None
        if self.through is not None:
            back = next(x.dtype for x in inputs if x is not None and x.dtype.kind in "fV" and x.dtype != self.through)
            inputs = [x.astype(self.through) if x is not None and x.dtype == back else x for x in inputs]
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.intra_op_num_threads = 1  # some results depend on it
        session = onnxruntime.InferenceSession(self.model(inputs).SerializeToString(), options,
                                               providers=["CPUExecutionProvider"])
        results = session.run(None, self.feed(inputs))
        return [r.astype(back) if back is not None and r.dtype == self.through else r for r in results]

    def write(self, folder):
        folder = pathlib.Path(folder) / self.name
        data = folder / "test_data_set_0"
        data.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(self.model(self.inputs).SerializeToString())
        for k, x in enumerate(self.feed(self.inputs).values()):
            (data / f"input_{k}.pb").write_bytes(numpy_helper.from_array(x).SerializeToString())
        for k, y in enumerate([] if self.hostile else self.expected()):
            (data / f"output_{k}.pb").write_bytes(numpy_helper.from_array(numpy.asarray(y)).SerializeToString())
