"""com.microsoft: attention and what goes with it."""
import numpy
from case import Case
from ms_quantized import quantization

F16, F32, I32, I64 = numpy.float16, numpy.float32, numpy.int32, numpy.int64
SMALL = dict(low=-1, high=1, step=1 / 16)
QK = dict(outputs=4, output_types=[None, None, None, 1])  # ONNX Runtime does not infer the type of the last one


def rotary(random):
    r = random("rotary")
    angles = numpy.arange(20)[:, None] / 10000 ** (numpy.arange(4) / 4)
    cosines, sines = numpy.cos(angles).astype(F32), numpy.sin(angles).astype(F32)
    ids = r.ints(2, 5, dtype=I64, low=0, high=19)
    for interleaved in (0, 1):
        attributes = {"interleaved": interleaved}
        name = f"rotary_{interleaved}"
        yield Case(name, "RotaryEmbedding", [r.floats(2, 5, 24), ids, cosines, sines], attributes, constants=[2, 3])
        yield Case(f"{name}_first", "RotaryEmbedding", [r.floats(2, 5, 24), I64([3]), cosines, sines], attributes)
        yield Case(f"{name}_heads", "RotaryEmbedding", [r.floats(2, 3, 5, 8), ids, cosines, sines], attributes, fixed=False)
        yield Case(f"{name}_part", "RotaryEmbedding", [r.floats(2, 5, 36), ids, cosines, sines],
                   attributes | {"num_heads": 3, "rotary_embedding_dim": 8}, constants=[2, 3])
        yield Case(f"{name}_num_heads", "RotaryEmbedding", [r.floats(2, 5, 24), ids, cosines, sines],
                   attributes | {"num_heads": 3}, constants=[2, 3])
        yield Case(f"{name}_scale", "RotaryEmbedding", [r.floats(2, 5, 24), ids, cosines, sines], attributes | {"scale": 2.0})
        yield Case(f"{name}_f16", "RotaryEmbedding", [r.floats(2, 5, 24, dtype=F16), ids, cosines.astype(F16),
                                                      sines.astype(F16)], attributes, constants=[2, 3])


def masks(r, batch, length, total):
    """All kinds of padding masks."""
    yield "none", None
    yield "ends", r.ints(batch, dtype=I32, low=1, high=total)
    starts = r.ints(batch, dtype=I32, low=0, high=total // 2)
    yield "starts", numpy.concatenate([numpy.full(batch, total, I32) - 1, starts])
    raw = r.ints(batch, total, dtype=I32, low=0, high=1)
    raw[:, 0] = 1
    yield "raw", raw
    yield "raw3", r.ints(batch, length, total, dtype=I32, low=0, high=1)
    yield "nothing", numpy.zeros((batch, total), I32)


def multi_head(random):
    r = random("mha")
    batch, heads, length, kv, head, v_head, past = 2, 3, 4, 6, 8, 4, 5
    q, k, v = (r.floats(batch, n, heads * h, **SMALL) for n, h in ((length, head), (kv, head), (kv, v_head)))
    bias = r.floats(heads * (2 * head + v_head), **SMALL)
    past_k, past_v = r.floats(batch, heads, past, head, **SMALL), r.floats(batch, heads, past, v_head, **SMALL)
    op, attributes = "MultiHeadAttention", {"num_heads": heads}
    yield Case("mha", op, [q, k, v], attributes)
    yield Case("mha_bias", op, [q, k, v, bias], attributes, constants=[3])
    yield Case("mha_scale", op, [q, k, v, bias], attributes | {"scale": 0.25}, fixed=False)
    yield Case("mha_present", op, [q, k, v, bias], attributes, outputs=3)
    yield Case("mha_qk", op, [q, k, v, bias], attributes, **QK)
    yield Case("mha_long", op, [r.floats(1, 20, 16, **SMALL), r.floats(1, 23, 16, **SMALL), r.floats(1, 23, 32, **SMALL)],
               {"num_heads": 2})
    for name, mask in masks(r, batch, length, kv):
        if name in ("starts",):  # no kernel takes it
            continue
        yield Case(f"mha_mask_{name}", op, [q, k, v, None, mask], attributes, outputs=3)
        yield Case(f"mha_mask_filter_{name}", op, [q, k, v, bias, mask], attributes | {"mask_filter_value": -3.0},
                   **QK, fixed=False)
    for b in (1, batch):
        for n in (1, heads):
            extra = r.floats(b, n, length, kv, **SMALL)
            yield Case(f"mha_extra_{b}{n}", op, [q, k, v, None, None, extra], attributes)
            yield Case(f"mha_extra_mask_{b}{n}", op, [q, k, v, bias, r.ints(batch, kv, dtype=I32, low=0, high=1), extra],
                       attributes, **QK)
    different, different_bias = v, bias
    v, bias = r.floats(batch, kv, heads * head, **SMALL), r.floats(heads * 3 * head, **SMALL)
    past_v = r.floats(batch, heads, past, head, **SMALL)  # no kernel for past values of another size
    for name, mask in masks(r, batch, length, past + kv):
        if name in ("starts",):
            continue
        yield Case(f"mha_past_{name}", op, [q, k, v, None, mask, None, past_k, past_v], attributes, outputs=3)
    extra = r.floats(1, heads, length, past + kv, **SMALL)
    yield Case("mha_past_extra", op, [q, k, v, bias, None, extra, past_k, past_v], attributes, outputs=3, fixed=False)
    yield Case("mha_past_hidden", op, [q, k, v, bias, None, None, past_k, past_v], attributes,
               reference=lambda *x: Case("", op, x, attributes, outputs=3).expected()[:1])
    square_k, square_v = k[:, :length], v[:, :length]
    causal = attributes | {"unidirectional": 1}
    yield Case("mha_causal", op, [q, square_k, square_v], causal)
    yield Case("mha_causal_past", op, [q, square_k, square_v, None, None, None, past_k, past_v], causal, outputs=3)
    yield Case("mha_causal_mask", op, [q, square_k, square_v, bias, r.ints(batch, length, dtype=I32, low=0, high=1)],
               causal, **QK)
    yield Case("mha_causal_one", op, [q[:, :1], k[:, :1], v[:, :1], None, None, None, past_k, past_v], causal, outputs=3)
    k4, v4 = (x.reshape(batch, kv, heads, -1).transpose(0, 2, 1, 3).copy() for x in (k, v))
    yield Case("mha_heads_first", op, [q, k4, v4], attributes)
    yield Case("mha_heads_first_mask", op, [q, k4, v4, None, r.ints(batch, kv, dtype=I32, low=0, high=1)], attributes)
    # Packed operands: no kernel for the CPU, so by way of those that are not packed.
    q3, k3, v3 = (r.floats(batch, n, heads, head, **SMALL) for n in (length, length, length))
    bias3 = r.floats(3 * heads * head, **SMALL)
    flat = [x.reshape(batch, length, -1) for x in (q3, k3, v3)]
    for name, more in (("", []), ("_bias", [bias3])):
        def plain(*_, more=more):
            return Case("", op, [*flat, None, None][:3] + list(more), attributes).expected()
        yield Case(f"mha_packed_qkv{name}", op, [numpy.stack([q3, k3, v3], 3), None, None, *more], attributes,
                   reference=plain)
        yield Case(f"mha_packed_kv{name}", op, [flat[0], numpy.stack([k3, v3], 3), None, *more], attributes,
                   reference=plain)
    yield Case("mha_f16", op, [x.astype(F16) for x in (q, k, different, different_bias)], attributes, outputs=3, through=F32)


def projected(random):
    r = random("attention")
    batch, length, inner, heads, head, past = 2, 4, 10, 2, 8, 3
    hidden = heads * head
    x, w, bias = r.floats(batch, length, inner, **SMALL), r.floats(inner, 3 * hidden, **SMALL), r.floats(3 * hidden, **SMALL)
    cache = r.floats(2, batch, heads, past, head, **SMALL)
    op, attributes = "Attention", {"num_heads": heads}
    yield Case("attention", op, [x, w, bias], attributes)
    yield Case("attention_constants", op, [x, w, bias], attributes, constants=[1, 2], fixed=False)
    # ONNX Runtime 1.31.1 does not survive this one.
    yield Case("attention_no_bias", op, [x, w], attributes, constants=[1],
               reference=lambda x, w: Case("", op, [x, w, 0 * bias], attributes).expected())
    yield Case("attention_scale", op, [x, w, bias], attributes | {"scale": 0.5}, constants=[1, 2])
    for name, mask in masks(r, batch, length, length):
        yield Case(f"attention_mask_{name}", op, [x, w, bias, mask], attributes, constants=[1, 2])
        yield Case(f"attention_causal_{name}", op, [x, w, bias, mask], attributes | {"unidirectional": 1}, constants=[1, 2])
    for name, mask in masks(r, batch, length, length + past):
        yield Case(f"attention_past_{name}", op, [x, w, bias, mask, cache], attributes, outputs=2, constants=[1, 2])
        yield Case(f"attention_past_causal_{name}", op, [x, w, bias, mask, cache],
                   attributes | {"unidirectional": 1, "mask_filter_value": -5.0}, outputs=2, fixed=False)
    yield Case("attention_present", op, [x, w, bias], attributes, outputs=2)
    for b in (1, batch):
        for n in (1, heads):
            extra = r.floats(b, n, length, length, **SMALL)
            yield Case(f"attention_extra_{b}{n}", op, [x, w, bias, None, None, extra], attributes, constants=[1, 2])
    wide = {"qkv_hidden_sizes": [hidden, hidden, 2 * hidden]}
    yield Case("attention_sizes", op, [x, r.floats(inner, 4 * hidden, **SMALL), r.floats(4 * hidden, **SMALL)],
               attributes | wide, constants=[1, 2])
    yield Case("attention_long", op, [r.floats(1, 20, inner, **SMALL), w, bias], attributes, constants=[1, 2])
    yield Case("attention_f16", op, [v.astype(F16) for v in (x, w, bias)], attributes, constants=[1, 2], through=F32)

    for kind, dtype in (("u8", numpy.uint8), ("i8", numpy.int8)):
        r = random(f"qattention_{kind}")
        x, w = r.ints(batch, length, inner), r.ints(inner, 3 * hidden, dtype=dtype)
        x_scale, x_zero = quantization(r, numpy.uint8)
        w_scale, w_zero = quantization(r, dtype)
        scales, zeros = r.floats(3 * hidden, low=0.01, high=0.05, step=1 / 1024), r.ints(3 * hidden, dtype=dtype)
        same = numpy.full(3 * hidden, w_zero, dtype)
        op, name = "QAttention", f"qattention_{kind}"
        yield Case(name, op, [x, w, bias, x_scale, w_scale, None, x_zero, w_zero], attributes, constants=range(1, 5))
        yield Case(f"{name}_run_time", op, [x, w, bias, x_scale, w_scale, None, x_zero, w_zero], attributes, fixed=False)
        yield Case(f"{name}_no_zero", op, [x, w, bias, x_scale, w_scale], attributes, constants=range(1, 5))
        yield Case(f"{name}_columns", op, [x, w, bias, x_scale, scales, None, x_zero, zeros], attributes,
                   constants=[1, 2, 3, 4, 6, 7])
        yield Case(f"{name}_columns_same", op, [x, w, bias, x_scale, scales, None, x_zero, same], attributes, constants=[1])
        for kind_of_mask, mask in masks(r, batch, length, length + past):
            yield Case(f"{name}_past_{kind_of_mask}", op, [x, w, bias, x_scale, w_scale, mask, x_zero, w_zero, cache],
                       attributes | {"unidirectional": 1}, outputs=2, constants=range(1, 5))
        yield Case(f"{name}_mask", op, [x, w, bias, x_scale, w_scale, r.ints(batch, length, dtype=I32, low=0, high=1),
                                        x_zero, w_zero], attributes | {"mask_filter_value": -7.0, "scale": 0.25})


def quantised_caches(r, op, operands, lengths, caches, attributes, kv, head):
    """Caches of int8, and of pairs of 4 bits in a uint8."""
    rotary = attributes | {"do_rotary": 1}
    for bits, dtype in ((8, numpy.int8), (4, numpy.uint8)):
        def past(batch, room):
            return [r.ints(batch, kv, room, head * bits // 8, dtype=dtype) for _ in "kv"]
        for kind, shapes in (("PER_TENSOR", ((), (1,))), ("PER_CHANNEL", ((kv * head,), (1, kv, 1, head)))):
            for i, shape in enumerate(shapes):
                scales = [numpy.asarray(r.floats(*shape, low=1 / 64, high=1 / 8, step=1 / 64)) for _ in "kv"]
                more = {"kv_cache_bit_width": bits, "k_quant_type": kind, "v_quant_type": kind}
                name, behind = f"gqa_cache_{bits}_{kind.lower()}_{i}", [None] * 3 + scales
                room = [None] * 2 + behind
                yield Case(f"{name}_prompt", op, operands(2, 5) + past(2, 0) + lengths(5, 5) + room, attributes | more, outputs=3)
                yield Case(f"{name}_decode", op, operands(2, 1) + past(2, 6) + lengths(7, 4) + caches + behind,
                           rotary | more, outputs=3)
                yield Case(f"{name}_room", op, operands(2, 1) + past(2, 12) + lengths(7, 9) + room,
                           attributes | more | {"local_window_size": 4, "softcap": 2.0}, outputs=3, fixed=False)
                yield Case(f"{name}_several", op, operands(1, 3, True) + past(1, 5) + lengths(8) + caches + behind,
                           rotary | more, outputs=3)
        yield Case(f"{name}_qk", op, operands(1, 3) + past(1, 5) + lengths(8) + room, attributes | more | {"qk_output": 2},
                   outputs=4)
        half = [None if x is None else x.astype(F16) for x in operands(1, 3)]
        yield Case(f"{name}_f16", op, half + past(1, 5) + lengths(8) + room, attributes | more, outputs=3)


def sliding_caches(r, op, operands, lengths, caches, attributes, kv, head):
    """Caches that hold a window, and some rows more. Rows without a token have any value in ONNX Runtime, here zeros."""
    def case(name, inputs, attributes, fixed=True):
        room, window = inputs[3].shape[2], attributes["local_window_size"]
        gone = room - window + 1
        y = Case(name, op, inputs, attributes, outputs=3).expected()
        for sample, tokens in enumerate(inputs[5] + 1):
            rows = tokens if tokens <= room else tokens - gone * -(-(tokens - room) // gone)
            for cache in y[1:]:
                cache[sample, :, rows:] = 0
        return Case(name, op, inputs, attributes, outputs=3, reference=y, fixed=fixed)

    for room, window, length, past in ((6, 4, 1, 2), (6, 4, 1, 5), (6, 4, 1, 6), (6, 4, 1, 7), (6, 4, 3, 0), (6, 4, 9, 0),
                                       (6, 4, 9, 9), (4, 4, 2, 9), (4, 4, 1, 3), (9, 4, 4, 5), (5, 1, 1, 8), (7, 3, 2, 15)):
        more = {"sliding_window_cache": 1, "local_window_size": window}
        cache = [r.floats(1, kv, room, head, **SMALL) for _ in "kv"]
        name = f"gqa_slide_{room}_{window}_{length}_{past}"
        yield case(name, operands(1, length) + cache + lengths(past + length), attributes | more)
        yield case(f"{name}_rotary", operands(1, length, True) + cache + lengths(past + length) + caches,
                   attributes | more | {"do_rotary": 1, "softcap": 2.0}, fixed=False)
    cache = [r.floats(2, kv, 6, head, **SMALL) for _ in "kv"]
    more = {"sliding_window_cache": 1, "local_window_size": 4, "smooth_softmax": 1}
    yield case("gqa_slide_samples", operands(2, 1) + cache + lengths(12, 6), attributes | more)
    yield case("gqa_slide_prompts", operands(2, 7) + cache + lengths(7, 7), attributes | more)
    yield case("gqa_slide_f16", [x.astype(F16) for x in operands(1, 1) + [c[:1] for c in cache]] + lengths(9), attributes | more)
    for bits, dtype in ((8, numpy.int8), (4, numpy.uint8)):  # of 4 bits, ONNX Runtime wants heads of 32
        codes = [r.ints(1, 1, 6, 32 * bits // 8, dtype=dtype) for _ in "kv"]
        kinds = {"kv_cache_bit_width": bits, "k_quant_type": "PER_TENSOR", "v_quant_type": "PER_TENSOR",
                 "num_heads": 2, "kv_num_heads": 1}
        given = [r.floats(1, 1, n, **SMALL) for n in (64, 32, 32)]
        for past in (3, 8):
            yield case(f"gqa_slide_codes_{bits}_{past}", given + codes + lengths(past + 1) + [None] * 5 + [F32(1 / 8), F32(1 / 16)],
                       attributes | more | kinds)


def normed_heads(r, op, operands, past, lengths, caches, attributes, heads, kv, head):
    """Norms of query and key, which ONNX Runtime's CPU does not have: its results for operands that are normalised."""
    def normed(x, weight):
        y = x.reshape(*x.shape[:2], -1, head)
        y = y / numpy.sqrt((y.astype(numpy.float64)**2).mean(-1, keepdims=True) + epsilon) * weight
        return y.reshape(x.shape).astype(F32)
    for epsilon in (1e-6, 0.5):
        for packed in (False, True):
            for rotary in (0, 1):
                weights = [r.floats(head, **SMALL), r.floats(head, **SMALL)]
                more = attributes | {"do_rotary": rotary, "qk_norm_epsilon": epsilon}
                given = operands(2, 1, packed)
                rest = past(2, 6) + lengths(7, 4) + (caches if rotary else [None, None])
                q, k, v = numpy.split(given[0], [heads * head, (heads + kv) * head], 2) if packed else given
                plain = [normed(q, weights[0]), normed(k, weights[1]), v]
                y = Case("plain", op, plain + rest, attributes | {"do_rotary": rotary}, outputs=3).expected()
                yield Case(f"gqa_norm_{int(epsilon * 2)}_{int(packed)}_{rotary}", op, given + rest + [None] * 5 + weights, more,
                           outputs=3, reference=y)


def grouped(random):
    r = random("gqa")
    heads, kv_heads, head = 4, 2, 16
    op, attributes = "GroupQueryAttention", {"num_heads": heads, "kv_num_heads": kv_heads}
    angles = numpy.arange(24)[:, None] / 10000 ** (numpy.arange(8) / 8)
    caches = [numpy.cos(angles).astype(F32), numpy.sin(angles).astype(F32)]

    def operands(batch, length, packed=False, dtype=F32):
        q, k, v = (r.floats(batch, length, n * head, dtype=dtype, **SMALL) for n in (heads, kv_heads, kv_heads))
        return [numpy.concatenate([q, k, v], -1), None, None] if packed else [q, k, v]

    def past(batch, room, dtype=F32):
        return [r.floats(batch, kv_heads, room, head, dtype=dtype, **SMALL) for _ in range(2)]

    def lengths(*numbers):
        return [I32([n - 1 for n in numbers]), I32(max(numbers))]
    rotary_kinds = (("", {}, []), ("_rotary", {"do_rotary": 1}, caches),
                    ("_interleaved", {"do_rotary": 1, "rotary_interleaved": 1}, caches))
    for name, more, tables in rotary_kinds:
        for packed in (False, True):
            kind = f"{name}{'_packed' if packed else ''}"
            yield Case(f"gqa_prompt{kind}", op, operands(2, 5, packed) + [None, None] + lengths(5, 5) + tables,
                       attributes | more, outputs=3)
            yield Case(f"gqa_decode{kind}", op, operands(2, 1, packed) + past(2, 6) + lengths(7, 4) + tables,
                       attributes | more, outputs=3, fixed=False)
            yield Case(f"gqa_decode_room{kind}", op, operands(2, 1, packed) + past(2, 12) + lengths(7, 9) + tables,
                       attributes | more, outputs=3)
            yield Case(f"gqa_several{kind}", op, operands(1, 3, packed) + past(1, 5) + lengths(8) + tables,
                       attributes | more, outputs=3, constants=[5, 6])
    yield Case("gqa_prompt_room", op, operands(2, 5) + past(2, 9) + lengths(5, 5) + caches, attributes | {"do_rotary": 1},
               outputs=3)
    for name, more in (("scale", {"scale": 0.5}), ("softcap", {"softcap": 0.75}), ("window", {"local_window_size": 3}),
                       ("smooth", {"smooth_softmax": 1}),
                       ("all", {"local_window_size": 4, "softcap": 2.0, "smooth_softmax": 1, "scale": 0.25})):
        yield Case(f"gqa_prompt_{name}", op, operands(1, 7) + [None, None] + lengths(7), attributes | more, outputs=3)
        yield Case(f"gqa_decode_{name}", op, operands(2, 1) + past(2, 8) + lengths(9, 5), attributes | more, outputs=3)
        yield Case(f"gqa_several_{name}", op, operands(1, 2) + past(1, 7) + lengths(9), attributes | more, outputs=3)
    sinks = r.floats(heads, **SMALL)
    yield Case("gqa_prompt_sink", op, operands(1, 4) + [None, None] + lengths(4) + [None] * 4 + [sinks], attributes, outputs=3)
    yield Case("gqa_decode_sink", op, operands(2, 1) + past(2, 8) + lengths(9, 5) + [None] * 4 + [sinks], attributes,
               outputs=3, constants=[11])
    for b in (1, 2):
        for n in (1, heads):
            bias = r.floats(b, n, 1, 9, **SMALL)
            yield Case(f"gqa_decode_bias_{b}{n}", op, operands(2, 1) + past(2, 8) + lengths(9, 5) + [None] * 3 + [bias],
                       attributes, outputs=3)
            bias = r.floats(b, n, 5, 5, **SMALL)
            yield Case(f"gqa_prompt_bias_{b}{n}", op, operands(2, 5) + [None, None] + lengths(5, 5) + [None] * 3 + [bias],
                       attributes | {"softcap": 0.5}, outputs=3)
    ids = numpy.array([[3, 7]])
    yield Case("gqa_positions", op, operands(1, 2) + past(1, 7) + lengths(9) + caches + [ids], attributes | {"do_rotary": 1},
               outputs=3)
    yield Case("gqa_long", op, operands(1, 20) + [None, None] + lengths(20), attributes, outputs=3)
    for which in (1, 2):
        for name, more in (("", {}), ("_capped", {"softcap": 0.5})):
            yield Case(f"gqa_qk_{which}{name}", op, operands(1, 3) + past(1, 6) + lengths(9), attributes | more |
                       {"qk_output": which}, outputs=4)
            yield Case(f"gqa_qk_prompt_{which}{name}", op, operands(1, 4) + [None, None] + lengths(4), attributes | more |
                       {"qk_output": which}, outputs=4)
        bias = [None] * 3 + [r.floats(1, heads, 3, 9, **SMALL), sinks]
        yield Case(f"gqa_qk_{which}_all", op, operands(1, 3) + past(1, 6) + lengths(9) + bias,
                   attributes | {"qk_output": which, "softcap": 0.5, "local_window_size": 4}, outputs=4)
    yield Case("gqa_bidirectional", op, operands(1, 4) + [None, None] + lengths(4), attributes | {"causal": 0}, outputs=3)
    yield Case("gqa_f16", op, operands(2, 1, dtype=F16) + past(2, 6, F16) + lengths(7, 4) + [c.astype(F16) for c in caches],
               attributes | {"do_rotary": 1}, outputs=3)
    yield Case("gqa_f16_prompt", op, operands(1, 5, dtype=F16) + [None, None] + lengths(5), attributes, outputs=3)
    yield from quantised_caches(r, op, operands, lengths, caches, attributes, kv_heads, head)
    yield from sliding_caches(r, op, operands, lengths, caches, attributes, kv_heads, head)
    yield from normed_heads(r, op, operands, past, lengths, caches, attributes, heads, kv_heads, head)


def cases(random):
    yield from rotary(random)
    yield from multi_head(random)
    yield from projected(random)
    yield from grouped(random)
