#!/usr/bin/env python3
"""Makes the seeds of fuzz_input in tests/fuzz/corpus: a byte that names the reader, then a small file of each kind.

They are checked in: building needs no Python.
"""
import base64
import io
import pathlib
import struct
import wave
import zipfile
import zlib

READERS = {"npy": 0, "npz": 1, "picture": 2, "wav": 3, "labels": 4}
corpus = pathlib.Path(__file__).parent / "corpus/fuzz_input"

# 9 x 10 pixels: baseline, progressive, grey
JPEGS = [
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j"
    "q62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSk"
    "pKSkpKSkpKT/wAARCAAKAAkDASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAwEE/8QAJBAAAQMDAQkAAAAAAAAAAAAAAQAC"
    "AwUR0QQTFCFBQlFSVKP/xAAUAQEAAAAAAAAAAAAAAAAAAAAB/8QAFREBAQAAAAAAAAAAAAAAAAAAAAH/2gAMAwEAAhEDEQA/ALA2"
    "OnaTauALzwjb5HCzb/VfY+bcJqqb1KBvSIQQOQNzgJ7DsEwP/9k=",
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j"
    "q62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSk"
    "pKSkpKSkpKT/wgARCAAKAAkDASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAgAD/8QAFQEBAQAAAAAAAAAAAAAAAAAAAAH/"
    "2gAMAwEAAhADEAAAAbNtP//EABoQAAICAwAAAAAAAAAAAAAAAAADAQIREjP/2gAIAQEAAQUCjC67tG9D/8QAFBEBAAAAAAAAAAAA"
    "AAAAAAAAAP/aAAgBAwEBPwF//8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAgBAgEBPwF//8QAGxAAAQQDAAAAAAAAAAAAAAAAAAEQ"
    "ETJxkaH/2gAIAQEABj8CnRbgmG//xAAbEAABBAMAAAAAAAAAAAAAAAAAARAxQRFR8P/aAAgBAQABPyFOSmmzogh03//aAAwDAQAC"
    "AAMAAAAQn//EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQMBAT8Qf//EABURAQEAAAAAAAAAAAAAAAAAAAAB/9oACAECAQE/EI//"
    "xAAbEAEAAgMBAQAAAAAAAAAAAAABABFBUdEh8P/aAAgBAQABPxCpwvzY5PtwjvCBDA28JRon/9k=",
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j"
    "q62rZ4C8ybqmx5moq6T/wAALCAAKAAkBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAABAX/xAAeEAACAQMFAAAAAAAAAAAAAAAAAQQF"
    "ESEVIjFRYv/aAAgBAQAAPwA8am8bRmm+SpGSxhDLLpH/2Q=="
]


def write(reader, name, data):
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / f"{reader}_{name}").write_bytes(bytes([READERS[reader]]) + data)


def npy(descr, shape, data, fortran=False, version=1):
    head = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(head)) + head + data


def npz(method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("x.npy", npy("<f4", "(2,)", struct.pack("<2f", 1, 2)))
        archive.writestr("readme", b"text")
    return file.getvalue()


def png(colour, channels, depth=8):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = b"\0" + bytes(range(3 * channels * depth // 8))
    palette = chunk(b"PLTE", bytes(range(48))) if colour == 3 else b""
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, depth, colour, 0, 0, 0)) + palette
            + chunk(b"IDAT", zlib.compress(2 * row)) + chunk(b"IEND", b""))


def wav(channels, width):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((channels, width, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(range(24)))
    return file.getvalue()


def floats(width):
    data = struct.pack("<2" + {4: "f", 8: "d"}[width], 0.5, -1)
    form = struct.pack("<HHIIHH", 3, 1, 8000, 8000 * width, width, 8 * width)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", len(data)) + data


write("npy", "row_major", npy("<f4", "(2, 1)", bytes(8)))
write("npy", "column_major", npy(">i2", "(2, 3)", bytes(12), fortran=True))
write("npy", "complex", npy(">c8", "(1,)", bytes(8)))
write("npy", "text", npy("<U2", "(1,)", "n\u00e9".encode("utf-32-le")))
write("npy", "bytes", npy("|S3", "(2,)", b"abcd\0\0"))
write("npy", "block", npy("|V2", "()", bytes(2)))
write("npy", "version_2", npy("|b1", "(1,)", b"\1", version=2))
write("npz", "stored", npz(zipfile.ZIP_STORED))
write("npz", "deflated", npz(zipfile.ZIP_DEFLATED))
for name, colour, channels, depth in (("grey", 0, 1, 8), ("rgb", 2, 3, 8), ("rgba", 6, 4, 8), ("wide", 2, 3, 16),
                                      ("palette", 3, 1, 8)):
    write("picture", name, png(colour, channels, depth))
for name, text in zip(("baseline", "progressive", "jpeg_grey"), JPEGS):
    write("picture", name, base64.b64decode(text))
for width in (1, 2, 3, 4):
    write("wav", f"stereo_{8 * width}", wav(2, width))
write("wav", "single", floats(4))
write("wav", "double", floats(8))
write("labels", "lines", b"ant\r\nbee\n\ncat")
write("labels", "list", b'["ant", "b\\u00e9e", "\\ud83d\\ude00", 1, {}]')
write("labels", "objects", b'{"0": {"names": ["a", "b"], "c": null}, "1": "x\\n"}')
