"""Products, convolutions, pools, normalizations, attention, recurrent and spatial operators."""
import numpy as np
from draw import FLOATS, operator


@operator("MatMul")
def matmul(d):
    x = d.pick(["float32", "float64", "int32", "int64", "float16"], 1, 4)
    inner, batch = d.shape_of(x)[-1], list(d.shape_of(x)[:-2])
    batch = batch[d.number(0, len(batch)):] if d.flip() else [d.one(1, b) for b in batch]
    shape = [inner] if d.flip(0.2) else [*batch, inner, d.number(1, 20)]
    return d.node("MatMul", [x, d.like(x, shape)])


@operator("Gemm")
def gemm(d):
    m, k, n = d.number(1, 9), d.number(1, 40), d.number(1, 20)
    across, down, dtype = d.flip(), d.flip(), d.dtype(FLOATS)
    a = d.value(d.array(dtype, [k, m] if across else [m, k]))
    b = d.like(a, [n, k] if down else [k, n])
    c = d.like(a, d.one([n], [m, n], [1, n], [m, 1], [])) if d.flip(0.7) else ""
    return d.node("Gemm", [a, b, c], alpha=d.one(None, d.real(-2, 2)), beta=d.one(None, d.real(-2, 2)),
                  transA=int(across) or None, transB=int(down) or None)


@operator("MatMulInteger")
def matmul_integer(d):
    m, k, n = d.number(1, 9), d.number(1, 70), d.number(1, 20)
    a, b = d.value(d.array(d.one("int8", "uint8"), [m, k], 0, 127)), d.value(d.array(d.one("int8", "uint8"), [k, n], 0, 127))
    zero_a, zero_b = d.like(a, [], low=0, high=127) if d.flip() else "", d.like(b, d.one([], [n]), low=0, high=127) if d.flip() else ""
    return d.node(d.name, [a, b, zero_a, zero_b])


@operator("QLinearMatMul")
def qlinear_matmul(d):
    m, k, n, dtype = d.number(1, 9), d.number(1, 70), d.number(1, 20), d.one("int8", "uint8")
    scale = lambda high: d.value(d.array("float32", [], 0.01, high), True)
    zero = lambda: d.value(d.array(dtype, [], 0, 100), True)
    a, b = d.value(d.array(dtype, [m, k], 0, 127)), d.value(d.array(dtype, [k, n], 0, 127))
    return d.node(d.name, [a, scale(0.05), zero(), b, scale(0.05), zero(), scale(1), zero()])


def window(d, size, ceil=False):
    """kernel_shape, strides, pads, dilations or auto_pad that fit `size`."""
    kernel = [d.number(1, min(3, s)) for s in size]
    attributes = {"strides": d.one(None, [d.number(1, 3) for _ in kernel])}
    auto = d.one(None, None, None, "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET")
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        attributes["dilations"] = [d.number(1, 2) if (k - 1) * 2 < s else 1 for k, s in zip(kernel, size)]
    if auto in (None, "NOTSET") and d.flip(0.6):
        attributes["pads"] = [d.number(0, k - 1) for k in kernel + kernel]
    if ceil and auto in (None, "NOTSET") and d.flip(0.4):
        attributes["ceil_mode"] = 1
    return kernel, dict(attributes, auto_pad=auto)


def picture(d, dtypes, channels=None, low=1, high=3, least=1):
    """A value (N,C,...) of 1 to 3 spatial dimensions."""
    spatial = d.random.choices([1, 2, 3], [2, 5, 1])[0]
    size = [d.number(least, [40, 12, 5][spatial - 1]) for _ in range(spatial)]
    return d.value(d.array(d.dtype(dtypes), [d.number(1, 2), channels or d.number(1, 6), *size]))


@operator("Conv", "ConvTranspose")
def conv(d):
    group, part = d.one(1, 1, 2, 3), d.number(1, 4)
    x = picture(d, ["float32", "float32", "float16"] if d.name == "Conv" else ["float32"], group * part)
    size = d.shape_of(x)[2:]
    kernel, attributes = window(d, size)
    out = d.number(1, 4)
    weight = [group * out, part, *kernel] if d.name == "Conv" else [group * part, out, *kernel]
    if d.name == "ConvTranspose":
        strides = attributes["strides"] or [1] * len(size)
        if attributes["auto_pad"] in (None, "NOTSET") and d.flip(0.3):
            attributes["output_padding"] = [d.number(0, s - 1) for s in strides]
    bias = d.like(x, [group * out]) if d.flip() else ""
    w = d.like(x, weight)
    return d.node(d.name, [x, w, bias], group=group, kernel_shape=d.one(None, kernel), **attributes)


@operator("ConvInteger", "QLinearConv")
def conv_integer(d):
    group, part, dtype = d.one(1, 1, 2), d.number(1, 4), d.one("uint8", "int8")
    size = [d.number(1, 9), d.number(1, 9)]
    x = d.value(d.array("uint8" if d.name == "ConvInteger" else dtype, [d.number(1, 2), group * part, *size], 0, 127))
    kernel, attributes = window(d, size)
    out = group * d.number(1, 3)
    w = d.value(d.array("uint8" if d.name == "ConvInteger" else dtype, [out, part, *kernel], 0, 127))
    if d.name == "ConvInteger":
        return d.node(d.name, [x, w, d.like(x, [], low=0, high=99) if d.flip() else ""], group=group, **attributes)
    scale = lambda high: d.value(d.array("float32", [], 0.01, high), True)
    zero = lambda: d.value(d.array(dtype, [], 0, 100), True)
    bias = d.value(d.array("int32", [out], -99, 99), True) if d.flip() else ""
    return d.node(d.name, [x, scale(0.05), zero(), w, scale(0.05), zero(), scale(1), zero(), bias], group=group, **attributes)


@operator("DeformConv", since=19)
def deform_conv(d):
    size, kernel, channels, out = [d.number(2, 6), d.number(2, 6)], [d.number(1, 2), d.number(1, 2)], d.number(1, 3), d.number(1, 3)
    x = d.value(d.array("float32", [1, channels, *size]))
    made = [s - k + 1 for s, k in zip(size, kernel)]
    taps = kernel[0] * kernel[1]
    offset = d.value(d.array("float32", [1, 2 * taps, *made], -1, 1))
    mask = d.value(d.array("float32", [1, taps, *made], 0, 1)) if d.flip() else ""
    return d.node(d.name, [x, d.like(x, [out, channels, *kernel]), offset, d.like(x, [out]) if d.flip() else "", mask],
                  kernel_shape=kernel, pads=[0, 0, 0, 0])


@operator("MaxPool", "AveragePool", "LpPool")
def pool(d):
    x = picture(d, ["float32", "float32", "float16"] if d.name != "LpPool" else ["float32"], least=2)
    kernel, attributes = window(d, d.shape_of(x)[2:], ceil=d.name != "LpPool" or d.opset >= 18)
    if d.name == "AveragePool":
        attributes["count_include_pad"] = d.one(None, 0, 1)
        if d.opset < 19:
            del_dilations(attributes)
    if d.name == "LpPool":
        attributes["p"] = d.one(None, 1, 2, 3)
        if d.opset < 18:
            del_dilations(attributes)
    return d.node(d.name, [x], 2 if d.name == "MaxPool" and d.flip(0.3) else 1, kernel_shape=kernel, **attributes)


def del_dilations(attributes):
    attributes.pop("dilations", None)


@operator("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(d):
    return d.node(d.name, [picture(d, ["float32"])], p=d.one(None, 1, 2) if d.name == "GlobalLpPool" else None)


@operator("MaxUnpool")
def max_unpool(d):
    n, c, h, w = 1, d.number(1, 2), d.number(1, 3), d.number(1, 3)
    x = d.value(d.array("float32", [n, c, h, w]))
    places = d.numpy.permutation(n * c * h * w * 4)[:n * c * h * w].reshape(n, c, h, w)
    return d.node(d.name, [x, d.value(places.astype(np.int64))], kernel_shape=[2, 2], strides=[2, 2])


@operator("BatchNormalization")
def batch_normalization(d):
    x = picture(d, ["float32", "float64"])
    c = [d.shape_of(x)[1]]
    rest = [d.like(x, c), d.like(x, c), d.like(x, c), d.like(x, c, low=0.1, high=2)]
    return d.node(d.name, [x, *rest], epsilon=d.one(None, 1e-3))


@operator("InstanceNormalization")
def instance_normalization(d):
    x = picture(d, ["float32"])
    c = [d.shape_of(x)[1]]
    return d.node(d.name, [x, d.like(x, c), d.like(x, c)], epsilon=d.one(None, 1e-3))


@operator("GroupNormalization", since=21)
def group_normalization(d):
    groups, part = d.number(1, 3), d.number(1, 3)
    x = picture(d, ["float32"], groups * part, least=2)
    c = [groups * part]
    return d.node(d.name, [x, d.like(x, c), d.like(x, c)], num_groups=groups, epsilon=d.one(None, 1e-3))


@operator("LayerNormalization", "RMSNormalization")
def layer_normalization(d):
    if d.opset < (17 if d.name[0] == "L" else 23):
        return None
    x = d.value(d.array(d.dtype(["float32", "float64", "float16"]), d.shape(1, 4, 2)))
    axis = d.axis(x)
    shape = d.shape_of(x)[axis:]
    inputs = [x, d.like(x, shape)] + ([d.like(x, shape)] if d.name[0] == "L" and d.flip() else [])
    return d.node(d.name, inputs, axis=axis, epsilon=d.one(None, 1e-2))


@operator("MeanVarianceNormalization")
def mean_variance(d):
    x = d.value(d.array("float32", [2, d.number(1, 3), d.number(2, 4), d.number(2, 4)]))
    return d.node(d.name, [x], axes=d.one(None, [0, 2, 3], [2, 3], [1], [0, 1]))


@operator("LRN")
def lrn(d):
    return d.node("LRN", [picture(d, ["float32"])], size=d.one(1, 3, 5), alpha=d.one(None, d.real(0, 1)), bias=d.one(None, 2.0),
                  beta=d.one(None, 0.5))


@operator("Resize", since=13)
def resize(d):
    x = picture(d, ["float32", "float32", "uint8"], least=2)
    mode = d.one("nearest", "linear", "cubic") if d.rank(x) == 4 and d.type_of(x) == "float32" else d.one("nearest", "linear")
    coordinate = d.one(None, "half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel",
                       *(["half_pixel_symmetric"] if d.opset >= 19 else []))
    nearest = d.one(None, "round_prefer_floor", "round_prefer_ceil", "floor", "ceil") if mode == "nearest" else None
    more = {}
    if mode == "cubic":
        more = {"cubic_coeff_a": d.one(None, -0.5), "exclude_outside": d.one(None, 1) if coordinate != "tf_crop" else None}
    if d.opset >= 18 and mode in ("linear", "cubic") and d.flip(0.3):
        more["antialias"] = 1
    sizes = [d.number(1, 9) for _ in d.shape_of(x)[2:]]
    if d.flip():
        return d.node("Resize", [x, "", "", d.ints(*d.shape_of(x)[:2], *sizes)], mode=mode, nearest_mode=nearest,
                      coordinate_transformation_mode=coordinate, **more)
    scales = d.value(np.array([1, 1, *[d.one(0.5, 1, 1.5, 2, 3) for _ in sizes]], np.float32), d.flip(0.8))
    return d.node("Resize", [x, "", scales], mode=mode, nearest_mode=nearest, coordinate_transformation_mode=coordinate, **more)


@operator("Upsample", since=7, until=10)
def upsample(d):
    x = picture(d, ["float32", "float32", "int32", "uint8"], channels=d.number(1, 3))
    mode = d.one(None, "nearest", "linear") if d.rank(x) == 4 and d.type_of(x) == "float32" else d.one(None, "nearest")
    scales = [1, 1, *(d.one(1, 1.5, 2, 2, 3, 2.25) for _ in d.shape_of(x)[2:])]
    if d.opset < 9:
        return d.node("Upsample", [x], mode=mode, scales=[float(s) for s in scales])
    return d.node("Upsample", [x, d.value(np.array(scales, np.float32))], mode=mode)


@operator("GridSample", since=16)
def grid_sample(d):
    n, c, h, w = d.number(1, 2), d.number(1, 3), d.number(2, 6), d.number(2, 6)
    modes = ["bilinear", "nearest", "bicubic"] if d.opset < 20 else ["linear", "nearest", "cubic"]
    grid = d.value(d.array("float32", [n, d.number(1, 4), d.number(1, 4), 2], -1.3, 1.3))
    return d.node(d.name, [d.value(d.array("float32", [n, c, h, w])), grid], mode=d.one(None, *modes),
                  padding_mode=d.one(None, "zeros", "border", "reflection"), align_corners=d.one(None, 0, 1))


@operator("AffineGrid", since=20)
def affine_grid(d):
    spatial, n = d.one(2, 3), d.number(1, 2)
    size = [n, d.number(1, 3), *[d.number(2, 4) for _ in range(spatial)]]
    return d.node(d.name, [d.value(d.array(d.dtype(["float32", "float64"]), [n, spatial, spatial + 1])), d.ints(*size)],
                  align_corners=d.one(None, 0, 1))


@operator("RoiAlign", since=16)
def roi_align(d):
    n, c, h, w, count = d.number(1, 2), d.number(1, 3), d.number(3, 8), d.number(3, 8), d.number(1, 3)
    corner = d.array("float32", [count, 2], 0, 3)
    rois = np.concatenate([corner, corner + d.array("float32", [count, 2], 0.5, 4)], 1)
    batch = d.array("int64", [count], 0, n - 1)
    return d.node(d.name, [d.value(d.array("float32", [n, c, h, w])), d.value(rois), d.value(batch)],
                  output_height=d.one(None, d.number(1, 3)), output_width=d.one(None, d.number(1, 3)), mode=d.one(None, "avg", "max"),
                  sampling_ratio=d.one(None, 1, 2), spatial_scale=d.one(None, 0.5),
                  coordinate_transformation_mode=d.one(None, "half_pixel", "output_half_pixel"))


@operator("MaxRoiPool")
def max_roi_pool(d):
    x = d.value(d.array("float32", [1, d.number(1, 3), 6, 6]))
    corner = d.array("int64", [2, 2], 0, 2)
    rois = np.concatenate([np.zeros((2, 1)), corner, corner + d.array("int64", [2, 2], 1, 3)], 1).astype(np.float32)
    return d.node(d.name, [x, d.value(rois)], pooled_shape=[d.number(1, 3), d.number(1, 3)])


@operator("NonMaxSuppression")
def non_max_suppression(d):
    batch, classes, boxes = d.number(1, 2), d.number(1, 2), d.number(1, 8)
    corner = d.array("float32", [batch, boxes, 2], 0, 2)
    made = np.concatenate([corner, corner + d.array("float32", [batch, boxes, 2], 0.2, 2)], 2).astype(np.float32)
    scores = d.array("float32", [batch, classes, boxes], 0, 1)
    more = [d.scalar(d.number(0, 5)), d.scalar(d.real(0, 1), np.float32), d.scalar(d.real(0, 0.6), np.float32)]
    return d.node(d.name, [d.value(made), d.value(scores), *more[:d.number(0, 3)]], center_point_box=d.one(None, 0, 1))


@operator("Col2Im", since=18)
def col2im(d):
    block, size, n, c = [d.number(1, 2), d.number(1, 3)], [d.number(3, 6), d.number(3, 6)], d.number(1, 2), d.number(1, 2)
    count = np.prod([s - b + 1 for s, b in zip(size, block)])
    x = d.value(d.array("float32", [n, c * block[0] * block[1], int(count)]))
    return d.node(d.name, [x, d.ints(*size), d.ints(*block)])


@operator("Einsum", since=12)
def einsum(d):
    size = {letter: d.number(1, 4) for letter in "bijkh"}
    equation = d.one("ij,jk->ik", "bij,bjk->bik", "ij->ji", "ij->", "ij,ij->i", "i,j->ij", "bij,jk", "bhik,bhjk->bhij", "ii->i",
                     "bii->b", "...ij->...ji", "...ij,...jk->...ik", "ij,jk,kh->ih")
    operands = [d.array(d.dtype(["float32", "float64"]), []).dtype.name] * 3
    inputs = []
    for term in equation.split("->")[0].split(","):
        shape = ([2, 3] if "..." in term else []) + [size[c] for c in term.replace("...", "")]
        inputs.append(d.value(d.array(operands[0], shape)))
    return d.node("Einsum", inputs, equation=equation)


@operator("Det")
def det(d):
    n = d.number(1, 4)
    return d.node("Det", [d.value(d.array("float32", [*d.shape(0, 2, 1), n, n]))])


@operator("Attention", since=23)
def attention(d):
    batch, heads, group, queries, keys, size = d.number(1, 2), d.number(1, 2), d.one(1, 1, 2), d.number(1, 5), d.number(1, 6), d.number(1, 8)
    width = d.one(size, d.number(1, 6))
    dims = lambda h, n, s: [batch, h, n, s]
    q = d.value(d.array(d.dtype(["float32", "float32", "float64", "float16"]), dims(heads * group, queries, size)))
    inputs = [q, d.like(q, dims(heads, keys, size)), d.like(q, dims(heads, keys, width))]
    if d.flip():
        inputs.append(d.value(d.array("bool", [queries, keys]) | (np.arange(keys) == 0)) if d.flip() else d.like(q, [queries, keys]))
    return d.node(d.name, inputs, is_causal=d.one(None, 0, 1), scale=d.one(None, d.real(0.1, 1)), softcap=d.one(None, d.real(1, 3)))


@operator("RotaryEmbedding", since=23)
def rotary_embedding(d):
    batch, heads, length, size, most = d.number(1, 2), d.number(1, 3), d.number(1, 4), d.one(2, 4, 6), 8
    x = d.value(d.array("float32", [batch, heads, length, size]))
    positions = d.value(d.array("int64", [batch, length], 0, most - 1))
    return d.node(d.name, [x, d.like(x, [most, size // 2]), d.like(x, [most, size // 2]), positions], interleaved=d.one(None, 0, 1))


@operator("LSTM", "GRU", "RNN", since=14)
def recurrent(d):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[d.name]
    direction = d.one(None, "forward", "reverse", "bidirectional")
    ways, length, batch = 2 if direction == "bidirectional" else 1, d.number(1, 5), d.number(1, 3)
    size, hidden = d.number(1, 5), d.number(1, 5)
    x = d.value(d.array("float32", [length, batch, size], -1, 1))
    weight = lambda *shape: d.value(d.array("float32", shape, -1, 1), d.flip(0.8))
    inputs = [x, weight(ways, gates * hidden, size), weight(ways, gates * hidden, hidden)]
    inputs.append(weight(ways, 2 * gates * hidden) if d.flip() else "")
    inputs.append(d.value(d.array("int32", [batch], 1, length)) if d.flip(0.4) else "")
    inputs.append(weight(ways, batch, hidden) if d.flip() else "")
    more = {}
    if d.name == "LSTM":
        inputs += [weight(ways, batch, hidden) if d.flip() else "", weight(ways, 3 * hidden) if d.flip(0.4) else ""]
    if d.name == "GRU":
        more["linear_before_reset"] = d.one(None, 0, 1)
    if d.flip(0.3):
        per_way = {"LSTM": ["Sigmoid", "Tanh", "Relu"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Relu"]}[d.name]
        more["activations"] = per_way * ways
    return d.node(d.name, inputs, 3 if d.name == "LSTM" else 2, direction=direction, hidden_size=hidden,
                  clip=d.one(None, None, d.real(0.3, 2)), **more)


@operator("DFT", "STFT", since=17)
def spectrum(d):
    if d.name == "STFT":
        length, frame = d.number(8, 24), d.one(4, 5, 8)
        signal = d.value(d.array("float32", [d.number(1, 2), length, 1]))
        return d.node("STFT", [signal, d.scalar(d.number(1, 4)), d.like(signal, [frame]), d.scalar(frame)], onesided=d.one(None, 0, 1))
    inverse, one_sided = d.one((0, 0), (1, 0), (0, 1))
    x = d.value(d.array(d.dtype(["float32", "float64"]), [*d.shape(1, 2, 1), d.number(1, 12), 2 if inverse else d.one(1, 2) if not one_sided else 1]))
    axis = d.rank(x) - 2
    length = d.scalar(d.number(1, 16)) if d.flip(0.4) else ""
    if d.opset >= 20:
        return d.node("DFT", [x, length, d.scalar(axis)], inverse=inverse, onesided=one_sided)
    return d.node("DFT", [x, length], axis=axis, inverse=inverse, onesided=one_sided)


@operator("HannWindow", "HammingWindow", "BlackmanWindow", since=17)
def window_function(d):
    return d.node(d.name, [d.scalar(d.number(1, 20))], periodic=d.one(None, 0, 1))


@operator("MelWeightMatrix", since=17)
def mel(d):
    numbers = [d.scalar(d.number(2, 8)), d.scalar(d.one(16, 32, 64)), d.scalar(d.one(8000, 16000)), d.scalar(0.0, np.float32), d.scalar(4000.0, np.float32)]
    return d.node(d.name, numbers)


@operator("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss", since=13)
def loss(d):
    n, classes, size = d.number(1, 3), d.number(1, 4), d.shape(0, 2, 1)
    x = d.value(d.array("float32", [n, classes, *size], -3, 0))
    labels = d.value(d.array("int64", [n, *size], 0, classes - 1))
    weights = d.like(x, [classes], low=0.1, high=1) if d.flip() else ""
    return d.node(d.name, [x, labels, weights], reduction=d.one(None, "none", "sum", "mean"))


@operator("LinearAttention", since=27)
def linear_attention(d):
    batch, length, heads, group, key, width = d.number(1, 2), d.number(1, 6), d.number(1, 3), d.one(1, 1, 2, 3), d.number(1, 6), d.number(1, 6)
    rule = d.one(None, "linear", "gated", "delta", "gated_delta")
    gated, delta = rule in (None, "gated", "gated_delta"), rule in (None, "delta", "gated_delta")
    packed = lambda like, last, low, high: d.like(like, [batch, length, last], low=low, high=high)
    q = d.value(d.array(d.dtype(["float32", "float32", "float16"]), [batch, length, heads * group * key], -1, 1))
    past = d.value(d.array(d.dtype(["float32", "float16"]), [batch, heads, key, width], -1, 1)) if d.flip() else ""
    decay = packed(q, d.one(heads, heads * key), -1, 0) if gated else ""
    beta = packed(q, d.one(heads, 1), 0, 1) if delta else ""
    return d.node(d.name, [q, packed(q, heads * key, -0.5, 0.5), packed(q, heads * width, -1, 1), past, decay, beta], 2,
                  q_num_heads=heads * group, kv_num_heads=heads, update_rule=rule, scale=d.one(None, 0.0, d.real(0.1, 1)),
                  chunk_size=d.one(None, 1, 4))


@operator("CausalConvWithState", since=27)
def causal_conv(d):
    batch, channels, length, size = d.number(1, 2), d.number(1, 5), d.number(1, 9), d.number(1, 5)
    x = d.value(d.array(d.dtype(["float32", "float32", "float16"]), [batch, channels, length]))
    bias = d.like(x, [channels]) if d.flip() else ""
    past = d.like(x, [batch, channels, size - 1]) if d.flip() else ""
    return d.node(d.name, [x, d.like(x, [channels, 1, size]), bias, past], 2, activation=d.one(None, "none", "silu", "swish"))


@operator("Dropout", since=13)
def dropout(d):
    x = d.pick(FLOATS)
    return d.node(d.name, [x, d.value(np.array(0.3, np.float32))] if d.flip() else [x], d.one(1, 2))
