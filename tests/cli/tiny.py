"""Small ONNX models and values, written by hand: the tests need no package."""
import struct

FLOAT, UINT8, INT64, STRING, BOOL, BFLOAT16 = 1, 2, 7, 8, 9, 16


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    data = value if isinstance(value, bytes) else value.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(dims, values, dtype=FLOAT, name=""):
    """TensorProto with raw data; strings have a field of their own."""
    out = b"".join(number(1, d) for d in dims) + number(2, dtype) + (text(8, name) if name else b"")
    if dtype == STRING:
        return out + b"".join(text(6, v) for v in values)
    return out + text(9, struct.pack("<%d%s" % (len(values), {FLOAT: "f", INT64: "q", UINT8: "B", BOOL: "B"}[dtype]), *values))


def info(name, dtype, dims):
    """ValueInfoProto; a str is a symbolic dimension, None one without a name."""
    shape = b""
    for dim in dims:
        one = b"" if dim is None else text(2, dim) if isinstance(dim, str) else number(1, dim)
        shape += text(1, one)
    return text(1, name) + text(2, text(1, number(1, dtype) + text(2, shape)))


def sequence_info(name, dtype):
    return text(1, name) + text(2, text(4, text(1, text(1, number(1, dtype)))))


def attribute(name, value):
    if isinstance(value, int):
        kind, field = 2, number(3, value)  # INT
    else:
        kind, field = (3, text(4, value)) if isinstance(value, str) else (5, text(6, value))  # STRING, GRAPH
    return text(1, name) + field + number(20, kind)


def node(op, inputs, outputs, name="", domain="", **attributes):
    out = b"".join(text(1, i) for i in inputs) + b"".join(text(2, o) for o in outputs)
    out += text(3, name or op.lower()) + text(4, op) + (text(7, domain) if domain else b"")
    return out + b"".join(text(5, attribute(k, v)) for k, v in attributes.items())


def graph(nodes, inputs, outputs, initializers=()):
    return (b"".join(text(1, n) for n in nodes) + text(2, "main") + b"".join(text(5, t) for t in initializers)
            + b"".join(text(11, i) for i in inputs) + b"".join(text(12, o) for o in outputs))


def model(nodes, inputs, outputs, initializers=(), opset=21, metadata=(), domains=()):
    out = number(1, 10) + text(2, "tiny") + text(7, graph(nodes, inputs, outputs, initializers)) + text(8, number(2, opset))
    for domain in domains:
        out += text(8, text(1, domain) + number(2, 1))
    return out + b"".join(text(14, text(1, k) + text(2, v)) for k, v in metadata)


def one(op, dtype, dims, out_dtype=None, **attributes):
    """A model of one node, from x to y."""
    return model([node(op, ["x"], ["y"], **attributes)], [info("x", dtype, dims)], [info("y", out_dtype or dtype, dims)])


def endless(trips=1 << 50):
    """Counts up in a loop: for deadlines and progress."""
    body = graph([node("Add", ["sum_in", "one"], ["sum_out"]), node("Identity", ["go"], ["go_out"])],
                 [info("i", INT64, []), info("go", BOOL, []), info("sum_in", FLOAT, [])],
                 [info("go_out", BOOL, []), info("sum_out", FLOAT, [])], [tensor([], [1.0], name="one")])
    return model([node("Loop", ["trips", "", "x"], ["y"], body=body)],
                 [info("x", FLOAT, [])], [info("y", FLOAT, [])], [tensor([], [trips], INT64, name="trips")])
