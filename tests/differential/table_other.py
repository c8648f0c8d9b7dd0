"""Bodies, strings, optionals, and the operators of ai.onnx.ml."""
import numpy as np
from draw import operator, tensor_type
from onnx import helper, numpy_helper
from table_shape import then

ML = "ai.onnx.ml"


def body(name, nodes, inputs, outputs):
    """A subgraph; inputs are (name, array), outputs names."""
    return helper.make_graph(nodes, name, [helper.make_tensor_value_info(n, tensor_type(a), a.shape) for n, a in inputs],
                             [helper.make_empty_tensor_value_info(o) for o in outputs])


@operator("If")
def if_(d):
    x = d.pick(["float32", "int64"], 0, 4)
    first = body("then", [helper.make_node("Add", [x, x], ["t"])], [], ["t"])
    second = body("else", [helper.make_node("Mul", [x, x], ["e"])], [], ["e"])
    made = d.node("If", [d.scalar(d.flip(), np.bool_)], then_branch=first, else_branch=second)
    made.inputs.append(x)
    return made


@operator("Loop")
def loop(d):
    """At least one trip: the shape of what no trip has made is not defined."""
    x = d.pick(["float32"], 0, 3)
    state = np.zeros(d.shape_of(x), np.float32)
    inputs = [("n", np.array(0, np.int64)), ("c", np.array(True)), ("s", state)]
    nodes = [helper.make_node("Mul", ["s", x], ["p"]), helper.make_node("Sub", ["p", "s"], ["o"]),
             helper.make_node("Identity", ["c"], ["k"]), helper.make_node("Neg", ["o"], ["scanned"])]
    graph = body("loop", nodes, inputs, ["k", "o", "scanned"])
    made = d.node("Loop", [d.scalar(d.number(1, 3)), d.scalar(True, np.bool_) if d.flip() else "", d.like(x, low=-1, high=1)], 2, body=graph)
    made.inputs.append(x)
    return made


@operator("Scan")
def scan(d):
    length, size = d.number(1, 5), d.number(1, 4)
    inputs = [("s", np.zeros(size, np.float32)), ("x", np.zeros(size, np.float32))]
    nodes = [helper.make_node("Add", ["s", "x"], ["t"]), helper.make_node("Tanh", ["t"], ["u"])]
    x = d.value(d.array("float32", [length, size]))
    return d.node("Scan", [d.like(x, [size]), x], 2, num_scan_inputs=1, scan_input_directions=d.one(None, [0], [1]),
                  scan_output_directions=d.one(None, [0], [1]), body=body("scan", nodes, inputs, ["t", "u"]))


def modifier(d, shape, dtype):
    """A body of FlexAttention: a tensor of that shape and type in, and out. Its constants are its own."""
    kind = d.one("scale", "cap", "mask", "pass", "shift")
    fixed = lambda name, array: helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(array, dtype), name))
    if kind == "mask":
        low = np.where(np.tri(*shape[2:], d.number(0, 2)) > 0, 0, -1e4)
        nodes = [fixed("c", low), helper.make_node("Add", ["s", "c"], ["t"])]
    elif kind == "cap":
        nodes = [fixed("c", 2), helper.make_node("Div", ["s", "c"], ["u"]), helper.make_node("Tanh", ["u"], ["w"]),
                 helper.make_node("Mul", ["w", "c"], ["t"])]
    elif kind == "shift":
        nodes = [fixed("c", d.array("float32", [d.one(1, shape[1]), 1, d.one(1, shape[3])])), helper.make_node("Sub", ["s", "c"], ["t"])]
    else:
        nodes = [fixed("c", d.real(-1, 1)), helper.make_node("Mul", ["s", "c"], ["t"])] if kind == "scale" else []
    return body("modifier", nodes, [("s", np.zeros(shape, dtype))], ["t" if nodes else "s"])


@operator("FlexAttention", since=18)
def flex_attention(d):
    batch, heads, group, queries, keys, size = d.number(1, 2), d.number(1, 3), d.one(1, 1, 2, 3), d.number(1, 5), d.number(1, 6), d.number(1, 8)
    q = d.value(d.array(d.dtype(["float32", "float32", "float64", "float16"]), [batch, heads * group, queries, size]))
    precision = d.one(None, None, None, 1, 11)
    scores = {1: np.float32, 11: np.float64, None: np.float64 if d.type_of(q) == "float64" else np.float32}[precision]
    shape = [batch, heads * group, queries, keys]
    mods = {name: modifier(d, shape, scores) for name in ("score_mod", "prob_mod") if d.flip(0.4)}
    made = d.node(d.name, [q, d.like(q, [batch, heads, keys, size]), d.like(q, [batch, heads, keys, d.number(1, 6)])],
                  domain="ai.onnx.preview", scale=d.one(None, 0.25, 0.0625, d.real(0.1, 1)), softmax_precision=precision, **mods)
    if d.type_of(q) == "float64" and precision == 1:  # its digits are float32's
        return then(d, made, d.node("Cast", [made.outputs[0]], [f"{made.outputs[0]}_single"], to=1))
    return made


@operator("Scan", since=8, until=8)
def scan_of_batches(d):
    batch, length, size = d.number(1, 3), d.number(1, 5), d.number(1, 4)
    inputs = [("s", np.zeros(size, np.float32)), ("x", np.zeros(size, np.float32))]
    nodes = [helper.make_node("Add", ["s", "x"], ["t"]), helper.make_node("Tanh", ["t"], ["u"])]
    x = d.value(d.array("float32", [batch, length, size]))
    lengths = d.value(d.array("int64", [batch], 1, length)) if d.flip() else ""
    return d.node("Scan", [lengths, d.like(x, [batch, size]), x], 2, num_scan_inputs=1, directions=d.one(None, [0], [1]),
                  body=body("scan", nodes, inputs, ["t", "u"]))


@operator("StringConcat", since=20)
def string_concat(d):
    x = d.pick("string", 0, 3)
    return d.node(d.name, [x, d.partner(x)])


@operator("StringNormalizer")
def string_normalizer(d):
    x = d.value(d.array("string", [d.number(1, 6)]))
    return d.node(d.name, [x], case_change_action=d.one(None, "LOWER", "UPPER", "NONE"), is_case_sensitive=d.one(None, 0, 1),
                  stopwords=d.one(None, ["a", "rung "]))


@operator("StringSplit", since=20)
def string_split(d):
    x = d.value(d.array("string", [d.number(1, 5)]))
    return d.node(d.name, [x], 2, delimiter=d.one(None, ",", " ", "n"), maxsplit=d.one(None, 1, 2))


@operator("RegexFullMatch", since=20)
def regex(d):
    return d.node(d.name, [d.value(d.array("string", d.shape(1, 2, 1)))], pattern=d.one("[a-z]+", "a.b", "R.*|.", "-?[0-9.]+", ""))


@operator("Optional", "OptionalGetElement", "OptionalHasElement", since=18)
def optional(d):
    x = d.pick(["float32", "int64"], 0, 3)
    if d.name == "OptionalHasElement":
        return d.node(d.name, [x])
    maybe = d.inner("maybe")
    return then(d, d.node("Optional", [x], [maybe]), d.node("OptionalGetElement", [maybe]))


@operator("TfIdfVectorizer")
def tf_idf(d):
    return d.node(d.name, [d.value(d.array("int64", [d.number(1, 2), d.number(1, 12)], 0, 4))], mode=d.one("TF", "IDF", "TFIDF"),
                  min_gram_length=1, max_gram_length=2, max_skip_count=d.number(0, 2), ngram_counts=[0, 3],
                  ngram_indexes=[0, 1, 2, 3, 4], pool_int64s=[1, 2, 3, 1, 2, 2, 3], weights=d.one(None, [0.5, 1.0, 2.0, 1.5, 0.25]))


@operator("Scaler", "Normalizer", "Binarizer", "Imputer", "ArrayFeatureExtractor", "LinearRegressor", "LinearClassifier")
def ml_rows(d):
    rows, columns = d.number(1, 4), d.number(1, 5)
    x = d.value(d.array("float32", [rows, columns]))
    reals = lambda n, low=-2: [d.real(low, 2) for _ in range(n)]
    if d.name == "ArrayFeatureExtractor":
        return d.node(d.name, [x, d.value(d.array("int64", [1, d.number(1, 4)], 0, columns - 1))], domain=ML)
    attributes = {"Scaler": lambda: {"offset": reals(columns), "scale": reals(columns)},
                  "Normalizer": lambda: {"norm": d.one(None, "MAX", "L1", "L2")},
                  "Binarizer": lambda: {"threshold": d.real(-1, 1)},
                  "Imputer": lambda: {"imputed_value_floats": reals(columns), "replaced_value_float": d.one(0.0, float("nan"))},
                  "LinearRegressor": lambda: {"coefficients": reals(columns * 2), "intercepts": reals(2), "targets": 2},
                  "LinearClassifier": lambda: {"coefficients": reals(columns * 3), "intercepts": reals(3), "classlabels_ints": [4, 5, 6],
                                               "post_transform": d.one(None, "SOFTMAX", "LOGISTIC")}}[d.name]()
    return d.node(d.name, [x], 2 if d.name == "LinearClassifier" else 1, domain=ML, **attributes)


@operator("LabelEncoder", "OneHotEncoder", "CategoryMapper", "FeatureVectorizer")
def ml_mapping(d):
    words = d.value(d.array("string", d.shape(1, 2, 1)))
    numbers = d.value(d.array("int64", d.shape(1, 2, 1), 0, 5))
    if d.name == "FeatureVectorizer":
        rows = d.number(1, 3)
        parts = [d.value(d.array("float32", [rows, n])) for n in (1, 2)]
        return d.node(d.name, parts, domain=ML, inputdimensions=[1, 2])
    if d.name == "OneHotEncoder":
        return d.node(d.name, [numbers], domain=ML, cats_int64s=[0, 2, 4, 5], zeros=1)
    if d.name == "CategoryMapper":
        return d.node(d.name, [words], domain=ML, cats_strings=["a", "b", "1"], cats_int64s=[5, 6, 7], default_int64=-3)
    if d.flip():
        return d.node(d.name, [words], domain=ML, keys_strings=["a", "b", "1"], values_int64s=[5, 6, 7], default_int64=-3)
    return d.node(d.name, [numbers], domain=ML, keys_int64s=[0, 3, 4], values_floats=[0.5, 1.5, 2.5], default_float=9.0)


@operator("TreeEnsembleRegressor", "TreeEnsembleClassifier")
def trees(d):
    """One or two full trees of depth two over columns at random."""
    columns, count = d.number(1, 4), d.number(1, 2)
    mode = d.one("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}
    leaves = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}
    for tree in range(count):
        for node in range(7):
            leaf = node >= 3
            row = (tree, node, 0 if leaf else d.number(0, columns - 1), 0.0 if leaf else d.real(-2, 2), "LEAF" if leaf else mode,
                   0 if leaf else 2 * node + 1, 0 if leaf else 2 * node + 2)
            for key, entry in zip(nodes, row):
                nodes[key].append(entry)
            if leaf:
                for output in range(3):
                    for key, entry in zip(leaves, (tree, node, output, d.real(0.1, 1))):
                        leaves[key].append(entry)
    attributes = {f"nodes_{key}": entries for key, entries in nodes.items()}
    kind = "target" if d.name.endswith("Regressor") else "class"
    attributes.update({f"{kind}_{key}": entries for key, entries in leaves.items()})
    x = d.value(d.array("float32", [d.number(1, 5), columns]))
    if kind == "target":
        return d.node(d.name, [x], domain=ML, n_targets=3, aggregate_function=d.one(None, "SUM", "AVERAGE", "MIN", "MAX"), **attributes)
    return d.node(d.name, [x], 2, domain=ML, classlabels_int64s=[0, 1, 2], post_transform=d.one(None, "SOFTMAX", "LOGISTIC"), **attributes)
