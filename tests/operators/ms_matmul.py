"""com.microsoft: products with quantised matrices."""
import ml_dtypes
import numpy
from case import Case
from ms_quantized import F32, I8, KINDS, U8, quantization

F16 = numpy.float16


def integer_to_float(random):
    for a_kind, a_type in KINDS:
        for b_kind, b_type in KINDS:
            if (a_type, b_type) == (I8, U8):  # no kernel
                continue
            r = random(f"to_float_{a_kind}{b_kind}")
            a, b = r.ints(2, 4, 7, dtype=a_type), r.ints(7, 5, dtype=b_type)
            (a_scale, a_zero), (b_scale, b_zero) = quantization(r, a_type), quantization(r, b_type)
            scales, zeros = r.floats(5, low=0.01, high=0.1, step=1 / 1024), r.ints(5, dtype=b_type)
            op, name = "MatMulIntegerToFloat", f"to_float_{a_kind}{b_kind}"
            yield Case(f"{name}", op, [a, b, a_scale, b_scale, a_zero, b_zero, r.floats(5)])
            yield Case(f"{name}_no_zero", op, [a, b, a_scale, b_scale])
            yield Case(f"{name}_columns", op, [a, b, a_scale, scales, a_zero, zeros, r.floats(5)], constants=[1, 3, 5, 6])
            yield Case(f"{name}_constant", op, [a, b, a_scale, b_scale, a_zero, b_zero], constants=[1, 3, 5], fixed=False)
            yield Case(f"{name}_column_scales", op, [a[0], b, a_scale, scales, None, None, r.floats(5)], constants=[1])
            yield Case(f"{name}_stack", op, [a, r.ints(2, 7, 3, dtype=b_type), a_scale, b_scale, a_zero, b_zero])

    for kind, dtype in KINDS:
        r = random(f"dynamic_{kind}")
        a, b = r.floats(3, 4, 7), r.ints(7, 5, dtype=dtype)
        b_scale, b_zero = quantization(r, dtype)
        scales, zeros = r.floats(5, low=0.01, high=0.1, step=1 / 1024), r.ints(5, dtype=dtype)
        op, name = "DynamicQuantizeMatMul", f"dynamic_{kind}"
        yield Case(name, op, [a, b, b_scale, b_zero])
        yield Case(f"{name}_bias", op, [a, b, b_scale, b_zero, r.floats(5)], constants=[1, 2, 3, 4])
        yield Case(f"{name}_no_zero", op, [a[0], b, b_scale], fixed=False)
        yield Case(f"{name}_columns", op, [a, b, scales, zeros, r.floats(5)], constants=[1, 2, 3])
        yield Case(f"{name}_positive", op, [abs(a) + 1, b, b_scale, b_zero], constants=[1])
        yield Case(f"{name}_stack", op, [a, r.ints(3, 7, 2, dtype=dtype), b_scale, b_zero])
        yield Case(f"{name}_zeros", op, [a * 0, b, b_scale, b_zero, r.floats(5)])


def qgemm(random):
    for a_kind, a_type in KINDS:
        for b_kind, b_type in KINDS:
            if (a_type, b_type) == (I8, U8):
                continue
            r = random(f"qgemm_{a_kind}{b_kind}")
            y = [F32(r.rng.uniform(0.3, 0.5)), quantization(r, a_type)[1]]
            for trans_a in (0, 1):
                for trans_b in (0, 1):
                    a = r.ints(*((7, 4) if trans_a else (4, 7)), dtype=a_type)
                    b = r.ints(*((5, 7) if trans_b else (7, 5)), dtype=b_type)
                    left, right = quantization(r, a_type), quantization(r, b_type)
                    columns = [r.floats(5, low=0.01, high=0.1, step=1 / 1024), r.ints(5, dtype=b_type)]
                    c = r.ints(5, dtype=numpy.int32, low=-3000, high=3000)
                    attributes = {"transA": trans_a, "transB": trans_b}
                    name = f"qgemm_{a_kind}{b_kind}_{trans_a}{trans_b}"
                    yield Case(name, "QGemm", [a, *left, b, *right, c, *y], attributes | {"alpha": 0.75})
                    yield Case(f"{name}_constant", "QGemm", [a, *left, b, *right, c.reshape(1, 5), *y], attributes,
                               constants=[3, 4, 5, 6], fixed=False)
                    yield Case(f"{name}_columns", "QGemm", [a, *left, b, *columns, None, *y], attributes, constants=[3, 4, 5])
            for shape in ((), (1,), (4, 1), (4, 5), (1, 1)):
                c = r.ints(*shape, dtype=numpy.int32, low=-3000, high=3000)
                name = f"qgemm_{a_kind}{b_kind}_c{''.join(map(str, shape))}"
                a, b = r.ints(4, 7, dtype=a_type), r.ints(7, 5, dtype=b_type)
                yield Case(name, "QGemm", [a, *left, b, *right, c, *y], constants=[3])
            yield Case(f"qgemm_{a_kind}{b_kind}_float", "QGemm", [a, *left, b, *right, c], output_types=[1])
            yield Case(f"qgemm_{a_kind}{b_kind}_float_columns", "QGemm", [a, *left, b, *columns, c], {"alpha": 0.5},
                       constants=[3, 4, 5], output_types=[1])


def nbits(random):
    for bits in (4, 8, 2):
        for block in (16, 32, 64, 128, 256):
            for n, k in ((5, 64), (33, 100), (1, 16), (17, 17)):
                if block > 64 and n != 5 or (bits, n) == (2, 1):
                    continue
                name = f"nbits_{bits}_{block}_{n}x{k}"
                r = random(name)
                blocks = -(-k // block)
                a = r.floats(3, k, low=-1, high=1, step=1 / 16)
                b = r.ints(n, blocks, block * bits // 8)
                scales = r.floats(n, blocks, low=0.25, high=1, step=1 / 64)
                zeros = r.ints(n, -(-blocks * bits // 8))
                attributes = {"K": k, "N": n, "bits": bits, "block_size": block}
                quantised = [1, 2, 3]
                yield Case(name, "MatMulNBits", [a, b, scales], attributes, constants=quantised)
                yield Case(f"{name}_zeros", "MatMulNBits", [a, b, scales, zeros], attributes, constants=quantised)
                if block != 32:
                    continue
                bias = r.floats(n)
                float_zeros = r.floats(n, blocks, low=0, high=2**bits, step=0.25)
                groups = r.ints(k, dtype=numpy.int32, low=0, high=blocks - 1)
                yield Case(f"{name}_bias", "MatMulNBits", [a, b, scales, None, None, bias], attributes,
                           constants=[1, 2, 5])
                codes = numpy.stack([b >> shift & 2**bits - 1 for shift in range(0, 8, bits)], -1).reshape(n, blocks, block)
                weights = ((codes - float_zeros[..., None]) * scales[..., None]).reshape(n, -1)[:, :k]
                yield Case(f"{name}_float_zeros", "MatMulNBits", [a, b, scales, float_zeros], attributes,
                           constants=quantised, reference=[a @ weights.T] if bits == 8 else None)
                yield Case(f"{name}_run_time", "MatMulNBits", [a, b, scales, zeros], attributes, fixed=False)
                yield Case(f"{name}_stack", "MatMulNBits", [r.floats(2, 1, k, low=-1, high=1, step=1 / 16), b, scales,
                                                            zeros], attributes, constants=quantised, fixed=False)
                yield Case(f"{name}_f16", "MatMulNBits", [a.astype(F16), b, scales.astype(F16), zeros, None,
                                                          bias.astype(F16)], attributes, constants=[1, 2, 3, 5])
                if bits == 4:
                    packed = numpy.stack([zeros & 15, zeros >> 4], -1).reshape(n, -1)
                    flat = codes.reshape(n, -1)[:, :k]
                    weights = (flat.astype(F32) - packed[:, groups]) * scales[:, groups]
                    # ONNX Runtime 1.31.1 takes 8 for packed zero points when there are groups.
                    yield Case(f"{name}_groups", "MatMulNBits", [a, b, scales, zeros, groups], attributes,
                               constants=[1, 2, 3, 4], reference=[a @ weights.T])
                    yield Case(f"{name}_groups_float", "MatMulNBits", [a, b, scales, float_zeros, groups], attributes,
                               constants=[1, 2, 3])
                    yield Case(f"{name}_groups_default", "MatMulNBits", [a, b, scales, None, groups], attributes,
                               constants=[1, 2, 4])
    r = random("nbits_long")
    a, b, scales = r.floats(9, 640, low=-1, high=1, step=1 / 8), r.ints(40, 20, 16), r.floats(40, 20, step=1 / 8)
    yield Case("nbits_long", "MatMulNBits", [a, b, scales], {"K": 640, "N": 40, "bits": 4, "block_size": 32},
               constants=[1, 2])
    yield Case("nbits_flat_scales", "MatMulNBits", [a[:2], b, scales.reshape(-1)],
               {"K": 640, "N": 40, "bits": 4, "block_size": 32}, constants=[1, 2])


def int8(random):
    """accuracy_level 4: A is quantised, by ONNX Runtime as by rung."""
    for bits in (4, 8):
        for block, k, n in ((16, 16, 1), (16, 90, 33), (32, 100, 17), (64, 300, 16), (128, 257, 40)):
            r = random(f"int8_{bits}_{block}_{k}")
            blocks = -(-k // block)
            attributes = {"K": k, "N": n, "bits": bits, "block_size": block, "accuracy_level": 4}
            b, scales = r.ints(n, blocks, block * bits // 8), r.floats(n, blocks, low=-1, high=1, step=1 / 64)
            zeros = r.ints(n, -(-blocks * bits // 8))
            for m in (1, 2, 3, 4, 9):
                a = r.floats(m, k, low=-1, high=1, step=1 / 128)
                name = f"int8_{bits}_{block}_{k}x{n}_{m}"
                yield Case(name, "MatMulNBits", [a, b, scales], attributes, constants=[1, 2])
                yield Case(f"{name}_zeros", "MatMulNBits", [a, b, scales, zeros], attributes, constants=[1, 2, 3])
            bias = r.floats(n)
            yield Case(f"{name}_bias", "MatMulNBits", [a, b, scales, zeros, None, bias], attributes, constants=[1, 2, 3, 5])
            yield Case(f"{name}_run_time", "MatMulNBits", [a, b, scales, zeros], attributes, fixed=False)
            yield Case(f"{name}_stack", "MatMulNBits", [a.reshape(3, 3, k), b, scales], attributes, constants=[1, 2])
            spoilt = a.copy()
            spoilt[1, 3] = numpy.nan
            y, = Case("plain", "MatMulNBits", [a, b, scales], attributes, constants=[1, 2]).expected()
            y[1] = numpy.nan
            yield Case(f"{name}_nan", "MatMulNBits", [spoilt, b, scales], attributes, constants=[1, 2], reference=[y])
            a[1, 3] = 100  # the others of its block become coarse
            a[2] = 0
            yield Case(f"{name}_outlier", "MatMulNBits", [a, b, scales], attributes, constants=[1, 2])


FP4 = F32([0, 0.0052083333, 2 / 3, 1, 1 / 3, 0.5, 1 / 6, 0.25])
NF4 = F32([-1, -0.69619280, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0, 0.07958030, 0.16093020,
           0.24611230, 0.33791524, 0.44070983, 0.56261700, 0.72295684, 1])


def bnb4(random):
    for kind in (0, 1):
        for n, k, block in ((5, 64, 16), (3, 32, 64), (7, 24, 16), (3, 5, 16)):
            r = random(f"bnb4_{kind}_{n}x{k}")
            b, absmax = r.ints(-(-n * k // 2)), r.floats(-(-n * k // block), low=0.25, high=2, step=1 / 32)
            attributes = {"K": k, "N": n, "block_size": block, "quant_type": kind}
            a = r.floats(2, 3, k, low=-1, high=1, step=1 / 16)
            yield Case(f"bnb4_{kind}_{n}x{k}", "MatMulBnb4", [a, b, absmax], attributes, constants=[1, 2])
            yield Case(f"bnb4_{kind}_{n}x{k}_f16", "MatMulBnb4", [a.astype(F16), b, absmax.astype(F16)], attributes,
                       constants=[1, 2], through=F32)
            # ONNX Runtime 1.31.1 reads B the wrong way round here.
            table = NF4 if kind else numpy.concatenate([FP4, -FP4])
            weights = table[numpy.stack([b >> 4, b & 15], -1).reshape(-1)[:n * k]] * numpy.repeat(absmax, block)[:n * k]
            a = r.floats(4, n, low=-1, high=1, step=1 / 16)
            yield Case(f"bnb4_{kind}_{n}x{k}_plain", "MatMulBnb4", [a, b, absmax], attributes | {"transB": 0},
                       fixed=False, reference=[a @ weights.reshape(n, k)])


def gather(random):
    for bits in (2, 4, 8):
        each = 8 // bits
        for block, columns in ((16, 64), (32, 80)):
            r = random(f"gather_{bits}_{block}")
            data, blocks = r.ints(6, 2, columns // each), -(-columns // block)
            scales = r.floats(6, 2, blocks, low=0.25, high=1, step=1 / 64)
            zeros = r.ints(6, 2, -(-blocks // each))
            indices = numpy.int64([[0, 5, -1], [2, 2, -6]])
            attributes = {"bits": bits, "block_size": block, "gather_axis": 0, "quantize_axis": 2}
            yield Case(f"gather_{bits}_{block}", "GatherBlockQuantized", [data, indices, scales], attributes,
                       constants=[0, 2])
            yield Case(f"gather_{bits}_{block}_zeros", "GatherBlockQuantized", [data, indices, scales, zeros],
                       attributes | {"quantize_axis": -1}, constants=[0, 2, 3])
            yield Case(f"gather_{bits}_{block}_f16", "GatherBlockQuantized",
                       [data, numpy.int32([7, 1, -7]), scales.astype(F16), zeros], attributes)
    for name in ("uint4", "int4", "float4_e2m1fn", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"):
        r = random(f"gather_{name}")
        dtype = numpy.dtype(getattr(ml_dtypes, name))
        integer, low = "int" in name, 0 if name == "uint4" else -8
        data = (r.ints(4, 5, 32, dtype=numpy.int8, low=low, high=low + 15) if integer else
                r.floats(4, 5, 32, low=-6, high=6, step=0.5)).astype(dtype)
        scales = r.floats(4, 5, 2, low=0.25, high=1, step=1 / 64)
        zeros = r.ints(4, 5, 2, dtype=numpy.int8, low=low, high=low + 15).astype(dtype) if integer else None
        for axis in (0, 1, 2):
            yield Case(f"gather_{name}_{axis}", "GatherBlockQuantized", [data, numpy.int32([1, -1, 0]), scales, zeros],
                       {"block_size": 16, "gather_axis": axis, "quantize_axis": 2}, constants=[0, 2, 3])
        wide = numpy.repeat(data, 4, 1)  # (4, 20, 32)
        scales = r.floats(4, 2, 32, low=0.25, high=1, step=1 / 64)
        yield Case(f"gather_{name}_middle", "GatherBlockQuantized", [wide, numpy.int64(2), scales],
                   {"block_size": 16, "gather_axis": 0, "quantize_axis": 1}, constants=[0, 2])
        if not integer:
            yield Case(f"gather_{name}_one_scale", "GatherBlockQuantized", [data, numpy.int64([2, 9]), scales[:1, :1, :1]],
                       {"block_size": 0, "gather_axis": 0, "quantize_axis": 2}, constants=[0, 2])


def cases(random):
    yield from integer_to_float(random)
    yield from qgemm(random)
    yield from nbits(random)
    yield from int8(random)
    yield from bnb4(random)
    yield from gather(random)
