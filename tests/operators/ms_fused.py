"""com.microsoft: operators that optimizers make of several, and those with channels last."""
import numpy
from case import Case

F16, F32, F64 = numpy.float16, numpy.float32, numpy.float64


def products(random):
    r = random("fused_matmul")
    for trans_a in (0, 1):
        for trans_b in (0, 1):
            a = r.floats(2, 3, *((5, 4) if trans_a else (4, 5)))
            b = r.floats(3, *((6, 5) if trans_b else (5, 6)))
            attributes = {"transA": trans_a, "transB": trans_b, "alpha": 0.5}
            yield Case(f"fused_matmul_{trans_a}{trans_b}", "FusedMatMul", [a, b], attributes)
            yield Case(f"fused_matmul_constant_{trans_a}{trans_b}", "FusedMatMul", [a, b], attributes, constants=[1])
            yield Case(f"fused_matmul_f64_{trans_a}{trans_b}", "FusedMatMul", [a.astype(F64), b.astype(F64)], attributes)
            yield Case(f"transpose_matmul_{trans_a}{trans_b}", "TransposeMatMul", [a[0], b], attributes, fixed=False)
            # (M, batch, batch, K) and (K, batch, batch, N)
            a = r.floats(*((5, 2, 3, 4) if trans_a else (4, 2, 3, 5)))
            b = r.floats(*((6, 2, 3, 5) if trans_b else (5, 2, 3, 6)))
            attributes = {"transA": trans_a, "transB": trans_b, "transBatchA": 1, "transBatchB": 1}
            yield Case(f"fused_matmul_batch_{trans_a}{trans_b}", "FusedMatMul", [a, b], attributes)
            yield Case(f"fused_matmul_batch_constant_{trans_a}{trans_b}", "FusedMatMul", [a, b], attributes,
                       constants=[1], fixed=False)
            yield Case(f"fused_matmul_batch_f64_{trans_a}{trans_b}", "FusedMatMul", [a.astype(F64), b.astype(F64)],
                       attributes)
    yield Case("fused_matmul_batch_a", "FusedMatMul", [r.floats(4, 3, 5), r.floats(3, 5, 2)], {"transBatchA": 1})
    yield Case("fused_matmul_batch_b", "FusedMatMul", [r.floats(3, 4, 5), r.floats(5, 3, 2)], {"transBatchB": 1})
    yield Case("fused_matmul_vector", "FusedMatMul", [r.floats(5), r.floats(3, 5, 2)], {"alpha": 2.0})
    yield Case("fused_matmul_f16", "FusedMatMul", [r.floats(4, 5, dtype=F16), r.floats(5, 2, dtype=F16)],
               {"alpha": 0.25}, through=F32)

    r = random("fused_gemm")
    a, b, c = r.floats(4, 5, step=1 / 8), r.floats(5, 6, step=1 / 8), r.floats(6)
    for name, attributes in (("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("LeakyRelu", {"activation_alpha": 0.125}),
                             ("HardSigmoid", {"activation_alpha": 0.25, "activation_beta": 0.5})):
        yield Case(f"fused_gemm_{name}", "FusedGemm", [a, b, c], {"activation": name, **attributes})
    yield Case("fused_gemm_trans", "FusedGemm", [a.T.copy(), b.T.copy(), r.floats(4, 1)],
               {"activation": "Relu", "transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}, constants=[1])
    yield Case("fused_gemm_no_c", "FusedGemm", [a, b], {"activation": "LeakyRelu", "activation_alpha": 0.25})

    r = random("fused_conv")
    x, w, b = r.floats(2, 4, 6, 5, step=0.25), r.floats(6, 4, 3, 3, step=0.25), r.floats(6)
    z = r.floats(2, 6, 6, 5)
    for name, params in (("Relu", []), ("Sigmoid", []), ("Tanh", []), ("LeakyRelu", [0.125]), ("Clip", [-1.0, 2.0]),
                         ("HardSigmoid", [0.25, 0.5])):
        attributes = {"activation": name, "pads": [1, 1, 1, 1]} | ({"activation_params": params} if params else {})
        yield Case(f"fused_conv_{name}", "FusedConv", [x, w, b], attributes, constants=[1, 2])
    yield Case("fused_conv_sum", "FusedConv", [x, w, b, z], {"pads": [1, 1, 1, 1]}, constants=[1, 2])
    yield Case("fused_conv_sum_relu", "FusedConv", [x, w, b, z], {"activation": "Relu", "pads": [1, 1, 1, 1]})
    yield Case("fused_conv_sum_no_bias", "FusedConv", [x, w, None, z], {"activation": "Relu", "pads": [1, 1, 1, 1]},
               constants=[1], fixed=False)
    yield Case("fused_conv_group", "FusedConv", [x, r.floats(6, 2, 2, 2), b],
               {"activation": "Relu", "group": 2, "strides": [2, 1], "dilations": [1, 2]})


def norms(random):
    r = random("skip_norm")
    x, skip, gamma, beta, bias = (r.floats(*s) for s in ((2, 3, 8), (2, 3, 8), (8,), (8,), (8,)))
    for op, operands in (("SkipLayerNormalization", [gamma, beta, bias]),
                         ("SkipSimplifiedLayerNormalization", [gamma, bias])):
        name = "skip_norm" if len(operands) == 3 else "skip_rms_norm"
        yield Case(name, op, [x, skip, *operands], {"epsilon": 1e-5}, outputs=[True, False, False, True])
        yield Case(f"{name}_few", op, [x, skip, gamma])
        yield Case(f"{name}_rank2", op, [x[0], skip[0], *operands], outputs=[True, False, False, True], fixed=False)
        yield Case(f"{name}_broadcast_1", op, [x, skip[:1], *operands])
        yield Case(f"{name}_broadcast_2", op, [x, skip[0], *operands])
        yield Case(f"{name}_constants", op, [x, skip, *operands], constants=range(2, 2 + len(operands)))
        for kind, dtype in (("f16", F16), ("f64", F64)):
            cast = [v.astype(dtype) for v in (x, skip, *operands)]
            yield Case(f"{name}_{kind}", op, cast, outputs=[True, False, False, True],
                       through=F32 if dtype == F64 else None)
    yield Case("skip_norm_no_beta", "SkipLayerNormalization", [x, skip, gamma, None, bias])
    total = (x + skip + bias).astype(F64)
    mean, inverse = total.mean(-1, keepdims=True), 1 / numpy.sqrt(total.var(-1, keepdims=True) + 1e-12)
    yield Case("skip_norm_statistics", "SkipLayerNormalization", [x, skip, gamma, beta, bias], outputs=4,
               reference=[v.astype(F32) for v in ((total - mean) * inverse * gamma + beta, mean, inverse, total)])
    yield Case("simplified_norm", "SimplifiedLayerNormalization", [x, gamma], {"epsilon": 1e-4}, domain="")
    yield Case("simplified_norm_two", "SimplifiedLayerNormalization", [x, r.floats(3, 8)], {"axis": 1}, outputs=2,
               domain="")
    yield Case("simplified_norm_f16", "SimplifiedLayerNormalization", [x.astype(F16), gamma.astype(F16)], domain="")
    rms = (x / numpy.sqrt((x.astype(F64) ** 2).mean(-1, keepdims=True) + 1e-5) * gamma).astype(F32)
    yield Case("simplified_norm_ms", "SimplifiedLayerNormalization", [x, gamma], {}, reference=[rms])

    r = random("embed")
    words, segments = r.ints(2, 4, dtype=numpy.int32, low=0, high=9), r.ints(2, 4, dtype=numpy.int32, low=0, high=1)
    tables = [r.floats(10, 8), r.floats(6, 8), r.floats(2, 8)]
    gamma, beta = r.floats(8), r.floats(8)
    mask = numpy.int32([[1, 1, 1, 0], [1, 0, 1, 0]])
    positions = r.ints(2, 4, dtype=numpy.int32, low=0, high=5)
    constants = [2, 3, 4, 5, 6]
    full = [words, segments, *tables, gamma, beta]
    bare = [words, None, *tables[:2], None, gamma, beta]
    yield Case("embed", "EmbedLayerNormalization", full, {"epsilon": 1e-5}, outputs=2, constants=constants)
    yield Case("embed_mask", "EmbedLayerNormalization", full + [mask], outputs=2, constants=constants)
    yield Case("embed_sum", "EmbedLayerNormalization", full + [mask], outputs=3, constants=constants)
    yield Case("embed_positions", "EmbedLayerNormalization", full + [None, positions], outputs=[True, False, True])
    yield Case("embed_positions_1", "EmbedLayerNormalization", full + [mask, positions[:1]], outputs=3)
    yield Case("embed_no_segments", "EmbedLayerNormalization", bare, outputs=2, constants=[2, 3, 5, 6])
    yield Case("embed_mask_type", "EmbedLayerNormalization", bare + [mask], {"mask_index_type": 1}, outputs=2)
    yield Case("embed_no_mask_type", "EmbedLayerNormalization", full, {"mask_index_type": 0})
    halves = [words, segments, *(t.astype(F16) for t in tables), gamma.astype(F16), beta.astype(F16), mask]
    yield Case("embed_f16", "EmbedLayerNormalization", halves, outputs=3, through=F32)

    r = random("group_norm")
    def group_norm(x, gamma, beta, groups, last, silu, epsilon=1e-5):
        v = numpy.moveaxis(x, -1, 1) if last else x
        rows = v.reshape(v.shape[0], groups, -1).astype(F64)
        rows = (rows - rows.mean(-1, keepdims=True)) / numpy.sqrt(rows.var(-1, keepdims=True) + epsilon)
        shape = (1, -1, *([1] * (v.ndim - 2)))
        y = rows.reshape(v.shape) * gamma.astype(F64).reshape(shape) + beta.astype(F64).reshape(shape)
        y = y / (1 + numpy.exp(-y)) if silu else y
        return (numpy.moveaxis(y, 1, -1) if last else y).astype(x.dtype)
    for last in (0, 1):
        for silu in (0, 1):
            for name, dtype in (("f32", F32), ("f16", F16)):
                x = r.floats(*((2, 3, 4, 6) if last else (2, 6, 3, 4)), dtype=dtype)
                gamma, beta = r.floats(6), r.floats(6)
                yield Case(f"group_norm_{last}{silu}_{name}", "GroupNorm", [x, gamma, beta],
                           {"groups": 3, "activation": silu, "channels_last": last, "epsilon": 1e-5},
                           reference=[group_norm(x, gamma, beta, 3, last, silu)], fixed=silu == 0)
    x, gamma, beta = r.floats(1, 5, 2, 4), r.floats(4), r.floats(4)
    yield Case("group_norm_default", "GroupNorm", [x, gamma, beta], {"groups": 4, "activation": 0},
               reference=[group_norm(x, gamma, beta, 4, 1, 0)], constants=[1, 2])


def channels_last(random):
    r = random("nhwc")
    for dtype in (numpy.uint8, numpy.int8):
        x = r.ints(2, 5, 6, 3, dtype=dtype)
        name = dtype.__name__
        yield Case(f"nhwc_max_pool_{name}", "NhwcMaxPool", [x], {"kernel_shape": [2, 3]})
        yield Case(f"nhwc_max_pool_pads_{name}", "NhwcMaxPool", [x],
                   {"kernel_shape": [3, 3], "pads": [1, 0, 1, 2], "strides": [2, 2], "dilations": [1, 2]}, fixed=False)
        yield Case(f"nhwc_max_pool_same_{name}", "NhwcMaxPool", [x],
                   {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]})
    yield Case("nhwc_max_pool_1d", "NhwcMaxPool", [r.ints(2, 9, 3)], {"kernel_shape": [3], "strides": [2], "ceil_mode": 1})

    def nhwc_conv(x, w, bias=None, z=None, activation=None, **attributes):
        plain = Case("", "FusedConv" if z is not None or activation else "Conv",
                     [numpy.moveaxis(x, -1, 1).copy(), w, bias, None if z is None else numpy.moveaxis(z, -1, 1).copy()],
                     attributes | ({"activation": activation} if activation else {}),
                     domain="com.microsoft" if z is not None or activation else "")
        return [numpy.moveaxis(plain.expected()[0], 1, -1).copy()]
    x, w, bias = r.floats(2, 6, 5, 4), r.floats(6, 4, 3, 3, step=0.25), r.floats(6)
    same = {"pads": [1, 1, 1, 1]}
    yield Case("nhwc_conv", "NhwcConv", [x, w], reference=nhwc_conv(x, w))
    yield Case("nhwc_conv_bias", "NhwcConv", [x, w, bias], same, constants=[1, 2], reference=nhwc_conv(x, w, bias, **same))
    group = {"group": 2, "strides": [2, 1], "kernel_shape": [2, 2]}
    w2 = r.floats(6, 2, 2, 2)
    yield Case("nhwc_conv_group", "NhwcConv", [x, w2, bias], group, reference=nhwc_conv(x, w2, bias, **group), fixed=False)
    x1, w1 = r.floats(1, 12, 3), r.floats(5, 3, 4)
    yield Case("nhwc_conv_1d", "NhwcConv", [x1, w1], {"strides": [3]}, constants=[1], reference=nhwc_conv(x1, w1, strides=[3]))
    z = r.floats(2, 6, 5, 6)
    yield Case("nhwc_fused_conv_sum", "NhwcFusedConv", [x, w, bias, z], same | {"activation": "Relu"}, constants=[1, 2],
               reference=nhwc_conv(x, w, bias, z, "Relu", **same))
    yield Case("nhwc_fused_conv", "NhwcFusedConv", [x, w], {"activation": "LeakyRelu", "activation_params": [0.25]},
               reference=nhwc_conv(x, w, activation="LeakyRelu", activation_params=[0.25]))
    yield Case("nhwc_fused_conv_no_bias", "NhwcFusedConv", [x, w, None, z], same, constants=[1],
               reference=nhwc_conv(x, w, None, z, **same))


def cases(random):
    yield from products(random)
    yield from norms(random)
    yield from channels_last(random)
