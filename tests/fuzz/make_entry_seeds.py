#!/usr/bin/env python3
"""Makes the seeds of fuzz_entry in tests/fuzz/corpus: entries of the engine cache, whole and wrong, with digests that fit."""
import hashlib
import pathlib
import struct

corpus = pathlib.Path(__file__).parent / "corpus" / "fuzz_entry"
HEAD, ALIGN = 96, 4096


def digest(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def field(kind, name, value):
    return struct.pack("<cHI", kind, len(name), len(value)) + name + value


def entry(fields, payload):
    offset = (HEAD + len(fields) + ALIGN - 1) // ALIGN * ALIGN
    head = b"rungkept" + struct.pack("<IIQQ", 1, len(fields), offset, len(payload)) + digest(payload)
    head += digest(head + fields)
    return (head + fields).ljust(offset, b"\0") + payload


fields = field(b"k", b"rung", b"0.1.0") + field(b"k", b"provider", b"fake") + field(b"n", b"kind", b"executable")
seeds = {
    "whole": entry(fields, b"payload"),
    "empty": entry(b"", b""),
    "fields": fields,
    "cut_field": entry(fields[:-3], b"x"),
    "bad_kind": entry(field(b"x", b"a", b"b"), b""),
    "long_value": entry(struct.pack("<cHI", b"k", 1, 2**32 - 1) + b"a", b""),
    "head": b"rungkept" + bytes(HEAD - 8),
}
corpus.mkdir(parents=True, exist_ok=True)
for name, data in seeds.items():
    (corpus / name).write_bytes(data)
