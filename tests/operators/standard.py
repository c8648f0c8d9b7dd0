"""Standard operators where neither ONNX's cases nor ONNX Runtime go: first versions, float 8 products, sums of bools
and complex numbers. Values are numpy's, by the operator's text."""
import ml_dtypes
import numpy
from case import Case

F16, F32, F64, U8, I8, I64 = numpy.float16, numpy.float32, numpy.float64, numpy.uint8, numpy.int8, numpy.int64
FLOAT8 = {"e4m3fn": ml_dtypes.float8_e4m3fn, "e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
          "e5m2": ml_dtypes.float8_e5m2, "e5m2fnuz": ml_dtypes.float8_e5m2fnuz}


def first_versions(random):
    r = random("first")
    for dtype in (F32, F16, F64):
        x, name = r.floats(2, 3, 4, dtype=dtype), dtype.__name__
        for axis in (0, 1, -1):
            for constants in ([], [1, 2]):
                yield Case(f"tile_1_{name}_{axis}_{len(constants)}", "Tile", [x, dtype(3), dtype(axis)], domain="",
                           opset=1, constants=constants, reference=numpy.concatenate([x] * 3, axis))
        yield Case(f"tile_1_{name}_none", "Tile", [x, dtype([0]), dtype([1])], domain="", opset=5,
                   reference=x[:, :0], fixed=False)
        for constants in ([], [1]):
            yield Case(f"split_1_{name}_{len(constants)}", "Split", [x, dtype([1, 0, 3])], {"axis": 2}, outputs=3,
                       domain="", opset=1, constants=constants, reference=[x[..., :1], x[..., 1:1], x[..., 1:]])
        yield Case(f"split_1_{name}_middle", "Split", [x, dtype([2, 1])], {"axis": 1}, outputs=[False, True], domain="",
                   opset=1, reference=[x[:, 2:]], fixed=False)


def float8(values, dtype):
    """As ONNX casts with `saturate`."""
    most = float(ml_dtypes.finfo(dtype).max)
    return numpy.clip(values, -most, most).astype(dtype)


def quantised(random, name, shape, dtype):
    r = random(name)
    if dtype in (U8, I8):
        return r.ints(*shape, dtype=dtype, low=0 if dtype == U8 else -9, high=9)
    return r.floats(*shape).astype(dtype)


def product(a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero):
    wide = [x.astype(F64) for x in (a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero)]
    a, a_scale, a_zero, b, b_scale, b_zero, scale, zero = wide
    if a_scale.ndim == 1:
        a_scale, a_zero = a_scale[:, None], a_zero[:, None]
    y = numpy.matmul(a - a_zero, b - b_zero) * (a_scale * b_scale / scale)
    if y_zero.dtype in (U8, I8):
        limits = numpy.iinfo(y_zero.dtype)
        return numpy.clip(numpy.rint(y) + zero, limits.min, limits.max).astype(y_zero.dtype)
    return float8(y + zero, y_zero.dtype)


def float8_products(random):
    types = [*FLOAT8.items(), ("uint8", U8), ("int8", I8)]
    for i, (name, dtype) in enumerate(FLOAT8.items()):
        for k, (other, second) in enumerate(types):
            third_name, third = types[(i + k) % len(types)]
            title = f"qlinear_matmul_{name}_{other}_{third_name}"
            a, b = quantised(random, title + "a", (9, 5), dtype), quantised(random, title + "b", (5, 7), second)
            zeros = [dtype(0), second(0 if second not in (U8, I8) else 2), third(0 if third not in (U8, I8) else 3)]
            scales = [F32(0.25), F32(0.5), F32(0.75)]
            inputs = [a, scales[0], zeros[0], b, scales[1], zeros[1], scales[2], zeros[2]]
            yield Case(title, "QLinearMatMul", inputs, domain="", opset=21, reference=product,
                       constants=[3] if k % 2 else [], fixed=k % 3 != 0)
    dtype = FLOAT8["e4m3fn"]
    a, b = quantised(random, "rows_a", (2, 3, 4), dtype), quantised(random, "rows_b", (4, 5), dtype)
    one = [F16(0.5), dtype(1)]
    yield Case("qlinear_matmul_f8_stack", "QLinearMatMul", [a, *one, b, F16(2), dtype(-0.5), F16(0.25), dtype(2)], domain="",
               opset=21, reference=product)
    scale, zero = numpy.array([0.5, 1, 2], F32), numpy.array([0, 1, -1]).astype(dtype)
    columns, column_zeros = numpy.array([1, 2, 0.5, 0.25, 4], F32), numpy.array([0, 1, 0, -1, 0]).astype(dtype)
    yield Case("qlinear_matmul_f8_rows", "QLinearMatMul", [a[0], scale, zero, b, columns, column_zeros, F32(0.125), dtype(0)],
               domain="", opset=21, reference=product)
    yield Case("qlinear_matmul_f8_saturates", "QLinearMatMul",
               [a[0], F32(100), dtype(0), b, F32(100), dtype(0), F32(0.01), FLOAT8["e5m2"](0)], domain="", opset=21,
               reference=product)


def fold(x, image, block, add):
    """Col2Im of stride 1 without padding."""
    out = numpy.zeros((x.shape[0], x.shape[1] // (block[0] * block[1]), *image), x.dtype)
    columns = image[1] - block[1] + 1
    for tap in range(block[0] * block[1]):
        for at in range(x.shape[2]):
            row, column = at // columns + tap // block[1], at % columns + tap % block[1]
            out[:, :, row, column] = add(out[:, :, row, column], x[:, tap::block[0] * block[1], at])
    return out


def images(random):
    image, block = I64([3, 4]), I64([2, 2])
    for dtype in (numpy.bool_, numpy.complex64, numpy.complex128):
        r = random(f"col2im_{dtype.__name__}")
        x = r.bools(2, 8, 6) & r.bools(2, 8, 6) & r.bools(2, 8, 6) if dtype == numpy.bool_ else \
            (r.floats(2, 8, 6) + 1j * r.floats(2, 8, 6)).astype(dtype)
        add = numpy.logical_or if dtype == numpy.bool_ else numpy.add
        yield Case(f"col2im_{dtype.__name__}", "Col2Im", [x, image, block], domain="", opset=18, constants=[1, 2],
                   reference=fold(x, image, block, add))


def ranges_with_nan(random):
    """NaN wins in the range, as in Max: the scale is NaN, and with it all that is made of the codes."""
    for count, places in ((3, [1]), (100, [99]), (40, [5, 21]), (40000, [39990]), (40000, [3])):
        x = numpy.resize(random("nan").floats(64), count)
        x[places] = numpy.nan
        yield Case(f"dynamic_quantize_nan_{count}_{places[0]}", "DynamicQuantizeLinear", [x], outputs=3, domain="", opset=11,
                   reference=[numpy.zeros(count, U8), F32(numpy.nan), U8(0)])


def cases(random):
    yield from first_versions(random)
    yield from float8_products(random)
    yield from images(random)
    yield from ranges_with_nan(random)
