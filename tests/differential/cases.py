"""What runs found, kept: cases/<name>.json holds a model as text, operands and what ONNX says they give, or part of the error."""
import json
import pathlib

import judge
import numpy as np
import onnx
from draw import model
from onnx import numpy_helper
from rung_library import Error

FOLDER = pathlib.Path(__file__).parent / "cases"


def write_model(folder, finding):
    """A finding as an ONNX case: model.onnx, test_data_set_0."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    feeds = {n: a for n, a in finding.feeds.items() if n not in finding.fixed}
    made = model(finding.step.nodes, feeds, {n: finding.feeds[n] for n in finding.fixed}, finding.step.outputs, finding.opset)
    onnx.save(made, folder / "model.onnx")
    for what, arrays in (("input", feeds.values()), ("output", getattr(finding, "want", []))):
        for k, array in enumerate(arrays):
            if isinstance(array, np.ndarray):
                (data / f"{what}_{k}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())


def array(entry):
    if entry["type"] == "string":
        return np.array(entry["data"], object).reshape(entry["shape"])
    return np.array([float(x) if isinstance(x, str) else x for x in entry["data"]], entry["type"]).reshape(entry["shape"])


def replay(library):
    """(passed, failed) of the kept cases."""
    passed = failed = 0
    for path in sorted(FOLDER.glob("*.json")):
        case = json.loads(path.read_text())
        for forms in ("inputs", "constants"):
            words = play(library, case, forms == "constants")
            passed, failed = (passed, failed + 1) if words else (passed + 1, failed)
            if words:
                print(f"FAILED case {path.stem}, operands as {forms}: {words}")
    return passed, failed


def play(library, case, fixed):
    graph = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {case["opset"]}]>\n{case["graph"]}')
    operands = {name: array(entry) for name, entry in case["operands"].items()}
    given = {}
    for slot in list(graph.graph.input):
        if fixed:
            graph.graph.input.remove(slot)
            graph.graph.initializer.append(numpy_helper.from_array(operands[slot.name], slot.name))
        else:
            given[slot.name] = operands[slot.name]
    try:
        got = library.run(graph.SerializeToString(), given)
    except Error as error:
        return None if case.get("error") and case["error"] in str(error) else str(error)
    if "error" in case:
        return f"it runs, where an error with \"{case['error']}\" is expected"
    return "; ".join(judge.differences(got, [array(entry) for entry in case["results"]]))
