#!/usr/bin/env python3
"""Holds rung's shape inference against onnx.shape_inference and ONNX Runtime's symbolic tool.

usage: check_shapes.py LIBRUNG FOLDER ...
Every model.onnx below the folders: each rank and each size that onnx knows of a value must be what rung knows, too, and
what the symbolic tool knows rung must know. (That tool is wrong about Split, RMSNormalization's function and others, so
the number itself is not compared.) Shapes that a model declares for outputs are taken away: they are claims, and rung
works them out. rung may know more. Cases that must end in an error (inputs but no outputs) are passed over. What stands in
expected.txt, with a reason, is not compared; a line that no longer applies fails.
The last line counts models: N passed, N failed, N skipped.
"""
import json
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
try:
    import onnx
    from onnx import shape_inference
    sys.path.insert(0, str(HERE.parent / "differential"))
    from rung_library import Error, Library
except ImportError as missing:
    print(f"SKIPPED: the comparison of shapes needs Python's onnx: {missing}\n0 passed, 0 failed, 1 skipped")
    sys.exit(77)
try:
    from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
except ImportError:
    SymbolicShapeInference = None
# Of these the symbolic tool says what is not so: present is as long as the value of total_sequence_length asks for.
MISJUDGED = {"GroupQueryAttention"}


def must_fail(folder):
    sets = list(folder.glob("test_data_set_*"))
    return bool(sets) and not any(list(s.glob("output_*.pb")) for s in sets)


def from_onnx(model):
    return known_shapes(shape_inference.infer_shapes(model, strict_mode=True, data_prop=True))


def from_symbolic(model):
    if any(node.op_type in MISJUDGED for node in model.graph.node):
        raise ValueError("misjudged")
    return known_shapes(SymbolicShapeInference.infer_shapes(model, 2**31 - 1, True, False, 0))


def known_shapes(model):
    """{value: sizes, None where unknown} of the main graph's tensors."""
    shapes = {}
    for value in [*model.graph.value_info, *model.graph.output]:
        if value.type.HasField("tensor_type") and value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            shapes[value.name] = [d.dim_value if d.HasField("dim_value") else None for d in dims]
    return shapes


def rung_shapes(library, data, folder):
    """The same of rung; values that no node makes (any more) are absent, None stands for an unknown rank."""
    session = library.session(data, inspect_only=1, passes_off="identity,dedupe,dead")
    try:
        graph = json.loads(library.text("rung_session_graph_json", session.handle))
    finally:
        session.close()
    return {v["name"]: v["type"].get("shape") for v in graph["values"] + graph["outputs"] if v["type"]["kind"] == "tensor"}


def without_claims(model):
    """The model without what it says of shapes that follow from others."""
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        del graph.value_info[:]
        for output in graph.output:
            if output.type.HasField("tensor_type"):
                output.type.tensor_type.ClearField("shape")
        graphs += [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
    return model


def compare(title, theirs, ours):
    for name, dims in theirs.items():
        if name not in ours:
            continue
        mine = ours[name]
        if mine is None:
            yield f"{name}: {title} says {dims}, rung knows no rank"
        elif title != "onnx":
            if len(mine) == len(dims) and any(d is not None and not isinstance(m, int) for d, m in zip(dims, mine)):
                yield f"{name}: {title} says {dims}, rung {mine}"
        elif len(mine) != len(dims) or any(d is not None and d != m for d, m in zip(dims, mine)):
            yield f"{name}: {title} says {dims}, rung {mine}"


def differences(library, path):
    """None when no tool can tell anything."""
    model = without_claims(onnx.load(path))
    try:
        ours = rung_shapes(library, path.read_bytes(), path.parent)
    except Error as error:
        return None if error.code in ("UNSUPPORTED", "CONTRACT") else [f"rung: {error}"]
    found, asked = [], 0
    for title, tool in (("onnx", from_onnx), ("the symbolic tool", SymbolicShapeInference and from_symbolic)):
        try:
            theirs = tool(model) if tool else {}
        except Exception:  # a tool that does not know an operator, or refuses an opset
            continue
        asked += 1
        found += compare(title, theirs, ours)
    return found if asked else None


def main():
    library = Library(pathlib.Path(sys.argv[1]).resolve())
    folders = [pathlib.Path(folder).resolve() for folder in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as temporary:  # the symbolic tool writes files where it stands
        os.chdir(temporary)
        try:
            return check(library, folders)
        finally:
            os.chdir(HERE)


def check(library, folders):
    expected = dict(line.split(" : ", 1) for line in (HERE / "expected.txt").read_text().splitlines()
                    if line and not line.startswith("#"))
    passed = failed = skipped = 0
    used = set()
    for folder in folders:
        for path in sorted(folder.rglob("model.onnx")):
            if must_fail(path.parent):
                continue
            found = differences(library, path)
            key = path.parent.name
            if found and key in expected:
                used.add(key)
                found = []
            if found is None:
                skipped += 1
            elif found:
                failed += 1
                print(f"FAILED {key}: " + "; ".join(found[:3]))
            else:
                passed += 1
    seen = {path.parent.name for folder in folders for path in folder.rglob("model.onnx")}
    for key in sorted(set(expected) & seen - used):
        failed += 1
        print(f"FAILED: no difference any more, take it out of tests/shapes/expected.txt: {key}")
    if not SymbolicShapeInference:
        print("the symbolic tool is not there (Python's onnxruntime and sympy)")
        skipped += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
