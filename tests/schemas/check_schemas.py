#!/usr/bin/env python3
"""Holds rung's operators against ONNX's schemas: every operator, version and element type that a schema allows.

usage: check_schemas.py LIBRUNG [--write]
What rung lacks stands in holes.txt with a reason each; a hole that is not there fails, and so does a line that is no
longer a hole. --write prints the lines that holes.txt would need, with the reasons that are there.
The last line counts schemas and lines: N passed, N failed, N skipped.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
try:
    import numpy
    import onnx.defs
    sys.path.insert(0, str(HERE.parent / "differential"))
    from rung_library import Error, Library
except ImportError as missing:
    print(f"SKIPPED: the comparison with ONNX's schemas needs Python's onnx: {missing}\n0 passed, 0 failed, 1 skipped")
    sys.exit(77)

SPELLING = {"float": "float32", "double": "float64"}


def rung_operators(library):
    """(domain, name): since, and the element types of each input and output place, None for any."""
    found = {}
    for op in json.loads(library.text("rung_env_ops_json", library.env)):
        words = next((p["types"] for p in op["providers"] if p["provider"] == "cpu"), None)
        variables = {}
        for part in (words or "").split(";"):
            if ":" in part:
                variables[part.split(":")[0].strip()] = set(part.split(":")[1].split())
        places = {}
        for side in ("inputs", "outputs"):
            places[side] = []
            for place in op[side]:
                kind = place["type"]
                fixed = len(kind) > 1
                places[side].append(({kind} if fixed else variables.get(kind), place["variadic"], place["name"]))
        if (op["domain"], op["name"]) in found:
            raise SystemExit(f"FAILED: src/op/ops.inc lists {op['domain']}.{op['name']} twice\n0 passed, 1 failed, 0 skipped")
        found[op["domain"], op["name"]] = (op["since"], places, words is not None or op["driven_by_session"] or op["expanded"])
    return found


def tensor_types(schema, place):
    """Element types of tensors that a formal parameter may have."""
    return {SPELLING.get(t[7:-1], t[7:-1]) for t in place.types if t.startswith("tensor(")}


def missing_types(places, formals, schema):
    """(number and name of the place, types) that the schema allows and the signature refuses."""
    for i, formal in enumerate(formals):
        if not places:
            continue
        types, variadic, name = places[min(i, len(places) - 1)]
        if i >= len(places) and not variadic:
            yield i, formal.name, {"place"}
        elif types is not None:
            lacking = tensor_types(schema, formal) - types
            if lacking:
                yield i, name, lacking


def makes_type(library, schema, output, dtype):
    """Does rung give output number `output` this element type, which its signature does not name? Inference may know
    better: one node is run, all required inputs and outputs up to that one of the type."""
    number = onnx.helper.np_dtype_to_tensor_dtype(numpy.dtype(dtype)) if hasattr(numpy, dtype) else None
    required = [f.name for f in schema.inputs if f.option == onnx.defs.OpSchema.FormalParameterOption.Single]
    if number is None or any(f.type_str != schema.outputs[output].type_str for f in schema.inputs if f.name in required):
        return False
    values = [onnx.helper.make_tensor_value_info(name, number, [2, 3]) for name in required]
    results = [onnx.helper.make_tensor_value_info(f"out{i}", number, None) for i in range(output + 1)]
    node = onnx.helper.make_node(schema.name, required, [r.name for r in results], domain=schema.domain)
    imports = [onnx.helper.make_opsetid(schema.domain, schema.since_version)]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "one", values, results), opset_imports=imports, ir_version=8)
    try:
        made = library.run(model.SerializeToString(), {name: numpy.ones((2, 3), dtype) for name in required})
    except Error:
        return False
    return made[output].dtype == numpy.dtype(dtype)


def find_holes():
    """What rung lacks: {line: number of schemas}."""
    library = Library(sys.argv[1])
    operators, holes, schemas = rung_operators(library), {}, 0
    for schema in onnx.defs.get_all_schemas_with_history():
        schemas += 1
        key = schema.domain, schema.name
        title = f"{schema.domain}.{schema.name}".lstrip(".")
        if key not in operators:
            if title != "Constant":  # becomes a constant when the graph is built
                holes.setdefault(f"{title} operator", set())
            continue
        since, places, runs = operators[key]
        if schema.since_version < since:
            holes.setdefault(f"{title} version", set()).add(str(schema.since_version))
            continue
        if not runs:
            holes.setdefault(f"{title} kernel", set())
        for side, formals in (("inputs", schema.inputs), ("outputs", schema.outputs)):
            for i, name, types in missing_types(places[side], formals, schema):
                if side == "outputs" and types != {"place"}:
                    types = {t for t in types if not makes_type(library, schema, i, t)}
                if not types:
                    continue
                holes.setdefault(f"{title} {side[:-1]} {name}", set()).update(types)
    return {" ".join([line, *sorted(details)]): True for line, details in holes.items()}, schemas


def expected_holes():
    """{line: reason} of holes.txt."""
    lines = (HERE / "holes.txt").read_text().splitlines()
    return dict(line.split(" : ", 1) for line in lines if line and not line.startswith("#"))


def main():
    holes, schemas = find_holes()
    expected = expected_holes()
    if "--write" in sys.argv:
        reasons = {line.split()[0] + line.split()[1]: reason for line, reason in expected.items()}
        print("\n".join(f"{line} : {expected.get(line) or reasons.get(line.split()[0] + line.split()[1], '?')}" for line in sorted(holes)))
        return 0
    failed = 0
    for line in sorted(holes.keys() - expected.keys()):
        print(f"FAILED: a hole that tests/schemas/holes.txt does not name: {line}")
        failed += 1
    for line in sorted(expected.keys() - holes.keys()):
        print(f"FAILED: no longer a hole, take it out of tests/schemas/holes.txt: {line}")
        failed += 1
    print(f"{schemas + len(expected) - failed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
