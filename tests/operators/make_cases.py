#!/usr/bin/env python3
"""Makes the cases of operators that ONNX's own cases do not cover, with ONNX Runtime (and Pillow) as the oracle.

usage: make_cases.py [--seed N] [--only PART] [--out FOLDER] [--check CONFORMANCE]
Without --check, the archives beside this file are written anew (with --only FAMILY/, that one). --check makes cases in a folder (a temporary one
unless --out names it) and runs them with the built program `conformance`; with another seed than 0, other numbers.
PART: only cases whose family/name has this in it. Needs numpy, onnx, onnxruntime, ml_dtypes and Pillow.
"""
import argparse
import importlib
import io
import json
import lzma
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from case import Random  # noqa: E402

FAMILIES = json.loads((HERE / "families.json").read_text())


def cases(family, seed, only):
    module = importlib.import_module(FAMILIES[family]["module"])
    for case in module.cases(lambda name: Random(name, seed)):
        if only in f"{family}/{case.name}":
            yield case


def make(folder, family, seed, only):
    count = bad = 0
    for case in cases(family, seed, only):
        try:
            case.write(folder / family)
            count += 1
        except Exception as error:  # what ONNX Runtime refuses
            print(f"{family}/{case.name}: {str(error)[:300]}", file=sys.stderr)
            bad += 1
    if bad:
        sys.exit(f"{bad} cases cannot be made")
    return count


def pack(folder, family):
    """The same bytes for the same cases: names sorted, no times, no owners."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted((folder / family).rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(str(path.relative_to(folder)))
                entry.size = path.stat().st_size
                archive.addfile(entry, io.BytesIO(path.read_bytes()))
    (HERE / f"{family}.tar.xz").write_bytes(lzma.compress(plain.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def check(runner, folder, family):
    tolerance = FAMILIES[family]
    command = [runner, "--rtol", str(tolerance["rtol"]), "--atol", str(tolerance["atol"]), *tolerance.get("flags", []),
               str(folder / family)]
    return subprocess.run(command).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--out")
    parser.add_argument("--check")
    given = parser.parse_args()
    folder = pathlib.Path(given.out or tempfile.mkdtemp(prefix="operators-"))
    failed = 0
    for family in FAMILIES:
        shutil.rmtree(folder / family, ignore_errors=True)
        count = make(folder, family, given.seed, given.only)
        if not count:
            continue
        print(f"{family}: {count} cases", flush=True)
        if given.check:
            failed += check(given.check, folder, family) != 0
        elif given.only in ("", f"{family}/"):
            pack(folder, family)
    if not given.out:
        shutil.rmtree(folder)
    sys.exit(failed > 0)


main()
