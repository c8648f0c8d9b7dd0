"""com.microsoft: aliases of standard operators, and small ones."""
import math

import ml_dtypes
import numpy
from case import Case

F16, F32, F64, BF16 = numpy.float16, numpy.float32, numpy.float64, ml_dtypes.bfloat16


def gelu(x):
    x = x.astype(F64)
    return x / 2 * (1 + numpy.vectorize(math.erf)(x / math.sqrt(2)))


def aliases(random):
    r = random("pad")
    x = r.floats(2, 3, 4)
    for mode in ("constant", "reflect", "edge"):
        yield Case(f"pad_{mode}", "Pad", [x, numpy.array([0, 1, 2, 1, 0, 1])], {"mode": mode}, constants=[1])
    yield Case("pad_value", "Pad", [x, numpy.array([[1, 0, 0, 0, 2, -1]]), F32(2.5)], {}, constants=[1, 2])
    yield Case("pad_run_time", "Pad", [x, numpy.array([[1, 0, 0, 0, 2, 1]]), numpy.array([-1], F32)], {}, fixed=False)
    yield Case("pad_f64", "Pad", [x.astype(F64), numpy.array([0, 1, 2, 1, 0, 1])], {}, constants=[1], through=F32)
    yield Case("pad_f16", "Pad", [x.astype(F16), numpy.array([0, 1, 2, 1, 0, 1])], {}, constants=[1], through=F32)

    yield Case("range_f32", "Range", [F32(1), F32(5), F32(0.75)])
    yield Case("range_no_delta", "Range", [F64(1.5), F64(5)])
    yield Case("range_i16", "Range", [numpy.int16([9]), numpy.int16([-5]), numpy.int16([-3])])
    yield Case("range_i64_constant", "Range", [numpy.int64(3), numpy.int64(17)], constants=[0, 1])
    yield Case("range_i32", "Range", [numpy.int32(3), numpy.int32(17), numpy.int32(4)], fixed=False)

    r = random("trilu")
    yield Case("trilu_upper", "Trilu", [r.floats(3, 5)])
    yield Case("trilu_lower", "Trilu", [r.floats(2, 5, 4, dtype=F64), numpy.int64(1)], {"upper": 0})
    yield Case("trilu_i64", "Trilu", [r.ints(2, 3, 4, 4, dtype=numpy.int64, low=-9, high=9), numpy.int64(-2)])
    yield Case("trilu_f16", "Trilu", [r.floats(4, 4, dtype=F16), numpy.int64(1)], {}, through=F32)

    r = random("unique")
    yield Case("unique", "Unique", [F32([2, 1, 1, 3, 4, 3])], outputs=3)
    yield Case("unique_many", "Unique", [r.floats(40, low=-1, high=1, step=0.25)], outputs=3, fixed=False)
    yield Case("unique_one_output", "Unique", [r.floats(9, low=-1, high=1, step=0.5)], outputs=3)
    x = r.ints(20, dtype=numpy.int32, low=0, high=5)
    y, first, inverse, counts = numpy.unique(x, True, True, True)
    order = numpy.argsort(first)
    yield Case("unique_i32", "Unique", [x], outputs=3,
               reference=[y[order], numpy.argsort(order)[inverse], counts[order]])
    yield Case("unique_empty", "Unique", [numpy.zeros(0, F32)], outputs=3)

    r = random("expand_dims")
    for axis in (0, 1, -1, -2):
        yield Case(f"expand_dims_{axis}", "ExpandDims", [r.floats(2, 3), numpy.int32(axis)], constants=[1])
    yield Case("expand_dims_f16", "ExpandDims", [r.floats(2, 3, dtype=F16), numpy.int32([2])], constants=[1])
    yield Case("expand_dims_bool", "ExpandDims", [r.bools(2, 3), numpy.int32(0)])
    yield Case("expand_dims_string", "ExpandDims", [numpy.array([["a", "bc"]], object), numpy.int32(1)], constants=[1])

    r = random("gather_nd")
    x, pairs = r.floats(4, 3, 5), r.ints(2, 3, 2, dtype=numpy.int64, low=-3, high=2)
    for name, dtype in (("i32", numpy.int32), ("i64", numpy.int64)):
        yield Case(f"gather_nd_{name}", "GatherND", [x, pairs.astype(dtype)])
    yield Case("gather_nd_slices", "GatherND", [x, r.ints(5, 1, dtype=numpy.int32, low=0, high=3)], fixed=False)
    yield Case("gather_nd_elements", "GatherND", [r.ints(4, 3, dtype=numpy.int16), numpy.array([[3, 0], [-1, 2]])])
    yield Case("gather_nd_string", "GatherND", [numpy.array([["a", "bc"], ["d", "e"]], object), numpy.array([[1, 0]])])

    r = random("grid_sample")
    x, grid = r.floats(2, 3, 5, 6), r.floats(2, 4, 3, 2, low=-1.25, high=1.25)
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            yield Case(f"grid_sample_{mode}_{padding}", "GridSample", [x, grid],
                       {"mode": mode, "padding_mode": padding, "align_corners": int(padding != "zeros")})

    r = random("gelu")
    x = r.floats(3, 7)
    yield Case("gelu", "Gelu", [x])
    for name, dtype in (("f16", F16), ("f64", F64)):
        yield Case(f"gelu_{name}", "Gelu", [x.astype(dtype)], reference=gelu(x).astype(dtype))
    for bias in (False, True):
        inputs = [r.floats(2, 3, 8), r.floats(8) if bias else None]
        yield Case(f"fast_gelu_{bias}", "FastGelu", inputs)
        yield Case(f"fast_gelu_f16_{bias}", "FastGelu", [x if x is None else x.astype(F16) for x in inputs], through=F32)
    yield Case("bias_gelu", "BiasGelu", [r.floats(2, 3, 8), r.floats(8)])
    yield Case("bias_gelu_long", "BiasGelu", [r.floats(5, 700), r.floats(700)], fixed=False)
    yield Case("bias_gelu_f16", "BiasGelu", [r.floats(2, 3, 8, dtype=F16), r.floats(8, dtype=F16)], through=F32)
    yield Case("quick_gelu", "QuickGelu", [x])
    yield Case("quick_gelu_alpha", "QuickGelu", [x], {"alpha": -0.75})
    yield Case("quick_gelu_f64", "QuickGelu", [x.astype(F64)], {"alpha": 1.5}, through=F32)


def quantizing(random):
    r = random("quantize")
    x = r.floats(3, 4, 5)
    scale, scales = F32(0.0625), F32([0.03125, 0.0625, 0.125, 0.25])
    for dtype in (numpy.uint8, numpy.int8, numpy.uint16, numpy.int16):
        zero = r.ints(dtype=dtype, low=3, high=9)
        yield Case(f"quantize_{dtype.__name__}", "QuantizeLinear", [x, scale, zero])
        zeros = r.ints(4, dtype=dtype, low=3, high=9)
        yield Case(f"quantize_axis_{dtype.__name__}", "QuantizeLinear", [x, scales, zeros], {"axis": 1})
        q = r.ints(3, 4, 5, dtype=dtype)
        yield Case(f"dequantize_{dtype.__name__}", "DequantizeLinear", [q, scale, zero])
        yield Case(f"dequantize_axis_{dtype.__name__}", "DequantizeLinear", [q, scales, zeros], {"axis": -2})
    yield Case("quantize_no_zero", "QuantizeLinear", [x, F32([0.5])])
    yield Case("dequantize_no_zero", "DequantizeLinear", [r.ints(7, dtype=numpy.int8), scale])
    yield Case("dequantize_int32", "DequantizeLinear", [r.ints(7, dtype=numpy.int32, low=-999, high=999), scale])
    for name in ("uint4", "int4"):
        dtype = numpy.dtype(getattr(ml_dtypes, name))
        low = 0 if name == "uint4" else -8
        q = r.ints(3, 5, dtype=numpy.int8, low=low, high=low + 15).astype(dtype)
        zero = numpy.array(2).astype(dtype)
        scale4 = F32(0.5)
        yield Case(f"dequantize_{name}", "DequantizeLinear", [q, scale4, zero], constants=[0, 2],
                   reference=(q.astype(F32) - 2) * scale4)
        rounded = numpy.clip(numpy.rint(x[:, :, 0] / scale4) + 2, low, low + 15)
        yield Case(f"quantize_{name}", "QuantizeLinear", [x[:, :, 0], scale4, zero], constants=[2],
                   reference=rounded.astype(dtype))


def small(random):
    r = random("cdist")
    for metric in ("euclidean", "sqeuclidean"):
        for dtype in (F32, F64):
            yield Case(f"cdist_{metric}_{dtype.__name__}", "CDist",
                       [r.floats(5, 9, dtype=dtype), r.floats(4, 9, dtype=dtype)], {"metric": metric})
    yield Case("cdist_default", "CDist", [r.floats(3, 1), r.floats(7, 1)], fixed=False)

    r = random("inverse")
    for name, shape, dtype in (("one", (1, 1), F32), ("batch", (2, 3, 4, 4), F32), ("f64", (5, 5), F64),
                               ("f16", (3, 3), F16)):
        x = r.floats(*shape, low=-1, high=1) + 3 * numpy.eye(shape[-1], dtype=F32)
        yield Case(f"inverse_{name}", "Inverse", [x.astype(dtype)])
    yield Case("inverse_pivot", "Inverse", [F32([[0, 2, 0], [1, 0, 0], [0, 1, 4]])], fixed=False)

    def rfft(ndim):
        def reference(x):
            y = numpy.fft.rfftn(x.astype(F64), axes=range(x.ndim - ndim, x.ndim))
            return numpy.stack([y.real, y.imag], -1).astype(x.dtype)
        return reference

    def irfft(ndim):
        def reference(x):
            z = x[..., 0].astype(F64) + 1j * x[..., 1]
            sizes = [*z.shape[z.ndim - ndim:-1], 2 * z.shape[-1] - 1]
            return numpy.fft.irfftn(z, sizes, axes=range(z.ndim - ndim, z.ndim)).astype(x.dtype)
        return reference

    r = random("fft")
    for ndim in (1, 2, 3):
        x = r.floats(2, 3, 4, 6)
        yield Case(f"rfft_{ndim}", "Rfft", [x], {"signal_ndim": ndim}, reference=rfft(ndim))
        x = r.floats(2, 3, 3, 4, 2)
        yield Case(f"irfft_{ndim}", "Irfft", [x], {"signal_ndim": ndim}, reference=irfft(ndim), fixed=ndim != 2)
    yield Case("rfft_odd_f64", "Rfft", [r.floats(7, dtype=F64)], {"onesided": 1, "normalized": 0}, reference=rfft(1))
    yield Case("rfft_f16", "Rfft", [r.floats(2, 8, dtype=F16)], reference=rfft(1))
    yield Case("irfft_f64", "Irfft", [r.floats(5, 2, dtype=F64)], {"signal_ndim": 1}, reference=irfft(1))

    r = random("bias")
    for name, dtype in (("f32", F32), ("f16", F16)):
        x, bias, skip = (r.floats(*s, dtype=dtype) for s in ((2, 3, 8), (8,), (2, 3, 8)))
        y = (x.astype(F32) + bias.astype(F32) + skip.astype(F32)).astype(dtype)
        yield Case(f"bias_add_{name}", "BiasAdd", [x, bias, skip], reference=[y])
        left, right = numpy.split(x.astype(F64) + bias.astype(F64), 2, -1)
        yield Case(f"bias_split_gelu_{name}", "BiasSplitGelu", [x, bias], reference=[(left * gelu(right)).astype(dtype)])
    x, bias, skip = r.floats(1, 2, 600), r.floats(600), r.floats(1, 2, 600)
    yield Case("bias_add_long", "BiasAdd", [x, bias, skip], reference=[x + bias + skip], fixed=False)
    left, right = numpy.split((x + bias).astype(F64), 2, -1)
    yield Case("bias_split_gelu_long", "BiasSplitGelu", [x, bias], reference=[(left * gelu(right)).astype(F32)],
               fixed=False)


def cases(random):
    yield from aliases(random)
    yield from quantizing(random)
    yield from small(random)
