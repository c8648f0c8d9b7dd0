"""Operators that move elements, take them, or make tensors from sizes."""
import numpy as np
from draw import ANY, FLOATS, INTS, NUMBERS, operator


@operator("Identity", "Shape", "Size")
def whole(d):
    x = d.pick(ANY, 0, 5)
    limits = {"start": d.one(None, d.number(-5, 5)), "end": d.one(None, d.number(-5, 5))}
    return d.node(d.name, [x], **(limits if d.name == "Shape" and d.opset >= 15 else {}))


@operator("Reshape")
def reshape(d):
    x = d.pick(ANY, 0, 5, lambda s: 0 not in s)
    size, shape = d.values[x].size, []
    while size > 1 and len(shape) < 4:
        factors = [f for f in range(1, size + 1) if size % f == 0]
        shape.append(d.one(*factors))
        size //= shape[-1]
    shape.append(size)
    d.random.shuffle(shape)
    if d.flip(0.5):
        shape[d.number(0, len(shape) - 1)] = -1
    for i in range(min(len(shape), d.rank(x))):
        if shape[i] == d.shape_of(x)[i] and d.flip():
            shape[i] = 0
    return d.node("Reshape", [x, d.ints(*shape)])


@operator("Flatten")
def flatten(d):
    x = d.pick(NUMBERS + ["bool", "string"], 1, 5)
    return d.node("Flatten", [x], axis=d.one(None, d.number(-d.rank(x), d.rank(x))))


@operator("Transpose")
def transpose(d):
    x = d.pick(ANY, 0, 5)
    order = list(range(d.rank(x)))
    d.random.shuffle(order)
    return d.node("Transpose", [x], perm=d.one(None, order) if order else None)


@operator("Squeeze", "Unsqueeze")
def squeeze(d):
    x = d.pick(ANY, 0, 4)
    rank = d.rank(x)
    if d.name == "Squeeze":
        axes = [a for a in range(rank) if d.shape_of(x)[a] == 1 and d.flip(0.7)]
        axes = [a - rank if d.flip(0.3) else a for a in axes]
        if not axes:
            return d.node("Squeeze", [x])
    else:
        count = d.number(1, 2)
        axes = d.random.sample(range(rank + count), count)
        axes = [a - rank - count if d.flip(0.3) else a for a in axes]
    if d.opset >= 13:
        return d.node(d.name, [x, d.ints(*axes)])
    return d.node(d.name, [x], axes=axes)


@operator("Expand")
def expand(d):
    x = d.pick(NUMBERS + ["bool"], 0, 4)
    shape = [d.one(1, 2, 3) if s == 1 else d.one(1, s) for s in d.shape_of(x)]
    shape = [d.number(1, 3)] + shape if d.flip(0.3) else shape[d.number(0, len(shape)):] if d.flip(0.2) else shape
    return d.node("Expand", [x, d.ints(*shape)])


@operator("Tile")
def tile(d):
    x = d.pick(NUMBERS + ["bool"], 1, 4)
    return d.node("Tile", [x, d.ints(*[d.one(0, 1, 1, 2, 3) if d.flip(0.6) else 1 for _ in d.shape_of(x)])])


@operator("Concat")
def concat(d):
    x = d.pick(ANY, 1, 4)
    axis, inputs = d.axis(x), [x]
    for _ in range(d.number(0, 3)):
        shape = list(d.shape_of(x))
        shape[axis] = d.size()
        inputs.append(x if d.flip(0.2) else d.like(x, shape))
    return d.node("Concat", inputs, axis=axis)


@operator("Split")
def split(d):
    x = d.pick(NUMBERS + ["bool", "string"], 1, 4, lambda s: 0 not in s)
    axis = d.axis(x)
    size, parts = d.shape_of(x)[axis], []
    while size > 0 and len(parts) < 3:
        parts.append(d.number(0, size))
        size -= parts[-1]
    parts.append(size)
    if d.flip(0.4) and d.opset >= 18:
        count = d.number(1, d.shape_of(x)[axis])
        step = -(-d.shape_of(x)[axis] // count)
        if step * (count - 1) < d.shape_of(x)[axis]:
            return d.node("Split", [x], count, axis=axis, num_outputs=count)
    if d.opset >= 13:
        return d.node("Split", [x, d.ints(*parts)], len(parts), axis=axis)
    return d.node("Split", [x], len(parts), axis=axis, split=parts)


@operator("Slice")
def slice_(d):
    x = d.pick(ANY, 1, 5)
    axes = d.axes(x, 1)
    starts = [d.one(d.number(-6, 6), d.one(-2**31, 2**31 - 1)) if d.flip(0.1) else d.number(-6, 6) for _ in axes]
    ends = [d.one(2**31 - 1, -2**31) if d.flip(0.2) else d.number(-8, 8) for _ in axes]
    steps = [d.one(-3, -2, -1, 1, 1, 1, 2, 3) for _ in axes]
    kind = d.one(np.int32, np.int64)
    if len({a % d.rank(x) for a in axes}) == d.rank(x) and d.flip(0.3) and axes == sorted(axes) and min(axes) >= 0:
        return d.node("Slice", [x, d.ints(*starts, dtype=kind), d.ints(*ends, dtype=kind)])
    inputs = [d.ints(*numbers, dtype=kind) for numbers in (starts, ends, axes)]
    return d.node("Slice", [x, *inputs, d.ints(*steps, dtype=kind) if d.flip(0.7) else ""])


@operator("Pad")
def pad(d):
    x = d.pick(["float32", "float64", "int32", "int64", "int8", "uint8"], 1, 4, lambda s: 0 not in s)
    mode = d.one(None, "constant", "reflect", "edge", *(["wrap"] if d.opset >= 19 else []))
    axes = d.axes(x, 1) if d.opset >= 18 and d.flip(0.4) else list(range(d.rank(x)))
    sizes = [d.shape_of(x)[a] for a in axes]
    most = [min(3, s - 1) if mode in ("reflect", "wrap") else 3 for s in sizes]
    pads = [d.number(0, m) for m in most + most]
    if mode in (None, "constant") and d.flip(0.2):
        pads = [p if d.flip(0.7) else -min(1, s - 1) for p, s in zip(pads, sizes + sizes)]
        pads = [p if s > 2 or p >= 0 else 0 for p, s in zip(pads, sizes + sizes)]
    value = d.like(x, []) if mode in (None, "constant") and d.flip() else ""
    return d.node("Pad", [x, d.ints(*pads), value] + ([d.ints(*axes)] if len(axes) != d.rank(x) or d.opset >= 18 and d.flip(0.2) else []),
                  mode=mode)


@operator("Gather")
def gather(d):
    x = d.pick(ANY, 1, 4, lambda s: 0 not in s)
    axis = d.axis(x)
    size = d.shape_of(x)[axis]
    indices = d.array(d.one("int32", "int64"), d.shape(0, 2), -size, size - 1)
    return d.node("Gather", [x, d.value(indices)], axis=axis)


@operator("GatherElements")
def gather_elements(d):
    x = d.pick(ANY, 1, 4, lambda s: 0 not in s)
    axis = d.axis(x)
    size, shape = d.shape_of(x)[axis], [d.number(1, s) for s in d.shape_of(x)]
    shape[axis] = d.number(1, 5)
    return d.node(d.name, [x, d.value(d.array(d.one("int32", "int64"), shape, -size, size - 1))], axis=axis)


def index_tuples(d, x, batch):
    """Indices for GatherND and ScatterND: (...,k), and k."""
    k = d.number(1, d.rank(x) - batch)
    lead = [*d.shape_of(x)[:batch], *([d.number(1, 3)] if d.flip(0.7) else [])]
    parts = [d.array("int64", [*lead, 1], -s, s - 1) for s in d.shape_of(x)[batch:batch + k]]
    return np.concatenate(parts, -1), k


@operator("GatherND", since=12)
def gather_nd(d):
    x = d.pick(ANY, 1, 4, lambda s: 0 not in s)
    batch = d.number(0, d.rank(x) - 1) if d.flip(0.4) else 0
    return d.node("GatherND", [x, d.value(index_tuples(d, x, batch)[0])], batch_dims=batch or None)


@operator("ScatterND")
def scatter_nd(d):
    x = d.pick(["float32", "float64", "int32", "int64"], 1, 4, lambda s: 0 not in s)
    indices, k = index_tuples(d, x, 0)
    choices = [None, "add", "mul"] if d.opset >= 16 else [None]
    reduction = d.one(*choices, *(["max", "min"] if d.opset >= 18 else []))
    if reduction is None:  # the same place twice has no defined result
        places = np.mod(indices.reshape(-1, k), np.array(d.shape_of(x)[:k]))
        if len(np.unique(places, axis=0)) < len(places):
            return None
    updates = d.like(x, [*indices.shape[:-1], *d.shape_of(x)[k:]])
    return d.node("ScatterND", [x, d.value(indices), updates], reduction=reduction)


@operator("ScatterElements")
def scatter_elements(d):
    x = d.pick(["float32", "float64", "int32", "int64"], 1, 4, lambda s: 0 not in s)
    axis = d.axis(x)
    shape = [d.number(1, s) for s in d.shape_of(x)]
    order = np.argsort(d.numpy.random(d.shape_of(x)), axis)
    indices = order[tuple(slice(0, s) for s in shape)].astype(d.one("int32", "int64"))
    choices = [None, "add", "mul"] if d.opset >= 16 else [None]
    reduction = d.one(*choices, *(["max", "min"] if d.opset >= 18 else []))
    return d.node(d.name, [x, d.value(indices), d.like(x, shape)], axis=axis, reduction=reduction)


@operator("Compress")
def compress(d):
    x = d.pick(ANY, 1, 4, lambda s: 0 not in s)
    axis = d.one(None, d.axis(x))
    size = d.values[x].size if axis is None else d.shape_of(x)[axis]
    return d.node("Compress", [x, d.value(d.array("bool", [d.number(1, size)]))], axis=axis)


@operator("NonZero")
def non_zero(d):
    return d.node("NonZero", [d.pick(["float32", "int32", "int64", "bool", "uint8"], 1, 4)])


@operator("Unique")
def unique(d):
    x = d.pick(["float32", "int64", "string", "int8", "float64"], 1, 3, lambda s: 0 not in s)
    return d.node("Unique", [x], 4, axis=d.one(None, d.axis(x)), sorted=d.one(None, 0, 1))


@operator("OneHot")
def one_hot(d):
    depth, dtype = d.number(1, 6), d.dtype(["float32", "int64", "int32"])
    indices = d.value(d.array(d.one("int64", "int32", "float32"), d.shape(0, 3), -depth, depth - 1))
    if d.type_of(indices) == "float32":
        d.values[indices] = np.asarray(np.round(d.values[indices]))
    return d.node("OneHot", [indices, d.scalar(depth), d.value(d.array(dtype, [2]))], axis=d.one(None, d.axis(indices, 1)))


@operator("Range")
def range_(d):
    dtype = d.dtype(["int32", "int64", "float32", "float64"])
    start, step = d.number(-4, 4), d.one(-2, -1, 1, 2, 3)
    return d.node("Range", [d.scalar(v, dtype) for v in (start, start + d.number(-6, 12), step)])


@operator("EyeLike")
def eye_like(d):
    return d.node("EyeLike", [d.pick(["float32", "int64", "int32", "float64"], 2, 2)], k=d.one(None, d.number(-3, 3)),
                  dtype=d.one(None, 1, 6, 7, 11))


@operator("ConstantOfShape")
def constant_of_shape(d):
    from onnx import numpy_helper
    value = numpy_helper.from_array(d.array(d.dtype(NUMBERS + ["bool"]), [1]))
    return d.node(d.name, [d.ints(*d.shape(0, 4))], value=d.one(None, value))


@operator("DepthToSpace", "SpaceToDepth")
def depth_space(d):
    block, channels = d.one(1, 2, 3), d.number(1, 3)
    n, h, w = d.number(1, 2), d.number(1, 4), d.number(1, 4)
    dtype = d.dtype(["float32", "float64", "int8", "uint8"] if d.opset >= 13 else ["float32", "float64"])
    if d.name == "DepthToSpace":
        x = d.value(d.array(dtype, [n, channels * block * block, h, w]))
        return d.node(d.name, [x], blocksize=block, mode=d.one(None, "DCR", "CRD"))
    return d.node(d.name, [d.value(d.array(dtype, [n, channels, h * block, w * block]))], blocksize=block)


@operator("ReverseSequence")
def reverse_sequence(d):
    x = d.pick(["float32", "int64", "int32", "string"], 2, 4, lambda s: 0 not in s)
    time = d.number(0, 1)
    lengths = d.array("int64", [d.shape_of(x)[1 - time]], 0, d.shape_of(x)[time])
    return d.node(d.name, [x, d.value(np.maximum(lengths, 1))], batch_axis=1 - time, time_axis=time)


@operator("CenterCropPad", since=18)
def center_crop_pad(d):
    x = d.pick(["float32", "int64", "uint8"], 1, 4, lambda s: 0 not in s)
    axes = d.axes(x, 1) if d.flip() else None
    count = len(axes) if axes is not None else d.rank(x)
    return d.node(d.name, [x, d.ints(*[d.number(1, 8) for _ in range(count)])], axes=axes)


@operator("TensorScatter", since=24)
def tensor_scatter(d):
    batch, heads, most, size = d.number(1, 3), d.number(1, 2), d.number(2, 6), d.number(1, 4)
    count = d.number(1, most)
    past = d.value(d.array("float32", [batch, heads, most, size]))
    mode = d.one(None, "linear", "circular")
    write = d.array("int64", [batch], 0, most - 1 if mode == "circular" else most - count)
    return d.node(d.name, [past, d.like(past, [batch, heads, count, size]), d.value(write)], mode=mode)


@operator("SplitToSequence")
def split_to_sequence(d):
    """Split, and take one part; or put all together again."""
    x = d.pick(["float32", "int64", "int32"], 1, 4, lambda s: 0 not in s)
    axis = d.axis(x)
    first = d.node(d.name, [x] + ([d.scalar(d.number(1, d.shape_of(x)[axis]))] if d.flip() else []), axis=axis,
                   keepdims=d.one(None, 1))
    return then(d, first, sequence_end(d, first.outputs[0], axis))


@operator("SequenceConstruct")
def sequence_construct(d):
    x = d.pick(["float32", "int64", "int32"], 1, 3, lambda s: 0 not in s)
    first = d.node(d.name, [x] + [d.like(x) for _ in range(d.number(0, 2))])
    return then(d, first, sequence_end(d, first.outputs[0], d.axis(x)))


@operator("SequenceInsert", "SequenceErase", "SequenceLength", "SequenceEmpty")
def sequence_change(d):
    x = d.pick(["float32", "int64", "int32"], 1, 3, lambda s: 0 not in s)
    if d.name == "SequenceEmpty":
        empty, one = d.inner("empty"), d.inner("one")
        first = d.node(d.name, [], [empty], dtype={"float32": 1, "int64": 7, "int32": 6}[d.type_of(x)])
        second = d.node("SequenceInsert", [empty, x], [one])
        return then(d, then(d, first, second), sequence_end(d, one, d.axis(x)))
    sequence, changed = d.inner("sequence"), d.inner("changed")
    first = d.node("SequenceConstruct", [x, d.like(x), d.like(x)], [sequence])
    if d.name == "SequenceLength":
        return then(d, first, d.node(d.name, [sequence]))
    place = d.scalar(d.number(-3, 2)) if d.flip(0.7) else ""
    second = d.node(d.name, [sequence, d.like(x), place] if d.name == "SequenceInsert" else [sequence, place], [changed])
    return then(d, then(d, first, second), sequence_end(d, changed, d.axis(x)))


@operator("ConcatFromSequence", "SequenceAt")
def from_sequence(d):
    return sequence_construct_for(d)


def sequence_construct_for(d):
    x = d.pick(["float32", "int64"], 1, 3, lambda s: 0 not in s)
    first = d.node("SequenceConstruct", [x, d.like(x)])
    return then(d, first, sequence_end(d, first.outputs[0], d.axis(x)))


def sequence_end(d, sequence, axis):
    names = [f"e{len(d.values)}"]
    if d.name == "SequenceAt" or d.name != "ConcatFromSequence" and d.flip(0.4):
        return d.node("SequenceAt", [sequence, d.scalar(d.one(0, -1))], names)
    return d.node("ConcatFromSequence", [sequence], names, axis=axis, new_axis=None)


def then(d, first, second):
    """Two steps as one; what the second takes from the first is no value of the graph."""
    inner = set(first.outputs) & set(second.inputs)
    first.nodes += second.nodes
    first.inputs = list(dict.fromkeys(first.inputs + [i for i in second.inputs if i not in inner]))
    first.outputs = [o for o in first.outputs if o not in inner] + second.outputs
    return first
