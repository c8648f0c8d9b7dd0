"""com.microsoft: operators on quantised numbers."""
import numpy
from case import Case

U8, I8, F32 = numpy.uint8, numpy.int8, numpy.float32
KINDS = (("u8", U8), ("i8", I8))


def quantization(r, dtype, least=0.01, most=0.08):
    """A scale, and a zero point near the middle."""
    middle = 128 if dtype == U8 else 0
    return [F32(r.rng.uniform(least, most)), dtype(middle + int(r.rng.integers(-9, 10)))]


def without(name, op, inputs, *zeros, **more):
    """A case where zero points are left out, which ONNX Runtime's schema allows and its kernels do not: as if 0."""
    full = [x if i not in zeros else next(v for v in inputs if v is not None).dtype.type(0) for i, x in enumerate(inputs)]
    return Case(name, op, [None if i in zeros else x for i, x in enumerate(full)],
                reference=Case("full", op, full, **{k: v for k, v in more.items() if k != "fixed"}).expected(), **more)


def elementwise(random):
    for op, name in (("QLinearAdd", "add"), ("QLinearMul", "mul")):
        for kind, dtype in KINDS:
            r = random(f"{name}_{kind}")
            a, b, c = (quantization(r, dtype) for _ in range(3))
            x, y = r.ints(2, 3, 17, dtype=dtype), r.ints(2, 3, 17, dtype=dtype)
            c[0] *= 3
            yield Case(f"{name}_{kind}", op, [x, *a, y, *b, *c])
            yield Case(f"{name}_broadcast_{kind}", op, [x, *a, y[0, :, :1], *b, *c], fixed=False)
            yield Case(f"{name}_scalar_{kind}", op, [y[0, 0, 0], *b, x, *a, *c], constants=[0, 1, 2])
            yield Case(f"{name}_outer_{kind}", op, [x[:, :1], *a, y[:1], *b, *c])
            yield without(f"{name}_no_zero_{kind}", op, [x, a[0], 0, y, b[0], 0, c[0], 0], 2, 5, 7)

    for op, name, attributes in (("QLinearSigmoid", "sigmoid", {}), ("QLinearLeakyRelu", "leaky", {}),
                                 ("QLinearLeakyRelu", "leaky_alpha", {"alpha": 0.3})):
        for kind, dtype in KINDS:
            r = random(f"{name}_{kind}")
            x, a = r.ints(3, 40, dtype=dtype), quantization(r, dtype)
            c = [F32(1 / 256), dtype(0 if dtype == U8 else -128)] if op == "QLinearSigmoid" else quantization(r, dtype)
            yield Case(f"{name}_{kind}", op, [x, *a, *c], attributes)
            yield Case(f"{name}_constants_{kind}", op, [x, *a, *c], attributes, constants=[1, 2, 3, 4])
            yield without(f"{name}_no_zero_{kind}", op, [x, a[0], 0, c[0], 0], 2, 4, attributes=attributes, fixed=False)

    for kind, dtype in KINDS:
        r = random(f"where_{kind}")
        a, b, c = (quantization(r, dtype) for _ in range(3))
        condition, x, y = r.bools(3, 4, 5), r.ints(3, 4, 5, dtype=dtype), r.ints(3, 4, 5, dtype=dtype)
        yield Case(f"where_{kind}", "QLinearWhere", [condition, x, *a, y, *b, *c])
        yield Case(f"where_constants_{kind}", "QLinearWhere", [condition, x, *a, y, *b, *c], constants=[2, 3, 5, 6, 7, 8])
        yield Case(f"where_broadcast_{kind}", "QLinearWhere", [condition[:, :1], x[0], *a, y[0, 0, 0], *b, *c], fixed=False)

        r = random(f"concat_{kind}")
        parts = [r.ints(2, n, 5, dtype=dtype) for n in (3, 1, 4)]
        operands = [v for part in parts for v in (part, *quantization(r, dtype))]
        c = quantization(r, dtype)
        yield Case(f"concat_{kind}", "QLinearConcat", [*c, *operands], {"axis": 1})
        yield Case(f"concat_constants_{kind}", "QLinearConcat", [*c, *operands], {"axis": -2},
                   constants=[0, 1, 3, 4, 6, 7, 9, 10], fixed=False)
        yield Case(f"concat_same_{kind}", "QLinearConcat", [*c, parts[0], *c, parts[2], *c], {"axis": 1})
        yield Case(f"concat_last_{kind}", "QLinearConcat", [*c, *operands[:3], parts[0], *c], {"axis": 2})


def pools(random):
    for kind, dtype in KINDS:
        r = random(f"pool_{kind}")
        a, c = quantization(r, dtype), quantization(r, dtype)
        for last in (0, 1):
            x = r.ints(*((2, 7, 6, 3) if last else (2, 3, 7, 6)), dtype=dtype)
            name = f"{kind}_{'last' if last else 'first'}"
            layout = {"channels_last": last}
            yield Case(f"average_{name}", "QLinearAveragePool", [x, *a, *c], layout | {"kernel_shape": [2, 3]})
            for include in (0, 1):
                yield Case(f"average_pads_{include}_{name}", "QLinearAveragePool", [x, *a, *c],
                           layout | {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2],
                                     "count_include_pad": include}, fixed=False)
            yield Case(f"average_same_{name}", "QLinearAveragePool", [x, *a, *c],
                       layout | {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER", "strides": [2, 1]})
            yield Case(f"average_ceil_{name}", "QLinearAveragePool", [x, *a, *c],
                       layout | {"kernel_shape": [3, 2], "ceil_mode": 1, "strides": [2, 2]})
            yield Case(f"global_{name}", "QLinearGlobalAveragePool", [x, *a, *c], layout)
            yield Case(f"global_open_{name}", "QLinearGlobalAveragePool", [x, *a, *c], layout, fixed=False)
        yield without(f"average_no_zero_{kind}", "QLinearAveragePool", [x, a[0], 0, c[0], 0], 2, 4,
                      attributes={"kernel_shape": [2, 2]})
        yield Case(f"average_1d_{kind}", "QLinearAveragePool", [x[0], *a, *c], {"kernel_shape": [3]})
        yield Case(f"global_1d_{kind}", "QLinearGlobalAveragePool", [x[0], *a, *c])

        r = random(f"reduce_{kind}")
        x = r.ints(2, 3, 4, 5, dtype=dtype)

        def mean(axes, keep):
            y = (x.astype(F32) - a[1].astype(F32)) * a[0]
            y = numpy.rint(y.mean(tuple(axes), keepdims=bool(keep), dtype=F32) / c[0]) + c[1].astype(F32)
            return [numpy.clip(y, *((0, 255) if dtype == U8 else (-128, 127))).astype(dtype)]
        for axes, keep in (([1], 1), ([2, 3], 0), ([0, -1], 1), ([0, 1, 2, 3], 0)):
            yield Case(f"reduce_mean_{''.join(map(str, axes))}_{keep}_{kind}", "QLinearReduceMean", [x, *a, *c],
                       {"axes": axes, "keepdims": keep}, reference=mean(axes, keep), fixed=keep == 0)

        r = random(f"softmax_{kind}")
        x, a = r.ints(2, 3, 10, dtype=dtype), quantization(r, dtype)
        c = [F32(1 / 256), dtype(0 if dtype == U8 else -128)]
        for opset, axis in ((13, -1), (13, 1), (12, 1), (12, 2), (13, 0)):
            yield Case(f"softmax_{opset}_{axis}_{kind}", "QLinearSoftmax", [x, *a, *c], {"opset": opset, "axis": axis})
        yield Case(f"softmax_constants_{kind}", "QLinearSoftmax", [x, *a, *c], {"opset": 13}, constants=[1, 2, 3, 4],
                   fixed=False)


def convolutions(random):
    for kind, dtype in KINDS:
        r = random(f"conv_{kind}")
        a, c = quantization(r, dtype), [F32(0.5), quantization(r, dtype)[1]]
        w, scale, zero = r.ints(6, 4, 3, 3, dtype=I8), F32(0.03), I8(0)
        scales, b = r.floats(6, low=0.01, high=0.05, step=1 / 1024), r.ints(6, dtype=numpy.int32, low=-900, high=900)
        for last in (0, 1):
            x = r.ints(*((2, 7, 6, 4) if last else (2, 4, 7, 6)), dtype=dtype)
            name, layout = f"conv_{kind}_{'last' if last else 'first'}", {"channels_last": last}
            yield Case(name, "QLinearConv", [x, *a, w, scale, zero, *c, b], layout, constants=range(3, 9))
            yield Case(f"{name}_pads", "QLinearConv", [x, *a, w, scales, numpy.zeros(6, I8), *c, b],
                       layout | {"pads": [1, 1, 1, 1], "strides": [2, 1]}, constants=range(3, 9))
            yield Case(f"{name}_run_time", "QLinearConv", [x, *a, w, scale, zero, *c], layout, fixed=False)
            yield Case(f"{name}_group", "QLinearConv", [x, *a, r.ints(4, 1, 3, 3, dtype=I8), scale, zero, *c],
                       layout | {"group": 4}, constants=[3])


def embedding(random):
    for kind, dtype in KINDS:
        r = random(f"embed_{kind}")
        words, segments = (r.ints(2, 4, dtype=numpy.int32, low=0, high=n) for n in (9, 1))
        tables = [r.ints(*shape, dtype=dtype) for shape in ((10, 8), (6, 8), (2, 8), (8,), (8,))]
        pairs = [quantization(r, dtype) for _ in tables]
        scales, zeros = [p[0] for p in pairs], [p[1] for p in pairs]
        mask = numpy.int32([[1, 1, 1, 0], [1, 1, 0, 0]])
        op, name, constants = "QEmbedLayerNormalization", f"qembed_{kind}", [2, 3, 4, 5, 6, *range(8, 18)]
        yield Case(name, op, [words, segments, *tables, None, *scales, *zeros], {"epsilon": 1e-5}, outputs=2,
                   constants=constants)
        yield Case(f"{name}_mask", op, [words, segments, *tables, mask, *scales, *zeros], outputs=2)
        bare = [words, None, *tables[:2], None, *tables[3:], mask, *scales[:2], None, *scales[3:], *zeros[:2], None, *zeros[3:]]
        yield Case(f"{name}_no_segments", op, bare, outputs=2, constants=constants)


def lstm(random):
    op = "DynamicQuantizeLSTM"
    for kind, dtype in KINDS:
        for direction in ("forward", "reverse", "bidirectional"):
            r = random(f"lstm_{kind}_{direction}")
            d, steps, batch, size, hidden = 1 + (direction == "bidirectional"), 4, 2, 5, 3
            x = r.floats(steps, batch, size, low=-1, high=1)
            w, rec = r.ints(d, size, 4 * hidden, dtype=dtype), r.ints(d, hidden, 4 * hidden, dtype=dtype)
            b = r.floats(d, 8 * hidden, low=-1, high=1)
            middle = 128 if dtype == U8 else 0
            one = [numpy.full(d, 1 / 128, F32), numpy.full(d, middle, dtype)]
            each = [r.floats(d, 4 * hidden, low=1 / 256, high=1 / 64, step=1 / 512), numpy.full((d, 4 * hidden), middle, dtype)]
            attributes = {"hidden_size": hidden, "direction": direction}
            name = f"lstm_{kind}_{direction}"
            yield Case(name, op, [x, w, rec, b, None, None, None, None, *one, *one], attributes, outputs=3,
                       constants=[1, 2, 3, 8, 9, 10, 11])
            yield Case(f"{name}_gates", op, [x, w, rec, b, None, None, None, None, *each, *each], attributes, outputs=3,
                       constants=[1, 2, 8, 9, 10, 11])
            h, c = r.floats(d, batch, hidden, low=-1, high=1), r.floats(d, batch, hidden, low=-1, high=1)
            peep = r.floats(d, 3 * hidden, low=-1, high=1)
            yield Case(f"{name}_states", op, [x, w, rec, None, None, h, c, peep, *one, *one], attributes, outputs=3,
                       fixed=False)
            yield Case(f"{name}_lengths", op, [x, w, rec, b, numpy.int32([4, 2 if direction == "forward" else 4]), h, c, None, *one, *one],
                       attributes | {"clip": 1.5, "input_forget": 0}, outputs=3, constants=[1, 2, 8, 9, 10, 11])


def cases(random):
    yield from elementwise(random)
    yield from pools(random)
    yield from convolutions(random)
    yield from embedding(random)
    yield from lstm(random)
