"""com.microsoft: gates, norms and states of today's language models."""
import ml_dtypes
import numpy
from case import Case

BF16, F16, F32, I64 = ml_dtypes.bfloat16, numpy.float16, numpy.float32, numpy.int64
SMALL = dict(low=-1, high=1, step=1 / 16)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x.astype(numpy.float64)))


def gates(random):
    r = random("gates")
    for name, dtype in (("f32", F32), ("f16", F16)):
        x, y, gate = (r.floats(2, 5, n, dtype=dtype) for n in (300, 300, 1))
        yield Case(f"gated_add_{name}", "GatedAdd", [x, y, gate])
        yield Case(f"silu_{name}", "ScaledSiLU", [r.floats(3, 301, dtype=dtype)], {"alpha": 1.5}, fixed=False)
        yield Case(f"silu_scale_{name}", "ScaledSiLU", [r.floats(3, 7, dtype=dtype), F16(-0.75)], {"alpha": 1.5})
        a, b = r.floats(2, 3, 5, dtype=dtype), r.floats(2, 3, 5, dtype=dtype)
        yield Case(f"attention_gate_{name}", "LinearAttentionGate", [a, r.floats(5), r.floats(5, low=-2, high=0), b], outputs=2)
        yield Case(f"attention_gate_decay_{name}", "LinearAttentionGate", [a, r.floats(5), r.floats(5)], fixed=False)
    x, y, gate = (r.floats(3, n, dtype=BF16) for n in (9, 9, 1))
    yield Case("gated_add_bf16", "GatedAdd", [x, y, gate],
               reference=[(x.astype(F32) + (y.astype(F32) * gate.astype(F32)).astype(BF16).astype(F32)).astype(BF16)])
    z = (x.astype(F32) * F32(0.3)).astype(BF16)
    s = sigmoid(z).astype(F32).astype(BF16)
    yield Case("silu_bf16", "ScaledSiLU", [x], {"alpha": 0.3}, reference=[(z.astype(F32) * s.astype(F32)).astype(BF16)])
    yield Case("gated_add_vector", "GatedAdd", [r.floats(8), r.floats(8), r.floats(1)])
    yield Case("gated_add_none", "GatedAdd", [r.floats(0, 8), r.floats(0, 8), r.floats(0, 1)], fixed=False)
    yield Case("attention_gate_rows", "LinearAttentionGate", [r.floats(70, 300), r.floats(300), r.floats(300), r.floats(70, 300)],
               outputs=2)


def norms(random):
    r = random("norms")
    for name, dtype in (("f32", F32), ("f16", F16)):
        for activation in ("silu", "swish", "sigmoid"):
            x, gate = r.floats(2, 3, 24, dtype=dtype), r.floats(2, 3, 24, dtype=dtype)
            yield Case(f"gated_norm_{activation}_{name}", "GatedRMSNorm", [x, r.floats(8, dtype=dtype), gate],
                       {"activation": activation, "epsilon": 1e-3})
        for scale in ((), (7,), (21,), (3, 7)):
            count = "x".join(map(str, scale)) or "none"
            inputs = [r.floats(2, 5, 3, 7, dtype=dtype), r.floats(*scale, dtype=F16) if scale else None]
            yield Case(f"branch_norm_{count}_{name}", "BranchwiseRMSNorm", inputs, fixed=False)
            inputs[0] = r.floats(2, 21, dtype=dtype)
            yield Case(f"branch_norm_flat_{count}_{name}", "BranchwiseRMSNorm", inputs, {"num_branches": 3, "epsilon": 0.5})
    yield Case("gated_norm_long", "GatedRMSNorm", [r.floats(3, 700), r.floats(700), r.floats(3, 700)], fixed=False)
    x, scale = r.floats(4, 9, dtype=BF16), r.floats(9, dtype=BF16)
    wide = x.astype(numpy.float64)
    y = wide / numpy.sqrt((wide**2).mean(-1, keepdims=True) + 1e-5) * scale.astype(F32)
    yield Case("gated_norm_bf16", "GatedRMSNorm", [x, scale, x], {"activation": "sigmoid"},
               reference=[(y * sigmoid(x)).astype(F32).astype(BF16)])
    yield Case("branch_norm_bf16", "BranchwiseRMSNorm", [x, scale], {"num_branches": 1}, reference=[y.astype(F32).astype(BF16)])


def rotary(random):
    r = random("mrotary")
    angles = numpy.arange(20)[:, None] / 10000 ** (numpy.arange(8) / 8)
    caches = [numpy.cos(angles).astype(F32), numpy.sin(angles).astype(F32)]
    ids = r.ints(3, 2, 5, dtype=I64, low=0, high=19)
    for layout in (0, 1):
        for interleaved in (0, 1):
            for section in ((3, 3, 2), (2, 4, 2), (8, 0, 0), (0, 5, 3)):
                attributes = {"mrope_section": section, "mrope_layout": layout, "interleaved": interleaved, "num_heads": 2}
                name = f"mrotary_{layout}_{interleaved}_{''.join(map(str, section))}"
                yield Case(name, "MRotaryEmbedding", [r.floats(2, 5, 32, **SMALL), ids, *caches], attributes)
    attributes = {"mrope_section": [4, 2, 2]}
    yield Case("mrotary_heads", "MRotaryEmbedding", [r.floats(2, 3, 5, 16, **SMALL), ids, *caches], attributes, fixed=False)
    yield Case("mrotary_part", "MRotaryEmbedding", [r.floats(2, 5, 60, **SMALL), ids, *caches],
               attributes | {"num_heads": 3, "rotary_embedding_dim": 16}, constants=[2, 3])
    yield Case("mrotary_long", "MRotaryEmbedding",
               [r.floats(1, 2, 5, 280, **SMALL), ids[:, :1], r.floats(20, 140, **SMALL), r.floats(20, 140, **SMALL)],
               {"mrope_section": [40, 60, 40], "mrope_layout": 1})
    yield Case("mrotary_f16", "MRotaryEmbedding", [r.floats(2, 5, 32, dtype=F16, **SMALL), ids, *[c.astype(F16) for c in caches]],
               attributes | {"num_heads": 2, "scale": 2.0})


def last_states(states, window):
    """States after each token, the first before all of them: those of the last ones, right-aligned."""
    if not window:
        return states[-1]
    given = states[1:][-window:] or states[-1:]
    return numpy.stack([numpy.zeros_like(states[0])] * (window - len(given)) + given)


def linear(q, k, v, past, decay, beta, q_heads, heads, window=0):
    batch, length = q.shape[:2]
    q, k, v = (x.reshape(batch, length, n, -1) for x, n in ((q, q_heads), (k, heads), (v, heads)))
    most, states, out = max(q_heads, heads), [past], []
    for t in range(length):
        s, new = states[-1], v[:, t]
        if decay is not None:
            s = s * numpy.exp(decay[:, t].reshape(batch, heads, -1, 1))
        if beta is not None:
            new = beta[:, t].reshape(batch, -1, 1) * (new - numpy.einsum("bhkv,bhk->bhv", s, k[:, t]))
        s = s + k[:, t][..., None] * new[:, :, None]
        states.append(s.astype(F32))
        shared = numpy.repeat(s, most // heads, 1), numpy.repeat(q[:, t], most // q_heads, 1)
        out.append(numpy.einsum("bhkv,bhk->bhv", *shared).reshape(batch, -1) / numpy.sqrt(q.shape[-1]))
    return [numpy.stack(out, 1).astype(F32), last_states(states, window)]


def states(random):
    r = random("states")
    op = "LinearAttention"
    for q_heads, heads in ((4, 2), (3, 3), (2, 6)):
        attributes = {"q_num_heads": q_heads, "kv_num_heads": heads}
        q, k, v = (r.floats(2, 5, n * h, **SMALL) for n, h in ((q_heads, 4), (heads, 4), (heads, 3)))
        decay, beta, past = r.floats(2, 5, heads, low=-2, high=0), r.floats(2, 5, heads, low=0, high=1), r.floats(2, heads, 4, 3)
        keyed = r.floats(2, 5, heads * 4, low=-2, high=0)
        for rule, more in (("linear", [None, None]), ("gated", [decay, None]), ("gated", [keyed, None]),
                           ("delta", [None, beta]), ("gated_delta", [keyed, beta[..., :1]])):
            name = f"linear_{rule}_{'key' if more[0] is keyed else 'head'}_{q_heads}_{heads}"
            yield Case(name, op, [q, k, v, past, *more], attributes | {"update_rule": rule}, outputs=2)
            yield Case(f"{name}_first", op, [q, k, v, None, *more], attributes | {"update_rule": rule, "scale": 0.5}, outputs=2,
                       fixed=False)
        for window in (1, 3, 8):
            y = linear(q, k, v, past, decay, beta, q_heads, heads, window)
            yield Case(f"linear_window_{window}_{q_heads}_{heads}", op,
                       [q, k, v, numpy.stack([past + i for i in range(window)][::-1]), decay, beta],
                       attributes | {"state_window": window}, outputs=2, reference=y)
    q, k, v = r.floats(1, 0, 4), r.floats(1, 0, 4), r.floats(1, 0, 4)
    yield Case("linear_none", op, [q, k, v, r.floats(1, 2, 2, 2)],
               {"q_num_heads": 2, "kv_num_heads": 2, "update_rule": "linear"}, outputs=2)

    op = "CausalConvWithState"
    w, bias = r.floats(6, 1, 4, **SMALL), r.floats(6)
    for length in (1, 2, 9):
        for dilation in (1, 3):
            x, past = r.floats(2, 6, length), r.floats(2, 6, 3 * dilation)
            attributes, name = {"dilation": dilation}, f"causal_{length}_{dilation}"
            yield Case(name, op, [x, w, bias, past], attributes | {"activation": "silu"}, outputs=2)
            yield Case(f"{name}_first", op, [x, w], attributes, outputs=2, fixed=False)
            turned = [numpy.ascontiguousarray(t.swapaxes(1, 2)) for t in (x, past)]
            attributes |= {"channels_last": 1}
            yield Case(f"{name}_last", op, [turned[0], w, bias, turned[1]], attributes | {"activation": "swish"}, outputs=2)
            parts = [t.reshape(*t.shape[:2], 2, 3) for t in turned]
            yield Case(f"{name}_parts", op, [parts[0], w, None, parts[1]], attributes, outputs=2, fixed=False)
            whole = numpy.concatenate([past, x], 2)
            y = sum(w[:, 0, k, None] * whole[:, :, k * dilation:k * dilation + length] for k in range(4)) + bias[:, None]
            kept = [whole[:, :, t:t + 3 * dilation] for t in range(length + 1)]
            for window in (1, 4):
                before = numpy.stack([past + i for i in range(window)][::-1])
                yield Case(f"{name}_window_{window}", op, [x, w, bias, before], {"dilation": dilation, "state_window": window},
                           outputs=2, reference=[y, last_states(kept, window)])
    yield Case("causal_one", op, [r.floats(1, 2, 5), r.floats(2, 1, 1)], outputs=2)
    yield Case("causal_none", op, [r.floats(1, 6, 0), w, None, r.floats(1, 6, 3)], outputs=2)
    yield Case("causal_f16", op, [r.floats(2, 6, 5, dtype=F16), w.astype(F16), bias.astype(F16)], outputs=2, through=F32)


def hyper(random):
    r = random("hyper")
    for name, dtype in (("f32", F32), ("f16", F16)):
        x, block = r.floats(2, 3, 4, 300, dtype=dtype, **SMALL), r.floats(2, 3, 300, dtype=dtype, **SMALL)
        flat = x.reshape(2, 3, 1200)
        for gates in ((4,), (4, 1), (4, 300), (1200,)):
            gate, text = r.floats(2, 3, *gates, **SMALL), "x".join(map(str, gates))
            mix = r.floats(2, 3, 4, 4, **SMALL)
            yield Case(f"pre_mix_flat_{text}_{name}", "HyperConnectionPreMix", [flat, gate], {"num_branches": 4})
            if gates == (1200,):
                continue
            yield Case(f"pre_mix_{text}_{name}", "HyperConnectionPreMix", [x, gate], {"reduction_scale": 0.5}, fixed=False)
            yield Case(f"post_mix_{text}_{name}", "HyperConnectionPostMix", [x, block, gate], fixed=False)
            yield Case(f"post_mix_matrix_{text}_{name}", "HyperConnectionPostMix", [x, block, gate, mix])
            yield Case(f"post_mix_flat_{text}_{name}", "HyperConnectionPostMix", [flat, block, gate, mix], {"num_branches": 4})
    yield Case("pre_mix_row", "HyperConnectionPreMix", [r.floats(4, 5), r.floats(4)])
    x, gate, block = r.floats(3, 2, 5, dtype=BF16), r.floats(3, 2, dtype=BF16), r.floats(3, 5, dtype=BF16)
    wide, gates = x.astype(F32), gate.astype(F32)[..., None]
    yield Case("pre_mix_bf16", "HyperConnectionPreMix", [x, gate], reference=[(wide * gates).sum(1).astype(BF16)])
    yield Case("post_mix_bf16", "HyperConnectionPostMix", [x, block, gate],
               reference=[(wide + gates * block.astype(F32)[:, None]).astype(BF16)])


def engram(random):
    r = random("engram")
    for name, dtype in (("f32", F32), ("f16", F16)):
        for size in (7, 300):
            key, query = r.floats(2, 3, 4, size, dtype=dtype), r.floats(2, 3, 4, size, dtype=dtype)
            value, scales = r.floats(2, 3, size, dtype=dtype), [r.floats(4, size, dtype=dtype, **SMALL) for _ in range(3)]
            query[0, 1, 2] = 0  # the product, too
            key[1, 1] = query[1, 1]  # large ones
            yield Case(f"engram_{size}_{name}", "EngramGate", [key, query, value, *scales], {"epsilon": 1e-3}, outputs=2)
            yield Case(f"engram_plain_{size}_{name}", "EngramGate", [key, query, value, *scales[:2]], fixed=False)


def decoding(random):
    r = random("decoding")
    x = r.floats(3, 7, 4)
    for dim in (0, 1, 2, -1, -2):
        for size, step in ((1, 1), (2, 1), (3, 2), (3, 5)):
            yield Case(f"unfold_{dim}_{size}_{step}", "UnfoldTensor", [x], {"dim": dim, "size": size, "step": step}, fixed=dim != 1)
    others = {"i16": r.ints(2, 5, dtype=numpy.int16), "bool": r.bools(2, 9), "f16": r.floats(2, 5, dtype=F16),
              "string": numpy.array([["a", "bc", "d"]], object), "all": r.ints(1, 2, dtype=numpy.int8)}
    for name, x in others.items():  # ONNX Runtime's kernel has neither of these
        pieces = numpy.lib.stride_tricks.sliding_window_view(x, 2, 1)[:, ::3]
        yield Case(f"unfold_{name}", "UnfoldTensor", [x], {"size": 2, "step": 3}, reference=[numpy.ascontiguousarray(pieces)])
    for rows, columns in ((1, 1), (1, 6), (6, 1), (5, 8), (9, 4), (30, 41)):
        yield Case(f"warping_{rows}x{columns}", "DynamicTimeWarping", [r.floats(rows, columns)])
        yield Case(f"warping_ties_{rows}x{columns}", "DynamicTimeWarping", [r.ints(rows, columns, low=0, high=1).astype(F32)],
                   fixed=False)
    yield Case("warping_stack", "DynamicTimeWarping", [r.floats(1, 5, 8, low=0)])
    yield Case("warping_none", "DynamicTimeWarping", [r.floats(0, 8)])
    for size in (1, 2, 3, 12, 13):
        yield Case(f"ngram_block_{size}", "NGramRepeatBlock", [r.ints(3, 12, dtype=I64, low=0, high=2), r.floats(3, 5)],
                   {"ngram_size": size}, fixed=size != 2)
    yield Case("ngram_block_none", "NGramRepeatBlock", [r.ints(2, 0, dtype=I64), r.floats(2, 5)], {"ngram_size": 2})


def cases(random):
    for family in (gates, norms, rotary, states, hyper, engram, decoding):
        yield from family(random)
