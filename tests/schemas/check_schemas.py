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
    import onnx.defs
    sys.path.insert(0, str(HERE.parent / "differential"))
    from rung_library import Library
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
    """(name of the place, types) that the schema allows and rung refuses."""
    for i, formal in enumerate(formals):
        if not places:
            continue
        types, variadic, name = places[min(i, len(places) - 1)]
        if i >= len(places) and not variadic:
            yield formal.name, {"place"}
        elif types is not None:
            lacking = tensor_types(schema, formal) - types
            if lacking:
                yield name, lacking


def find_holes():
    """What rung lacks: {line: number of schemas}."""
    operators, holes, schemas = rung_operators(Library(sys.argv[1])), {}, 0
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
            for name, types in missing_types(places[side], formals, schema):
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
