#!/usr/bin/env python3
"""Makes the seeds of fuzz_model, fuzz_value and fuzz_elf in tests/fuzz/corpus; needs the packages onnx and numpy.

Each is small and together they hold every message and field that src/model reads, so that a fuzzer starts with all of
them, and so that tests/model/test_model_hostile.c can cut and flip each. They are checked in: building needs no Python.
"""
import pathlib
import struct

import numpy as np
import onnx
from onnx import AttributeProto, SparseTensorProto, TensorProto, helper, numpy_helper

corpus = pathlib.Path(__file__).parent / "corpus"
kinds = {"tensor": 1, "sequence": 2, "map": 3, "optional": 4, "sparse": 5}  # rung_kind


def write_model(name, nodes, inputs=(), outputs=(), initializers=(), functions=(), sparse=(), ir_version=10, **graph):
    body = helper.make_graph(nodes, "main", inputs, outputs, initializers, sparse_initializer=sparse, **graph)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]
    model = helper.make_model(body, opset_imports=opsets, functions=functions, ir_version=ir_version,
                              producer_name="make_seeds", doc_string="doc")
    helper.set_model_props(model, {"key": "value"})
    path = corpus / "fuzz_model" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def write_value(name, kind, message):
    path = corpus / "fuzz_value" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes([kinds[kind]]) + message.SerializeToString(deterministic=True))


def sparse_tensor(name="s"):
    values = helper.make_tensor(name, TensorProto.FLOAT, [2], [1.0, 2.0])
    return helper.make_sparse_tensor(values, helper.make_tensor("i", TensorProto.INT64, [2], [0, 5]), [2, 3])


def typed_tensors():
    """One for each field that can hold elements."""
    make = helper.make_tensor
    yield make("float_data", TensorProto.FLOAT, [2], [1, 2])
    yield make("float_complex", TensorProto.COMPLEX64, [1], [1 + 2j])
    yield make("double_data", TensorProto.DOUBLE, [1], [3])
    yield make("int32_data", TensorProto.INT32, [3], [-1, 0, 300])
    yield make("int32_bool", TensorProto.BOOL, [2], [True, False])
    yield make("int32_half", TensorProto.FLOAT16, [2], [1.0, -2.0])
    yield make("int32_int4", TensorProto.INT4, [3], [1, -2, 3])
    yield make("int64_data", TensorProto.INT64, [2], [-1, 1 << 40])
    yield make("uint64_data", TensorProto.UINT64, [1], [1 << 63])
    yield make("uint64_32", TensorProto.UINT32, [1], [7])
    yield make("string_data", TensorProto.STRING, [2], [b"", b"text"])
    yield make("raw_data", TensorProto.BFLOAT16, [1], b"\x80\x3f", raw=True)
    yield make("empty", TensorProto.FLOAT, [0, 3], [])
    external = TensorProto(name="external", data_type=TensorProto.FLOAT, dims=[2], data_location=1)
    for key, value in (("location", "data"), ("offset", "4"), ("length", "8")):
        external.external_data.add(key=key, value=value)
    yield external


def models():
    info = helper.make_tensor_value_info
    x, y = info("x", TensorProto.FLOAT, ["n", 3, None]), info("y", TensorProto.FLOAT, None)
    write_model("node", [helper.make_node("Relu", ["x", "", "w"], ["y"], name="r", overload="o", domain="local")],
                [x], [y], [helper.make_tensor("w", TensorProto.FLOAT, [1], [1])], value_info=[x])

    tensor = helper.make_tensor("t", TensorProto.FLOAT, [1], [1])
    attributes = [
        helper.make_attribute("f", 1.0), helper.make_attribute("i", -1), helper.make_attribute("s", "text"),
        helper.make_attribute("t", tensor), helper.make_attribute("fs", [1.0, 2.0]),
        helper.make_attribute("is", [1, -1]), helper.make_attribute("ss", ["a", "b"]),
        helper.make_attribute("ts", [tensor]), helper.make_attribute("sp", sparse_tensor()),
        helper.make_attribute("sps", [sparse_tensor()]), helper.make_attribute("tp", x.type),
        helper.make_attribute("tps", [x.type, y.type]),
        AttributeProto(name="old", i=3),
    ]
    node = helper.make_node("Op", [], ["y"])
    node.attribute.extend(attributes)
    write_model("attributes", [node])

    def body(depth):
        inner = [helper.make_node("If", ["c"], ["z"], then_branch=body(depth - 1))] if depth else []
        return helper.make_graph(inner, "body", [], [info("z", TensorProto.FLOAT, None)])
    node = helper.make_node("If", ["c"], ["y"], then_branch=body(2), else_branch=body(0))
    node.attribute.append(helper.make_attribute("gs", [body(0), body(1)]))
    write_model("bodies", [node])

    reference = AttributeProto(name="alpha", type=AttributeProto.FLOAT, ref_attr_name="a")
    node = helper.make_node("LeakyRelu", ["p"], ["q"])
    node.attribute.append(reference)
    function = helper.make_function("local", "F", ["p"], ["q"], [node], [helper.make_opsetid("", 20)], ["a"],
                                    [helper.make_attribute("d", 2.0)], overload="v", value_info=[x])
    write_model("functions", [helper.make_node("F", ["x"], ["y"], domain="local", a=0.5)], functions=[function])

    for tensor in typed_tensors():
        write_model(tensor.name, [], initializers=[tensor])
    write_model("sparse", [], sparse=[sparse_tensor()])

    deep = helper.make_optional_type_proto(helper.make_map_type_proto(TensorProto.STRING,
                                                                      helper.make_sequence_type_proto(x.type)))
    write_model("types", [], [helper.make_value_info("x", deep)],
                [helper.make_sparse_tensor_value_info("y", TensorProto.FLOAT, [2, "n"])], ir_version=3)


def values():
    for tensor in typed_tensors():
        if tensor.name != "external":
            write_value("tensor_" + tensor.name, "tensor", tensor)
    write_value("sparse", "sparse", sparse_tensor())
    two = numpy_helper.from_list([np.float32(1), np.float32(2)])
    write_value("sequence", "sequence", two)
    write_value("sequence_empty", "sequence", onnx.SequenceProto(elem_type=onnx.SequenceProto.TENSOR))
    write_value("sequence_sequences", "sequence",
                onnx.SequenceProto(elem_type=onnx.SequenceProto.SEQUENCE, sequence_values=[two, two]))
    write_value("sequence_sparse", "sequence",
                onnx.SequenceProto(elem_type=onnx.SequenceProto.SPARSE_TENSOR, sparse_tensor_values=[sparse_tensor()]))
    numbers = numpy_helper.from_dict({1: np.int64(5), 2: np.int64(6)})
    write_value("map_numbers", "map", numbers)
    write_value("map_strings", "map",
                onnx.MapProto(key_type=TensorProto.STRING, string_keys=[b"a", b"b"], values=two))
    write_value("sequence_maps", "sequence",
                onnx.SequenceProto(elem_type=onnx.SequenceProto.MAP, map_values=[numbers]))
    full = onnx.OptionalProto(elem_type=onnx.OptionalProto.SEQUENCE, sequence_value=two)
    write_value("optional", "optional", full)
    write_value("optional_empty", "optional", onnx.OptionalProto(elem_type=onnx.OptionalProto.TENSOR))
    write_value("sequence_optionals", "sequence",
                onnx.SequenceProto(elem_type=onnx.SequenceProto.OPTIONAL, optional_values=[full]))


def library(needed, runpath):
    """A shared library for x86-64 without code: header, two segments, dynamic section, strings."""
    texts, entries = b"\0", []
    for tag, text in [(14, "libx.so.1"), (29, runpath)] + [(1, name) for name in needed]:
        entries.append((tag, len(texts)))
        texts += text.encode() + b"\0"
    at = 176 + 16 * (len(entries) + 3)
    entries += [(5, at), (10, len(texts)), (0, 0)]
    header = struct.pack("<4sBBB9xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    segments = [(1, 0, at + len(texts)), (2, 176, at - 176)]
    return (header + b"".join(struct.pack("<IIQQQQQQ", kind, 4, start, start, start, size, size, 8)
                              for kind, start, size in segments)
            + b"".join(struct.pack("<QQ", *entry) for entry in entries) + texts)


def libraries():
    folder = corpus / "fuzz_elf"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "library").write_bytes(library(["liba.so.1", "libb.so.2"], "$ORIGIN"))
    (folder / "alone").write_bytes(library([], ""))


models()
values()
libraries()
