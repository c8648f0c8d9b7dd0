#!/usr/bin/env python3
"""Does every file include only what its layer may see (docs: "Layers and folders")?

A folder of src/ sees itself, what stands left of it in ORDER, and the public headers. src/provider/<name>/ stands apart:
itself, opwise, descriptor, op, picture and base. src/doctor/ stands beside all: it sees base and descriptors. Tools, Python, the
drop-in library and tests of the API see the public headers only (and tools parts of tools/rung).
Prints every offence and exits with 1.

usage: check_layers.py [ROOT]
"""
import pathlib
import re
import sys

ORDER = ["base", "picture", "model", "op", "graph", "provider", "session", "api"]
OUTSIDE = ("tools/", "tests/api/", "python/", "src/ort/", "examples/")  # programs: they see include/ only
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)
GENERATED = {"providers.inc": "provider", "page_html.inc": "outside"}


def layer_of(path):
    """'base', 'provider', 'provider/cpu', 'api', 'outside' or None (free) of a path relative to the root."""
    if path.startswith(OUTSIDE):
        return "outside"
    if not path.startswith("src/"):
        return None
    parts = path.split("/")
    if len(parts) == 2:
        return "api"
    if parts[1] == "provider" and len(parts) > 3:
        return "provider/" + parts[2]
    return parts[1]


def allowed(layer):
    """The layers that files of `layer` may include; public headers are always allowed."""
    if layer == "outside":
        return set()
    if layer == "doctor":
        return {"doctor", "base", "provider/descriptor"}
    if layer.startswith("provider/"):
        return {layer, "provider/opwise", "provider/descriptor", "op", "picture", "base"}
    return set(ORDER[: ORDER.index(layer) + 1])


def resolve(root, path, name):
    """The included file, relative to the root; None when it is not in the tree."""
    folders = ("src", "include", "tests", "tools/rung", "tools/conformance")
    for base in (path.parent, *(root / folder for folder in folders)):
        found = (base / name).resolve()
        if found.is_file() and found.is_relative_to(root):
            return found.relative_to(root).as_posix()
    return None


def offences(root, path):
    relative = path.relative_to(root).as_posix()
    layer = layer_of(relative)
    if layer is None:
        return
    if layer not in ORDER and layer not in ("outside", "doctor") and not layer.startswith("provider/"):
        yield f"{relative}: src/{layer}/ is no layer; see ORDER in scripts/check_layers.py"
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        name = match.group(1)
        target = resolve(root, path, name)
        seen = GENERATED.get(name) if target is None else layer_of(target)
        if target is None and seen is None:
            yield f'{relative}:{line}: "{name}" is not in the tree'
        elif target and target.startswith("include/"):
            continue
        elif layer == "outside":
            if target and seen != "outside" and target.split("/")[0] != relative.split("/")[0]:
                yield f"{relative}:{line}: {name}: programs see include/ only"
        elif seen not in allowed(layer):
            yield f"{relative}:{line}: {name}: {layer} must not see {seen or target}"


def stems(root, files):
    """C file names are unique in the tree, so that a name in a debugger says which file; but a provider's main file
    has the name of its folder."""
    seen = {}
    for path in files:
        relative = path.relative_to(root).as_posix()
        if path.suffix == ".c" and relative.startswith("src/") and path.stem != path.parent.name:
            if path.name in seen:
                yield f"{relative}: the name is taken by {seen[path.name]}"
            seen.setdefault(path.name, relative)


def main():
    default = pathlib.Path(__file__).resolve().parent.parent
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else default
    files = sorted(p for folder in ("src", "include", "tools", "tests", "python", "examples")
                   for p in (root / folder).rglob("*") if p.suffix in (".c", ".h", ".inc"))
    found = [line for path in files for line in offences(root, path)] + list(stems(root, files))
    for path in files:  # public headers stand alone
        if path.relative_to(root).parts[0] == "include":
            for match in INCLUDE.finditer(path.read_text()):
                if not (root / "include" / match.group(1)).is_file():
                    found.append(f'{path.relative_to(root)}: "{match.group(1)}" is no public header')
    print("\n".join(found) if found else f"{len(files)} files keep their layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
