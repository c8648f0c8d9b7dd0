"""com.microsoft: mixtures of experts."""
import numpy
from case import Case

F16, F32 = numpy.float16, numpy.float32
SMALL = dict(low=-1, high=1, step=1 / 16)


def swish(x, alpha=1.0):
    return x / (1 + numpy.exp(-alpha * x))


def mixture(x, router, layers, k, activation, normalize):
    """What is not fused, and has a third layer: ONNX Runtime has no kernel for it."""
    (w1, b1), (w2, b2), (w3, b3) = layers
    weights = numpy.exp(router - router.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    y = numpy.zeros_like(x, dtype=numpy.float64)
    for t, row in enumerate(x):
        best = numpy.argsort(-weights[t], kind="stable")[:k]
        total = weights[t, best].sum() if normalize else 1
        for e in best:
            hidden = activation(w1[e] @ row + b1[e]) * (w3[e] @ row + b3[e])
            y[t] += weights[t, e] / total * (w2[e] @ hidden + b2[e])
    return [y.astype(x.dtype)]


def floats(random):
    r = random("moe")
    experts, hidden, inter = 5, 8, 12
    w1, b1 = r.floats(experts, inter, hidden, **SMALL), r.floats(experts, inter, **SMALL)
    w2, b2 = r.floats(experts, hidden, inter, **SMALL), r.floats(experts, hidden, **SMALL)
    for activation in ("relu", "gelu", "silu", "identity"):
        x, router = r.floats(6, hidden, **SMALL), r.floats(6, experts)
        for k in (1, 2, 5):
            for normalize in (0, 1):
                yield Case(f"moe_{activation}_{k}{normalize}", "MoE", [x, router, w1, b1, w2, b2],
                           {"k": k, "normalize_routing_weights": normalize, "activation_type": activation},
                           constants=[2, 3, 4, 5])
    yield Case("moe_no_bias", "MoE", [r.floats(6, hidden, **SMALL), r.floats(6, experts), w1, None, w2], {"k": 2}, fixed=False)
    yield Case("moe_rank3", "MoE", [r.floats(2, 3, hidden, **SMALL), r.floats(6, experts), w1, b1, w2, b2], {"k": 3},
               constants=[2, 4])
    yield Case("moe_many", "MoE", [r.floats(90, hidden, **SMALL), r.floats(90, 2), w1[:2], b1[:2], w2[:2], b2[:2]],
               {"k": 1, "activation_type": "silu"}, constants=[2, 4])
    w1, b1 = r.floats(experts, 2 * inter, hidden, **SMALL), r.floats(experts, 2 * inter, **SMALL)
    x, router = r.floats(4, hidden, low=-4, high=4), r.floats(4, experts)
    for name, more in (("", {}), ("_alpha", {"activation_alpha": 1.702, "activation_beta": 1.0}),
                       ("_limit", {"activation_alpha": 1.702, "activation_beta": 1.0, "swiglu_limit": 1.5})):
        fused = {"k": 2, "activation_type": "swiglu", "swiglu_fusion": 1, "normalize_routing_weights": 1} | more
        yield Case(f"moe_swiglu{name}", "MoE", [x, router, w1, b1, w2, b2], fused, constants=[2, 3, 4, 5])
        turned = [numpy.concatenate([v[:, ::2], v[:, 1::2]], 1) for v in (w1, b1)]
        yield Case(f"moe_swiglu_halves{name}", "MoE", [x, router, *turned, w2, b2], fused | {"swiglu_fusion": 2},
                   reference=Case("", "MoE", [x, router, w1, b1, w2, b2], fused).expected())
        yield Case(f"moe_swiglu_apart{name}", "MoE", [x, router, w1[:, ::2], b1[:, ::2], w2, b2, w1[:, 1::2], b1[:, 1::2]],
                   fused | {"swiglu_fusion": 0}, reference=Case("", "MoE", [x, router, w1, b1, w2, b2], fused).expected())
    layers = [(w1[:, ::2], b1[:, ::2]), (w2, b2), (w1[:, 1::2], b1[:, 1::2])]
    for activation, function in (("silu", swish), ("relu", lambda v: numpy.maximum(v, 0))):
        for normalize in (0, 1):
            yield Case(f"moe_third_{activation}_{normalize}", "MoE", [x, router, *layers[0], *layers[1], *layers[2]],
                       {"k": 2, "activation_type": activation, "normalize_routing_weights": normalize},
                       constants=[2, 4, 6], reference=mixture(x, router, layers, 2, function, normalize))
    w1, b1 = w1[:, :inter], b1[:, :inter]
    yield Case("moe_f16", "MoE", [v.astype(F16) for v in (x, router, w1, b1, w2, b2)], {"k": 2, "activation_type": "silu"},
               constants=[2, 4], through=F32)


def quantized(random):
    for bits in (4, 8, 2):
        for block in (0, 16, 32):
            for activation in ("silu", "swiglu"):
                r = random(f"qmoe_{bits}_{block}_{activation}")
                experts, hidden, inter = 2, 32, 32
                rows = inter * (2 if activation == "swiglu" else 1)
                x, router = r.floats(4, hidden, **SMALL), r.floats(4, experts)
                w1, w2 = r.ints(experts, rows, hidden * bits // 8), r.ints(experts, hidden, inter * bits // 8)
                shapes = [(experts, rows), (experts, hidden)]
                if block:
                    shapes = [(*s, n // block) for s, n in zip(shapes, (hidden, inter))]
                low, high = 1 / 4 / 2**bits, 2 / 2**bits
                s1, s2 = (r.floats(*s, low=low, high=high, step=low) for s in shapes)
                b1, b2 = r.floats(experts, rows, **SMALL), r.floats(experts, hidden, **SMALL)
                attributes = {"k": 2, "activation_type": activation, "expert_weight_bits": bits,
                              "normalize_routing_weights": 1}
                if block:
                    attributes["block_size"] = block
                if activation == "swiglu":
                    attributes |= {"swiglu_fusion": 1, "activation_alpha": 1.702, "activation_beta": 1.0, "swiglu_limit": 7.0}
                name = f"qmoe_{bits}_{block}_{activation}"
                inputs = [x, router, w1, s1, b1, w2, s2, b2]
                # Where ONNX Runtime's kernel rounds activations to 8 bits: by way of MoE.
                yield Case(name, "QMoE", inputs, attributes, constants=[2, 3, 5, 6], reference=by_floats(inputs, attributes))
                packed = [(*s[:-1], -(-s[-1] * bits // 8)) for s in shapes]
                zeros = [r.ints(*s) for s in packed]
                inputs = [x, router, w1, s1, None, w2, s2, None, None, None, None, *zeros]
                yield Case(f"{name}_zeros", "QMoE", inputs, attributes, constants=[2, 3, 5, 6, 11, 12],
                           reference=by_floats(inputs, attributes))
                if activation == "silu":
                    yield Case(f"{name}_run_time", "QMoE", inputs, attributes, fixed=False,
                               reference=by_floats(inputs, attributes))


def unpack(codes, bits):
    return numpy.stack([codes >> shift & 2**bits - 1 for shift in range(0, 8, bits)], -1).reshape(*codes.shape[:-1], -1)


def by_floats(inputs, attributes):
    bits, block = attributes["expert_weight_bits"], attributes.get("block_size", 0)
    x, router, w1, s1, b1, w2, s2, b2 = inputs[:8]
    zeros = inputs[11:13] if len(inputs) > 8 else [None, None]

    def weights(w, s, z):
        codes = unpack(w, bits).astype(F32)
        if z is None:
            z = F32(2 ** (bits - 1))
        elif block:
            z = numpy.repeat(unpack(z, bits)[..., :s.shape[-1]], block, -1)
        else:
            z = unpack(z, bits)[:, :w.shape[1], None]
        return (codes - z) * (numpy.repeat(s, block, -1) if block else s[..., None])
    keep = {k: v for k, v in attributes.items() if k not in ("expert_weight_bits", "block_size")}
    return Case("", "MoE", [x, router, weights(w1, s1, zeros[0]), b1, weights(w2, s2, zeros[1]), b2], keep).expected()


def native(random):
    """QMoE as ONNX Runtime's own kernel computes it."""
    for bits in (4, 8):
        for normalize in (0, 1):
            r = random(f"qmoe_native_{bits}_{normalize}")
            experts, hidden, inter = 3, 16, 16
            x, router = r.floats(5, hidden, **SMALL), r.floats(5, experts)
            w1, w2 = r.ints(experts, 2 * inter, hidden * bits // 8), r.ints(experts, hidden, inter * bits // 8)
            low = 1 / 4 / 2**bits
            s1, s2 = r.floats(experts, 2 * inter, low=low, high=8 * low, step=low), r.floats(experts, hidden, low=low, high=8 * low, step=low)
            attributes = {"k": 2, "activation_type": "swiglu", "swiglu_fusion": 1, "expert_weight_bits": bits,
                          "normalize_routing_weights": normalize}
            name = f"qmoe_native_{bits}_{normalize}"
            yield Case(name, "QMoE", [x, router, w1, s1, None, w2, s2], attributes, constants=[2, 3, 5, 6])
            mixing = r.floats(5, experts, low=0, high=1)
            yield Case(f"{name}_router_weights", "QMoE", [x, router, w1, s1, None, w2, s2, *[None] * 7, mixing], attributes,
                       constants=[2, 3, 5, 6])
            yield Case(f"{name}_f16", "QMoE", [v if v is None or v.dtype == numpy.uint8 else v.astype(F16) for v in
                                               (x, router, w1, s1, None, w2, s2)], attributes, constants=[2, 3, 5, 6])


def native_blocks(random):
    r = random("qmoe_native_blocks")
    experts, hidden, inter, block = 2, 64, 32, 32
    x, router = r.floats(5, hidden, **SMALL), r.floats(5, experts)
    w1, w2 = r.ints(experts, 2 * inter, hidden // 2), r.ints(experts, hidden, inter // 2)
    s1, s2 = (r.floats(experts, n, k // block, low=1 / 64, high=1 / 8, step=1 / 64) for n, k in ((2 * inter, hidden), (hidden, inter)))
    z1, z2 = r.ints(experts, 2 * inter, 1), r.ints(experts, hidden, 1)
    attributes = {"k": 2, "activation_type": "swiglu", "swiglu_fusion": 1, "expert_weight_bits": 4, "block_size": block,
                  "normalize_routing_weights": 1}
    yield Case("qmoe_native_blocks", "QMoE", [x, router, w1, s1, None, w2, s2], attributes, constants=[2, 3, 5, 6])
    yield Case("qmoe_native_blocks_zeros", "QMoE", [x, router, w1, s1, None, w2, s2, *[None] * 4, z1, z2], attributes,
               constants=[2, 3, 5, 6, 11, 12])


def cases(random):
    yield from native_blocks(random)
    yield from floats(random)
    yield from quantized(random)
    yield from native(random)
