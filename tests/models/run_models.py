#!/usr/bin/env python3
"""Runs trained models against their expected outputs.

usage: run_models.py CONFORMANCE FOLDER [CHAIN [option ...]]
FOLDER holds expected.json (tolerances) and one folder a model. Each runs with 1, 2, 3 and 4 threads.
The last line counts models: N passed, N failed, N skipped.
"""
import json
import pathlib
import subprocess
import sys

runner, folder = sys.argv[1], pathlib.Path(sys.argv[2])
chain, extra = (sys.argv[3] if len(sys.argv) > 3 else "cpu"), sys.argv[4:]
passed = failed = 0
for model in json.loads((folder / "expected.json").read_text())["models"]:
    name = model["model"]
    allowed = ["--rtol", str(model["rtol"]), "--atol", str(model["atol"]), "--cosine", str(model.get("cosine") or 0)]
    lines = []
    for threads in ("1", "2", "3", "4"):
        done = subprocess.run([runner, "-v", "-p", chain, *extra, "--threads", threads, *allowed, str(folder / name)],
                              capture_output=True, text=True)
        if done.returncode:
            lines.append(f"{threads} threads: {done.stdout.strip().splitlines()[0] if done.stdout else done.stderr}")
    passed, failed = (passed, failed + 1) if lines else (passed + 1, failed)
    print(("FAILED " if lines else "passed ") + name, *lines, sep="\n  " if lines else "")
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
