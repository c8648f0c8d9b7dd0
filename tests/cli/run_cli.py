#!/usr/bin/env python3
"""Tests of the command-line tool as its users see it: what it prints, writes, and answers.

usage: run_cli.py RUNG SCHEMAS commands|schemas [TEST ...]
`commands` are all tests but those of `schemas`, which validate every --json output; these need the package jsonschema:
without it they are skipped, and the exit status is 77.
"""
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import wave
import zipfile
import zlib

import tiny

try:
    import jsonschema
except ImportError:
    jsonschema = None

RUNG, SCHEMAS = sys.argv[1], pathlib.Path(sys.argv[2])
FAKE = pathlib.Path(RUNG).parents[2] / "tests" / "libfake.so"  # the fake accelerator, which saves what it compiles


def npy(dtype, shape, data, order=False):
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (dtype, order, shape)
    head += " " * ((-len(head) - 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data


def floats(*values):
    return struct.pack("<%df" % len(values), *values)


def png(width, height, rgb):
    """An RGB PNG of rows of bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + rgb[y * width * 3:(y + 1) * width * 3] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def put(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    def run_rung(self, *arguments, code=0, env=None, stdin=None):
        done = subprocess.run([RUNG, *map(str, arguments)], capture_output=True, text=True, timeout=120, input=stdin,
                              env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "xdg"), **(env or {})},
                              cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        if code:
            self.assertTrue(done.stderr.strip().splitlines()[-1].startswith("rung: "), done.stderr)
        return done

    def out(self, *arguments, **options):
        return self.run_rung(*arguments, **options).stdout

    def reason(self, *arguments, code):
        """The last line on standard error."""
        return self.run_rung(*arguments, code=code).stderr.strip().splitlines()[-1]

    def json(self, *arguments, code=0):
        return json.loads(self.out(*arguments, "--json", code=code))

    def values(self, *arguments):
        """Of the first output."""
        return self.json("run", *arguments)["sets"][0]["outputs"][0]["values"]


class Help(Case):
    COMMANDS = ["run", "inspect", "plan", "check", "bench", "verify", "measure", "compile", "cache", "providers", "doctor", "ops", "help"]

    def test_overview_names_every_command(self):
        for text in (self.out("--help"), self.out("help"), self.out()):
            for command in self.COMMANDS:
                self.assertRegex(text, rf"(?m)^  {command} ")

    def test_help_of_a_command_has_an_example(self):
        for command in self.COMMANDS:
            text = self.out("help", command)
            self.assertEqual(text, self.out(command, "--help"))
            self.assertRegex(text, rf"(?m)^  rung {command}")

    def test_help_wins_over_what_is_missing(self):
        self.assertIn("usage: rung run MODEL", self.out("run", "--input", "x", "--help"))

    def test_exit_codes_are_listed(self):
        text = self.out("help", "exit-codes")
        codes = [int(m) for m in re.findall(r"(?m)^ +(\d+)  ", text)]
        self.assertEqual(codes, sorted(set(codes)))
        self.assertLessEqual(max(codes), 125)
        self.assertIn("INVALID_MODEL", text)

    def test_topics(self):
        self.assertIn("f32[1,3,224,224]@FILE", self.out("help", "inputs"))
        self.assertIn("cuda?,cpu", self.out("help", "chains"))

    def test_manual_names_every_option(self):
        manual = self.out("help", "--man")
        self.assertTrue(manual.startswith(".TH RUNG 1"))
        for command in self.COMMANDS:
            self.assertIn(f".SS rung {command}", manual)
            for line in self.out("help", command, "--words").splitlines():
                option = line.split("\t")[0]
                self.assertIn(option.replace("-", "\\-"), manual)

    def test_version(self):
        self.assertRegex(self.out("--version"), r"^rung \d+\.\d+\.\d+\nlibrary ")
        self.assertIn("files", json.loads(self.out("--version", "--json")))


class Usage(Case):
    def test_near_misses_are_named(self):
        self.assertIn("did you mean run?", self.reason("rnu", code=2))
        self.assertIn("did you mean --input?", self.reason("run", "m", "--inptu", "x", code=2))
        self.assertIn("did you mean inputs?", self.reason("help", "imputs", code=2))
        self.assertIn("did you mean rgb?", self.reason("run", "m", "--channels", "rbg", code=2))
        self.assertIn("there are: nchw, nhwc, chw, hwc, hw", self.reason("run", "m", "--layout", "foooo", code=2))
        self.assertIn("did you mean depth?", self.reason("run", "m", "--limit", "depht=3", code=2))
        self.assertIn('did you mean "cuda"?', self.reason("doctor", "cuad", code=15))
        self.assertIn("(usage: rung providers)", self.reason("providers", "x", code=2))

    def test_what_is_missing(self):
        self.assertIn("MODEL is missing", self.reason("run", code=2))
        self.assertIn("needs a value", self.reason("run", "m", "--input", code=2))
        self.assertIn("one argument too many", self.reason("inspect", "a", "b", code=2))
        self.assertIn("--check needs --data", self.reason("run", "m", "--check", code=2))

    def test_bad_values(self):
        for arguments in (["--threads", "x"], ["--deadline", "soon"], ["--resize", "0x3"], ["--crop", "2x2+1"],
                          ["--scale", "0"], ["--std", "0"], ["--mean", "1,,2"], ["--top", "-1"], ["--rate", "1"],
                          ["--format", "txt"], ["--fill", "noise"], ["--threads", "4294967297"],
                          ["--limit", "depth=4294967298"], ["--limit", "depht=3"], ["--limit", "nodes"],
                          ["--breaker-failures", "4294967296"], ["--rtol", "nan"], ["--rtol", "-1"], ["--atol", "inf"],
                          ["--cosine", "nan"], ["--cosine", "2"], ["--repeat", "0"]):
            self.assertIn(arguments[0], self.reason("run", "m", *arguments, code=2))

    def test_bad_session_values(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [2]))
        for arguments in (["--dim", "n"], ["--shape", "x"], ["--limit", "sky=1"], ["--provider-option", "cpu"]):
            self.assertIn(arguments[0], self.reason("plan", model, *arguments, code=2))

    def test_files_that_are_not_there(self):
        self.assertIn("nowhere.onnx", self.reason("run", "nowhere.onnx", code=15))

    def test_json_failure_is_an_object(self):
        done = self.run_rung("run", "nowhere.onnx", "--json", code=15)
        self.assertEqual(json.loads(done.stdout)["error"]["exit_code"], 15)

    def test_closed_output_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("this system has no /dev/full")
        with open("/dev/full", "w") as full:
            done = subprocess.run([RUNG, "help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 20)


class Inputs(Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, ["n", 2]))

    def test_npy(self):
        path = self.put("x.npy", npy("<f4", "(2, 2)", floats(1, -2, 3, 4)))
        self.assertEqual(self.values(self.model, "--input", path), [1, 0, 3, 4])
        self.assertEqual(self.values(self.model, "-i", f"x={path}"), [1, 0, 3, 4])

    def test_npy_in_other_orders(self):
        path = self.put("x.npy", npy("<f4", "(2, 2)", floats(1, 3, 2, 4), order=True))
        self.assertEqual(self.values(self.model, "-i", path), [1, 2, 3, 4])
        path = self.put("y.npy", npy(">f4", "(1, 2)", struct.pack(">2f", 5, 6)))
        self.assertEqual(self.values(self.model, "-i", path), [5, 6])

    def test_npy_that_is_damaged(self):
        for data, word in ((npy("<f4", "(2, 2)", floats(1)), "fewer bytes"), (npy("|O", "(1,)", b""), "pickled"),
                           (b"\x93NUMPY\x01\x00\xff\xff{}}", "cut off"), (npy("<q9", "(1,)", b"12345678"), "not read"),
                           (npy("<f4", "(99999999999, 99999999999)", b""), "fewer bytes")):
            reason = self.reason("run", self.model, "-i", self.put("x.npy", data), code=11)
            self.assertIn(word, reason)
            self.assertIn('input "x": ', reason)

    def test_npz(self):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            path = self.folder / "x.npz"
            with zipfile.ZipFile(path, "w", method) as archive:
                archive.writestr("x.npy", npy("<f4", "(1, 2)", floats(7, -8)))
                archive.writestr("other.npy", npy("<f4", "(1, 2)", floats(9, 10)))
            self.assertEqual(self.values(self.model, "-i", f"x={path}"), [7, 0])
            self.assertEqual(self.values(self.model, "-i", f"x={path}:other"), [9, 10])
        self.assertIn("no member zzz.npy; there are: x, other", self.reason("run", self.model, "-i", f"x={path}:zzz", code=15))

    def test_npz_feeds_inputs_by_name(self):
        model = self.put("two.onnx", tiny.model([tiny.node("Add", ["a", "b"], ["y"])],
                                                [tiny.info("a", tiny.FLOAT, [1]), tiny.info("b", tiny.FLOAT, [1])],
                                                [tiny.info("y", tiny.FLOAT, [1])]))
        with zipfile.ZipFile(self.folder / "all.npz", "w") as archive:
            archive.writestr("a.npy", npy("<f4", "(1,)", floats(2)))
            archive.writestr("b.npy", npy("<f4", "(1,)", floats(3)))
        self.assertEqual(self.values(model, "-i", "all.npz"), [5])
        self.assertIn("which input?", self.reason("run", model, "-i", "c=1", code=2))
        self.assertIn('input "b"', self.reason("run", model, "-i", "a=1", code=2))

    def test_proto(self):
        path = self.put("x.pb", tiny.tensor([1, 2], [-1, 2]))
        self.assertEqual(self.values(self.model, "-i", path), [0, 2])
        self.run_rung("run", self.model, "-i", self.put("y.pb", b"\xff\xff\xff"), code=12)

    def test_raw(self):
        path = self.put("x.bin", floats(1, 2, 3, -4))
        self.assertEqual(self.values(self.model, "-i", f"x=f32[2,2]@{path}"), [1, 2, 3, 0])
        self.assertIn("16 bytes", self.reason("run", self.model, "-i", f"x=f32[1,2]@{path}", code=11))
        self.assertIn("TYPE[DIMENSIONS]@FILE", self.reason("run", self.model, "-i", f"x=f99[1,2]@{path}", code=2))

    def test_numbers(self):
        self.assertEqual(self.values(self.model, "-i", "x=[1,-2.5, 3e1,4]"), [1, 0, 30, 4])
        self.assertIn("do not make", self.reason("run", self.model, "-i", "x=[1,2,3]", code=11))
        scalar = self.put("s.onnx", tiny.one("Identity", tiny.INT64, []))
        self.assertEqual(self.values(scalar, "-i", "9007199254740993"), [9007199254740993])

    def test_empty_file(self):
        self.assertIn("is empty", self.reason("run", self.model, "-i", self.put("x.npy", b""), code=11))

    def test_a_model_that_is_not_there_is_named_once(self):
        self.assertEqual(self.reason("run", "nofile", code=15), "rung: nofile: it cannot be opened: No such file or directory")
        self.assertIn("it is a folder", self.reason("run", ".", code=20))

    def test_text(self):
        self.assertIn("it takes float32, not text", self.reason("run", self.model, "-i", "text:hello", code=11))
        model = self.put("t.onnx", tiny.one("Identity", tiny.STRING, [1]))
        self.assertEqual(self.values(model, "-i", "x=text:two words"), ["two words"])
        path = self.put("x.npy", npy("<U3", "(1,)", "né\0".encode("utf-32-le")))
        self.assertEqual(self.values(model, "-i", path), ["né"])

    def test_fill(self):
        self.assertEqual(self.values(self.model, "--fill", "ones"), [1, 1])
        self.assertEqual(self.values(self.model, "-i", "x=zeros[3,2]"), [0] * 6)
        first = self.values(self.model, "--fill", "random")
        self.assertEqual(first, self.values(self.model, "-i", "x=random"))
        self.assertNotEqual(first, self.values(self.model, "--fill", "random", "--seed", "1"))
        self.assertEqual(len(self.values(self.model, "--fill", "random", "--dim", "n=4")), 8)

    def test_standard_input(self):
        done = subprocess.run([RUNG, "run", self.model, "-i", "x=-", "--json"], capture_output=True,
                              input=npy("<f4", "(1, 2)", floats(3, 4)))
        self.assertEqual(json.loads(done.stdout)["sets"][0]["outputs"][0]["values"], [3, 4])

    def test_missing_input_says_what_to_do(self):
        self.assertIn("--input x=FILE", self.reason("run", self.model, code=2))


class OwnPictures(Case):
    """Formats that need no library."""

    def test_formats_are_told_by_first_bytes(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [1, 3, "h", "w"]))
        self.assertEqual(self.values(model, "-i", self.put("p.dat", b"P3 2 1 255 10 20 30 110 120 130")),
                         [10, 110, 20, 120, 30, 130])
        bmp = (b"BM" + struct.pack("<IHHI", 62, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 24, 0, 8, 0, 0, 0, 0)
               + bytes([30, 20, 10, 130, 120, 110, 0, 0]))
        self.assertEqual(self.values(model, "-i", self.put("b.dat", bmp), "--channels", "bgr"), [30, 130, 20, 120, 10, 110])
        self.assertIn("the BMP picture: the file ends early", self.reason("run", model, "-i", self.put("c.dat", bmp[:-4]), code=11))


class Pictures(Case):
    def setUp(self):
        super().setUp()
        if not json.loads(self.out("--version", "--json"))["files"]["png"]:
            self.skipTest("PNG cannot be read here")
        self.model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [1, 3, "h", "w"]))
        self.picture = self.put("p.png", png(2, 1, bytes([10, 20, 30, 110, 120, 130])))

    def test_channels_and_layout(self):
        self.assertEqual(self.values(self.model, "-i", self.picture), [10, 110, 20, 120, 30, 130])
        self.assertEqual(self.values(self.model, "-i", self.picture, "--channels", "bgr"), [30, 130, 20, 120, 10, 110])
        last = self.put("l.onnx", tiny.one("Relu", tiny.FLOAT, [1, "h", "w", 3]))
        self.assertEqual(self.values(last, "-i", self.picture), [10, 20, 30, 110, 120, 130])
        gray = self.put("g.onnx", tiny.one("Relu", tiny.FLOAT, [1, 1, "h", "w"]))
        self.assertEqual([round(v) for v in self.values(gray, "-i", self.picture)], [18, 118])

    def test_normalising(self):
        got = self.values(self.model, "-i", self.picture, "--scale", "1/2", "--mean", "1,2,3", "--std", "2")
        self.assertEqual(got, [2, 27, 4, 29, 6, 31])
        self.assertIn("3 channels", self.reason("run", self.model, "-i", self.picture, "--mean", "1,2", code=2))

    def test_resizing_to_the_model(self):
        fixed = self.put("f.onnx", tiny.one("Relu", tiny.FLOAT, [1, 3, 1, 1]))
        self.assertEqual(self.values(fixed, "-i", self.picture), [60, 70, 80])
        self.assertIn("picture 2 x 1 to 1 x 1", self.out("run", fixed, "-i", self.picture))

    def test_resize_and_crop(self):
        shape = self.json("run", self.model, "-i", self.picture, "--resize", "4x6")["sets"][0]["inputs"][0]["shape"]
        self.assertEqual(shape, [1, 3, 6, 4])
        shape = self.json("run", self.model, "-i", self.picture, "--resize", "3")["sets"][0]["inputs"][0]["shape"]
        self.assertEqual(shape, [1, 3, 3, 6])
        self.assertEqual(self.values(self.model, "-i", self.picture, "--crop", "1x1+1+0"), [110, 120, 130])
        self.assertIn("outside", self.reason("run", self.model, "-i", self.picture, "--crop", "5x5", code=11))

    def test_files_without_an_end(self):
        for arguments in (["--labels", "/dev/zero", "-i", "1"], ["--config", "/dev/zero"], ["--input", "/dev/zero"],
                          ["--locked", "/dev/zero"]):
            self.assertIn("/dev/zero has more than", self.reason("run", self.model, *arguments, code=17))
        self.assertIn("/dev/zero has more than", self.reason("doctor", "--explain", "/dev/zero", code=17))

    def test_options_belong_to_the_input_before(self):
        both = self.put("b.onnx", tiny.model([tiny.node("Concat", ["a", "b"], ["y"], axis=3)],
                                             [tiny.info("a", tiny.FLOAT, [1, 3, 1, None]), tiny.info("b", tiny.FLOAT, [1, 3, 1, None])],
                                             [tiny.info("y", tiny.FLOAT, [1, 3, 1, None])]))
        got = self.values(both, "--scale", "0.1", "-i", f"a={self.picture}", "--crop", "1x1+0+0", "-i", f"b={self.picture}",
                          "--crop", "1x1+1+0", "--scale", "1")
        self.assertEqual([round(v, 3) for v in got], [1, 110, 2, 120, 3, 130])

    def test_damaged_pictures(self):
        data = png(40, 40, bytes(4800))
        self.run_rung("run", self.model, "-i", self.put("d.png", data[:len(data) - 20]), code=11)
        self.run_rung("run", self.model, "-i", self.put("d.jpg", b"\xff\xd8\xff\xe0nothing"), code=11)
        huge = bytearray(data)
        huge[16:24] = struct.pack(">II", 60000, 60000)
        huge[29:33] = struct.pack(">I", zlib.crc32(bytes(huge[12:29])))
        self.run_rung("run", self.model, "-i", self.put("h.png", bytes(huge)), code=17)

    def test_output_as_picture(self):
        gray = self.put("g.onnx", tiny.one("Relu", tiny.FLOAT, [1, 1, "h", "w"]))
        text = self.out("run", gray, "-i", "x=random[1,1,5,7]", "--save-image", "y=mask.png")
        self.assertIn("mask.png: 7 x 5", text)
        data = (self.folder / "mask.png").read_bytes()
        self.assertEqual(struct.unpack(">II", data[16:24]), (7, 5))
        self.assertIn("did you mean y?", self.reason("run", gray, "--fill", "ones", "--save-image", "z=a.png", code=2))
        flat = self.put("v.onnx", tiny.one("Relu", tiny.FLOAT, [4]))
        self.assertIn("no picture", self.reason("run", flat, "--fill", "ones", "--save-image", "y=a.png", code=11))

    def test_picture_goes_round(self):
        # what was written is read back as the same values
        gray = self.put("g.onnx", tiny.one("Relu", tiny.FLOAT, [1, 1, "h", "w"]))
        self.run_rung("run", gray, "-i", "x=[0,51,102,255]", "--shape", "x=1x1x2x2", "--save-image", "y=a.png",
                      "--image-range", "0:255")
        self.assertEqual(self.values(gray, "-i", "a.png"), [0, 51, 102, 255])


class Sounds(Case):
    def wav(self, values, rate=8000, channels=1):
        with wave.open(str(self.folder / "s.wav"), "wb") as file:
            file.setparams((channels, 2, rate, 0, "NONE", ""))
            file.writeframes(struct.pack("<%dh" % len(values), *values))
        return "s.wav"

    def test_samples(self):
        model = self.put("m.onnx", tiny.one("Identity", tiny.FLOAT, [1, "n"]))
        path = self.wav([0, 16384, -32768, 8192])
        self.assertEqual(self.values(model, "-i", path), [0, 0.5, -1, 0.25])
        self.assertEqual(self.values(model, "-i", path, "--crop", "2+1"), [0.5, -1])
        self.assertEqual(self.values(model, "-i", self.wav([0, 16384, -32768, 0], channels=2)), [0.25, -0.5])

    def test_fixed_length(self):
        model = self.put("m.onnx", tiny.one("Identity", tiny.FLOAT, [6]))
        self.assertEqual(self.values(model, "-i", self.wav([16384] * 4)), [0.5] * 4 + [0, 0])

    def test_resampling_keeps_a_constant_and_the_length(self):
        model = self.put("m.onnx", tiny.one("Identity", tiny.FLOAT, ["n"]))
        for rate in (4000, 11025, 16000):
            got = self.values(model, "-i", self.wav([16384] * 400), "--rate", rate)
            self.assertEqual(len(got), round(400 * rate / 8000))
            for value in got[len(got) // 3:2 * len(got) // 3]:
                self.assertAlmostEqual(value, 0.5, places=2)

    def test_damaged(self):
        model = self.put("m.onnx", tiny.one("Identity", tiny.FLOAT, ["n"]))
        for data in (b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", b"RIFF\0\0\0\0WAVEfmt \2\0\0\0\1\0"):
            self.run_rung("run", model, "-i", self.put("d.wav", data), code=11)


class Outputs(Case):
    def test_npy_files(self):
        model = self.put("m.onnx", tiny.model([tiny.node("Relu", ["x"], ["a/b"])], [tiny.info("x", tiny.FLOAT, [2])],
                                              [tiny.info("a/b", tiny.FLOAT, [2])]))
        self.run_rung("run", model, "-i", "[1,2]", "-o", "deep/out")
        self.assertEqual((self.folder / "deep/out/a_b.npy").read_bytes(), npy("<f4", "(2,)", floats(1, 2)))

    def test_names_that_meet(self):
        model = self.put("m.onnx", tiny.model([tiny.node("Relu", ["x"], ["a/b"]), tiny.node("Abs", ["x"], ["a:b"])],
                                              [tiny.info("x", tiny.FLOAT, [1])],
                                              [tiny.info("a/b", tiny.FLOAT, [1]), tiny.info("a:b", tiny.FLOAT, [1])]))
        self.run_rung("run", model, "-i", "1", "-o", "out")
        self.assertEqual(sorted(os.listdir(self.folder / "out")), ["a_b.npy", "a_b_1.npy"])

    def test_types_that_npy_lacks(self):
        model = self.put("m.onnx", tiny.one("Cast", tiny.FLOAT, [2], out_dtype=tiny.BFLOAT16, to=tiny.BFLOAT16))
        self.assertIn("--format pb", self.reason("run", model, "-i", "[1,2]", "-o", "out", code=13))
        self.run_rung("run", model, "-i", "[1,2]", "-o", "out", "--format", "pb")
        self.assertIn(b"\x80\x3f\x00\x40", (self.folder / "out/output_0.pb").read_bytes())

    def test_sequences(self):
        model = self.put("m.onnx", tiny.model([tiny.node("SequenceConstruct", ["x", "x"], ["y"])],
                                              [tiny.info("x", tiny.FLOAT, [2])], [tiny.sequence_info("y", tiny.FLOAT)]))
        self.assertIn("2 items", self.out("run", model, "-i", "[1,2]"))
        self.assertEqual(self.json("run", model, "-i", "[1,2]")["sets"][0]["outputs"][0]["kind"], "sequence")
        self.assertIn("--format pb", self.reason("run", model, "-i", "[1,2]", "-o", "out", code=13))
        self.run_rung("run", model, "-i", "[1,2]", "-o", "out", "--format", "pb")
        os.rename(self.folder / "out/output_0.pb", self.put("data/output_0.pb", b""))
        self.put("data/input_0.pb", tiny.tensor([2], [1, 2]))
        self.run_rung("run", model, "--data", "data", "--check")

    def test_strings_as_npy(self):
        model = self.put("t.onnx", tiny.one("Identity", tiny.STRING, [1]))
        self.run_rung("run", model, "-i", "text:né", "-o", "out")
        self.assertEqual((self.folder / "out/y.npy").read_bytes(), npy("<U2", "(1,)", "né".encode("utf-32-le")))

    def test_what_is_no_regular_file_is_written_into(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [1]))
        def write(path):
            self.run_rung("run", model, "-i", "1", "-q", "--profile", path)
        os.mkfifo(self.folder / "fifo")
        reader = os.open(self.folder / "fifo", os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        write("fifo")
        self.assertTrue((self.folder / "fifo").is_fifo())
        json.loads(os.read(reader, 1 << 16))
        text = self.out("run", model, "-i", "1", "-q", "--profile", "/dev/stdout")
        self.assertEqual(json.loads(text[text.index("[\n"):])[0]["node"], "relu")
        with open(self.folder / "out.txt", "wb") as to:  # standard output that is a file keeps what stood before
            subprocess.run([RUNG, "run", model, "-i", "1", "--profile", "/dev/stdout"], stdout=to, check=True)
        text = (self.folder / "out.txt").read_text()
        self.assertIn("y  float32", text)
        self.assertIn('"node": "relu"', text)
        self.assertIn("times", text)

    def test_links_are_followed_and_modes_stay(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [1]))
        os.chmod(self.put("target", b"old"), 0o640)
        os.symlink("target", self.folder / "link")
        os.symlink("later", self.folder / "dangling")
        for name, target in (("link", "target"), ("dangling", "later")):
            for arguments in (["run", model, "-i", "1", "--profile", name], ["run", model, "-i", "1", "--save-optimized", name],
                              ["check", model, "--fix", name]):
                (self.folder / target).write_bytes(b"")
                self.run_rung(*arguments)
                self.assertTrue((self.folder / name).is_symlink(), arguments)
                self.assertGreater((self.folder / target).stat().st_size, 20, arguments)
        self.run_rung("run", model, "-i", "1", "--profile", "target")
        self.assertEqual((self.folder / "target").stat().st_mode & 0o777, 0o640)
        self.assertEqual(sorted(os.listdir(self.folder)), ["dangling", "later", "link", "m.onnx", "target"])

    def test_what_cannot_be_written(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [1]))
        for option in (["run", "--profile"], ["run", "--save-optimized"], ["check", "--fix"]):
            arguments = ["-i", "1"] if option[0] == "run" else []
            reason = self.reason(option[0], model, *arguments, option[1], "nodir/x.onnx", code=15)
            self.assertRegex(reason, r"nodir/x\.onnx(\W|$).*No such file or directory")

    def test_top_and_labels(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [1, 3]))
        labels = self.put("l.txt", "ant\nbee\ncat\n")
        text = self.out("run", model, "-i", "[1,5,3]", "--top", "2", "--labels", labels)
        self.assertRegex(text, r"5\.0000 +1  bee\n +3\.0000 +2  cat\n")
        for labels in ('["ant", "b\\u00e9e", "cat"]', '[{"c": "b", "n": ["x"]}, {"n": "bée"}, {}]', '{"0": "", "1": "bée", "2": ""}'):
            top = self.json("run", model, "-i", "[1,5,3]", "--top", "1", "--labels", self.put("l.json", labels))
            self.assertEqual(top["sets"][0]["outputs"][0]["top"], [[{"class": 1, "score": 5, "label": "bée"}]])
        soft = self.json("run", model, "-i", "[0,0,0]", "--top", "3", "--softmax")["sets"][0]["outputs"][0]["top"][0]
        self.assertAlmostEqual(sum(t["score"] for t in soft), 1)

    def test_what_is_not_finite_shows(self):
        model = self.put("m.onnx", tiny.one("Log", tiny.FLOAT, [2]))
        text = self.out("run", model, "-i", "[-1,0]")
        self.assertIn("1 NaN", text)
        self.assertIn("1 infinite", text)
        self.assertEqual(self.values(model, "-i", "[-1,0]"), ["nan", "-inf"])

    def test_names_cannot_disturb_the_terminal(self):
        model = self.put("m.onnx", tiny.model([tiny.node("Relu", ["x"], ["\x1b[31m\x9b"])], [tiny.info("x", tiny.FLOAT, [1])],
                                              [tiny.info("\x1b[31m\x9b", tiny.FLOAT, [1])]))
        for command in (["run", model, "-i", "1"], ["inspect", model], ["plan", model, "--why"]):
            self.assertNotIn("\x1b", self.out(*command))

    def test_optimized_model_runs(self):
        model = self.put("m.onnx", tiny.model([tiny.node("Identity", ["x"], ["a"]), tiny.node("Relu", ["a"], ["y"])],
                                              [tiny.info("x", tiny.FLOAT, [2])], [tiny.info("y", tiny.FLOAT, [2])]))
        self.run_rung("run", model, "-i", "[1,-2]", "--save-optimized", "o.onnx")
        self.assertEqual(self.values("o.onnx", "-i", "[1,-2]"), [1, 0])
        self.assertEqual(self.json("inspect", "o.onnx")["nodes"], 1)
        self.run_rung("run", model, "-i", "[1,-2]", "--save-optimized", "o.onnx", "--pass-off", "all")
        self.assertEqual(self.json("inspect", "o.onnx")["nodes"], 2)
        self.assertIn("there are: pads, ", self.reason("run", model, "--pass-off", "nothing", code=11))

    def test_profile(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [2]))
        self.run_rung("run", model, "-i", "[1,2]", "--profile", "p.json", "--repeat", "3")
        steps = json.loads((self.folder / "p.json").read_text())
        self.assertEqual({s["provider"] for s in steps}, {"cpu"})
        self.assertIn(0, {s["thread"] for s in steps})

    def test_profile_formats(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [2]))
        self.run_rung("run", model, "-i", "[1,2]", "--profile", "p.trace.json")
        events = json.loads((self.folder / "p.trace.json").read_text())["traceEvents"]
        self.assertIn(("Relu", "X", 0), {(e["name"], e["ph"], e["tid"]) for e in events})
        self.assertIn("thread_name", {e["name"] for e in events})
        for event in events:
            if event["ph"] == "X":
                self.assertGreaterEqual(event["dur"], 0)
        self.run_rung("run", model, "-i", "[1,2]", "--profile", "p.json", "--profile-format", "chrome")
        self.assertIn("traceEvents", json.loads((self.folder / "p.json").read_text()))
        self.run_rung("run", model, "-i", "[1,2]", "--profile", "p.html", "--json")
        self.assertTrue((self.folder / "p.html").read_text().startswith("<!doctype html>"))
        self.assertIn("html", self.reason("run", model, "--profile-format", "pdf", code=2))


class Data(Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [2]))
        for k, expected in enumerate(([1, 0], [3, 4])):
            self.put(f"data/test_data_set_{k}/input_0.pb", tiny.tensor([2], [[1, -2], [3, 4]][k]))
            self.put(f"data/test_data_set_{k}/output_0.pb", tiny.tensor([2], expected))

    def test_all_sets(self):
        text = self.out("run", self.model, "--data", "data", "--check")
        self.assertEqual(text.count("ok "), 2)
        self.assertEqual(len(self.json("run", self.model, "--data", "data", "--check")["sets"]), 2)

    def test_one_set(self):
        self.assertEqual(len(self.json("run", self.model, "--data", "data/test_data_set_1")["sets"]), 1)

    def test_difference(self):
        self.put("data/test_data_set_1/output_0.pb", tiny.tensor([2], [3, 4.5]))
        self.assertIn("element 1 is 4, not 4.5", self.reason("run", self.model, "--data", "data", "--check", code=1))
        self.out("run", self.model, "--data", "data", "--check", "--atol", "0.5")
        self.out("run", self.model, "--data", "data", "--check", "--rtol", "0.2")
        self.out("run", self.model, "--data", "data", "--check", "--rtol", "0.2", "--cosine", "0.9999", code=1)
        check = self.json("run", self.model, "--data", "data", "--check", code=1)["sets"][1]["check"][0]
        self.assertEqual((check["ok"], check["max_abs"], check["wrong"]), (False, 0.5, 1))

    def test_other_shape_and_type(self):
        self.put("data/test_data_set_0/output_0.pb", tiny.tensor([1], [1]))
        self.assertIn("shape [2], not [1]", self.reason("run", self.model, "--data", "data", "--check", code=1))
        self.put("data/test_data_set_0/output_0.pb", tiny.tensor([2], [1, 0], tiny.INT64))
        self.assertIn("type float32, not int64", self.reason("run", self.model, "--data", "data", "--check", code=1))

    def test_input_wins_over_data(self):
        self.assertEqual(self.values(self.model, "--data", "data/test_data_set_0", "-i", "[7,8]"), [7, 8])

    def test_what_is_not_there(self):
        self.run_rung("run", self.model, "--data", "nowhere", code=15)
        os.remove(self.folder / "data/test_data_set_1/output_0.pb")
        self.assertIn("output_0.pb is not there", self.reason("run", self.model, "--data", "data", "--check", code=15))

    def test_outputs_of_sets_lie_apart(self):
        self.run_rung("run", self.model, "--data", "data", "-o", "out")
        self.assertTrue((self.folder / "out/test_data_set_1/y.npy").exists())


class Plans(Case):
    def setUp(self):
        super().setUp()
        self.model = self.put("m.onnx", tiny.model([tiny.node("Relu", ["x"], ["a"]), tiny.node("Mystery", ["a"], ["y"], domain="some.where")],
                                                   [tiny.info("x", tiny.FLOAT, ["n"])], [tiny.info("y", tiny.FLOAT, ["n"])],
                                                   domains=["some.where"], metadata=[("author", "me")]))
        self.good = self.put("g.onnx", tiny.one("Relu", tiny.FLOAT, ["n", 4]))

    def test_plan(self):
        text = self.out("plan", self.good, "--shape", "x=2x4")
        self.assertRegex(text, r"cpu  1 node in 1 island, 100 % of 8 FLOP")
        self.assertEqual(self.json("plan", self.good)["stage"], "claimed")
        self.assertEqual(self.json("plan", self.good, "--compile")["stage"], "compiled")

    def test_long_names_of_bodies_keep_their_ends(self):
        name = "a" * 100 + "é" * 100
        body = tiny.graph([tiny.node("Add", ["sum_in", "one"], ["sum_out"]), tiny.node("Identity", ["go"], ["go_out"])],
                          [tiny.info("i", tiny.INT64, []), tiny.info("go", tiny.BOOL, []), tiny.info("sum_in", tiny.FLOAT, [])],
                          [tiny.info("go_out", tiny.BOOL, []), tiny.info("sum_out", tiny.FLOAT, [])],
                          [tiny.tensor([], [1.0], name="one")])
        model = self.put("l.onnx", tiny.model([tiny.node("Loop", ["trips", "", "x"], ["y"], name=name, body=body)],
                                              [tiny.info("x", tiny.FLOAT, [])], [tiny.info("y", tiny.FLOAT, [])],
                                              [tiny.tensor([], [5], tiny.INT64, name="trips")]))
        lines = self.out("plan", model).splitlines()
        self.assertLessEqual(max(map(len, lines)), 120)
        self.assertTrue(any("...éé" in line and "/main" in line for line in lines), lines)

    def test_contract(self):
        text = self.out("plan", self.good, "--contract", "islands<=3,strict")
        self.assertRegex(text, r"islands<=3 +1 +holds")
        self.assertIn("holds", self.json("plan", self.good, "--contract", "strict")["contract"][0]["verdict"])
        done = self.run_rung("plan", self.good, "--contract", "islands<=0", code=21)
        self.assertRegex(done.stdout, r"islands<=0 +1 +broken")  # the plan is shown all the same
        self.assertIn("1 too many", done.stderr)
        self.assertIn("1 too many", self.run_rung("check", self.good, "--contract", "islands<=0", code=21).stderr)
        self.assertIn("coverage>=95%", self.reason("plan", self.good, "--contract", "coverage<=1", code=11))

    def test_offline(self):
        text = self.out("plan", self.good, "-p", "nnapi,cpu", "--offline")
        self.assertIn("offline, by the table of", text)
        self.assertIn("islands (offline)", text)
        self.assertRegex(text, r"--dim n=1 +nnapi +0 -> 1 of 1 nodes")  # each change is tried
        plan = self.json("plan", self.good, "-p", "coreml,cpu", "--offline")
        self.assertEqual((plan["stage"], plan["nodes"][0]["provider"]), ("offline", "coreml"))
        self.assertIn("coreml", plan["providers"][0]["offline"])
        self.out("plan", self.good, "-p", "coreml,cpu", "--offline", "--contract", "coverage>=95%")
        done = self.run_rung("plan", self.good, "-p", "nnapi?,cpu", "--offline", "--contract", "strict", code=21)
        self.assertIn("dimension 0 of X", done.stderr)
        self.assertIn("cannot compile", self.reason("plan", self.good, "--offline", "--compile", code=2))
        verdict = self.json("check", self.good, "-p", "nnapi?,cpu", "--offline")
        self.assertEqual(verdict["changes"][0], {"change": "--dim n=1", "provider": "nnapi", "before": 0, "after": 1,
                                                 "nodes": 1})
        self.assertEqual(verdict["refused"][0]["reason"], "dynamic-dimension")

    def test_fix(self):
        floats = tiny.FLOAT
        nodes = [tiny.node("Pad", ["x", "p"], ["a"], "pad", mode="reflect"), tiny.node("Relu", ["a"], ["y"])]
        pads = tiny.tensor([4], [0, 1, 0, 2], tiny.INT64, "p")
        model = self.put("pad.onnx", tiny.model(nodes, [tiny.info("x", floats, ["n", 4])],
                                                [tiny.info("y", floats, ["n", 7])], [pads], 17))
        arguments = ["check", model, "-p", "nnapi,cpu", "--offline", "--dim", "n=2", "--fix", "mended.onnx"]
        text = self.out(*arguments)
        self.assertIn("equal bit for bit on 3 random inputs", text)
        self.assertIn("pads: 1 node", text)
        self.assertRegex(text, r"nnapi takes 4 of 4 nodes, and 0 of 2 before")
        mended = self.json(*arguments)["mended"]
        self.assertEqual(mended["providers"][0], {"provider": "nnapi", "before": 0, "after": 4})
        self.assertEqual(self.json("inspect", "mended.onnx")["inputs"][0]["shape"], [2, 4])
        given = ["--input", "1,2,3,4,5,6,7,-8"]
        self.assertEqual(self.values(model, "--dim", "n=2", *given), self.values("mended.onnx", *given))
        self.assertNotIn("mended.onnx.unproved", os.listdir(self.folder))
        # without anything to mend the copy is equal, too; where it cannot be written, nothing is left
        self.assertIn("equal bit for bit", self.out("check", self.good, "--fix", "same.onnx"))
        self.run_rung("check", self.good, "--fix", "no/such/folder.onnx", code=15)

    def test_on_failure(self):
        done = self.json("run", self.good, "--fill", "ones", "--on-failure", "next", "--repeat", "2")["providers"]
        self.assertEqual((done["on_failure"], done["runs"], done["journal"]), ("next", 2, []))
        self.assertIn("error|next", self.reason("run", self.good, "--on-failure", "maybe", code=2))
        self.assertIn("no-demotion", self.reason("run", self.good, "--fill", "ones", "--on-failure", "next", "--contract", "no-demotion", code=11))

    def test_pin(self):
        self.assertIn("did you mean op:Relu?", self.reason("plan", self.good, "--pin", "op:Rleu=cpu", code=15))
        self.out("plan", self.good, "--pin", "op:Relu=cpu")
        self.assertIn("op:Conv", self.reason("plan", self.good, "--pin", "op:Conv=cpu", code=15))
        self.assertIn("NODES=PROVIDER", self.reason("plan", self.good, "--pin", "op:Conv", code=2))

    def test_lock(self):
        self.out("plan", self.good, "--lock", "good.lock")
        self.assertNotIn("1 nodes", (self.folder / "good.lock").read_text())
        self.out("run", self.good, "--fill", "ones", "--locked", "good.lock")
        lock = (self.folder / "good.lock").read_text()
        self.put("other.lock", lock.replace("(Relu) on cpu", "(Relu) on cuda").encode())
        done = self.run_rung("run", self.good, "--fill", "ones", "--locked", "other.lock", code=21)
        self.assertIn("(Relu) on cuda", done.stderr)
        self.assertIn("(Relu) on cuda", self.run_rung("run", self.good, "--fill", "ones", "--locked", "other.lock", "--lock-warns").stdout)

    def test_check_holds_to_a_lock(self):
        self.out("plan", self.good, "--lock", "good.lock")
        self.assertTrue(self.json("check", self.good, "--locked", "good.lock")["compiled"])
        lock = (self.folder / "good.lock").read_text()
        self.put("other.lock", lock.replace("(Relu) on cpu", "(Relu) on \x1b[31m"))
        done = self.run_rung("check", self.good, "--locked", "other.lock", code=21)
        warned = self.run_rung("check", self.good, "--locked", "other.lock", "--lock-warns")
        planned = self.run_rung("plan", self.good, "--locked", "other.lock", "--lock-warns")
        for text in (done.stderr, warned.stderr, planned.stdout):  # lines stay lines; what is in them is harmless
            self.assertRegex(text, r"(?m)^.*\(Relu\) on \\x1b\[31m$")
            self.assertNotIn("\x1b", text)
            self.assertNotIn("x0a", text)

    def test_options_from_a_file(self):
        self.put("options", b"# for tests\ncontract = islands<=0\n\n why\n")
        self.run_rung("plan", self.good, "--config", "options", code=21)
        for value in (b'"islands<=0"', b"'islands<=0'\r"):  # as an editor of Windows leaves it
            self.put("options", b"\xef\xbb\xbfcontract = " + value + b"\n")
            self.assertIn("islands<=0", self.run_rung("plan", self.good, "--config", "options", code=21).stderr)
        self.put("wrong", b"\ncontrakt = x\n")
        reason = self.reason("plan", self.good, "--config", "wrong", code=2)
        self.assertIn("line 2", reason)
        self.assertIn("did you mean", reason)

    def test_refusal_is_an_error_with_the_node(self):
        done = self.run_rung("plan", self.model, code=13)
        self.assertIn("some.where.Mystery", done.stderr)

    def test_check_names_the_opsets_that_are_known(self):
        model = self.put("new.onnx", tiny.model([tiny.node("Relu", ["x"], ["y"])], [tiny.info("x", tiny.FLOAT, [2])],
                                                [tiny.info("y", tiny.FLOAT, [2])], opset=99))
        self.assertRegex(self.run_rung("check", model, code=1).stdout, r"opset: opset 99 of ai\.onnx; it is known in 1 to \d+\n")

    def test_check(self):
        self.assertIn("runs it", self.out("check", self.good, "--compile"))
        text = self.out("check", self.model, code=1)
        self.assertIn("cannot run it", text)
        self.assertIn("some.where.Mystery", text)
        verdict = self.json("check", self.model, code=1)
        self.assertEqual((verdict["unplaced"], verdict["refused"][0]["reason"]), (1, "operator"))
        self.run_rung("check", self.put("bad.onnx", b"\x0a\xff\xff"), code=12)

    def test_step_down_is_told(self):
        # a provider that is known and certainly not here is skipped where it is optional, and an error where it is not
        absent = next((p["name"] for p in self.json("providers") if not p["usable"]), None)
        if not absent:
            self.skipTest("every provider is usable on this machine")
        done = self.run_rung("run", self.good, "--fill", "ones", "-p", f"{absent}?,cpu")
        self.assertIn(f"{absent}?", done.stdout)
        self.assertIn("skipped", done.stdout)
        self.assertEqual(done.stderr, "")
        done = self.run_rung("run", self.good, "--fill", "ones", "-p", f"{absent}?,cpu", "--quiet")
        self.assertNotIn("skipped", done.stdout)
        self.assertIn(f"provider {absent} is skipped", done.stderr)
        self.assertIn(absent, self.reason("run", self.good, "--fill", "ones", "-p", f"{absent},cpu", code=14))

    def test_origin_of_an_error(self):
        self.assertRegex(self.run_rung("plan", self.model, "-v", code=13).stderr, r"raised at src/session/place\.c:\d+")

    def test_unknown_provider(self):
        self.assertIn('did you mean "cpu"?', self.reason("plan", self.good, "-p", "cpuu", code=15))

    def test_a_wrong_chain_leaves_nothing_half_said(self):
        self.assertEqual(self.run_rung("inspect", self.good, "-p", "cpuu", code=15).stdout, "")

    def test_inspect(self):
        text = self.out("inspect", self.model)
        for words in ("some.where.Mystery", "not known to rung", "ai.onnx 21", "float32[n]", "author", "--dim"):
            self.assertIn(words, text)
        facts = self.json("inspect", self.model)
        self.assertEqual(facts["nodes"], 2)
        self.assertEqual(facts["inputs"][0]["shape"], ["n"])
        self.assertTrue(facts["flops_are_lower_bound"])

    def test_graphs(self):
        self.assertIn("--graph json", self.reason("inspect", self.good, "--graph", "dot", "--json", code=2))
        text = self.out("inspect", self.model, "--graph", "dot")
        self.assertTrue(text.startswith("digraph"))
        self.assertIn('label="Mystery"', text)
        loop = self.put("l.onnx", tiny.endless())
        self.assertIn("subgraph cluster_0", self.out("inspect", loop, "--graph", "dot"))
        dot = self.out("inspect", loop, "--graph", "dot", "--pass-off", "all")
        self.assertEqual(dot, self.out("inspect", loop, "--graph", "dot", "--pass-off", "all"))  # no addresses
        ids = re.findall(r'(?m)^  ("[nvo][\d.]+") \[shape', dot)
        self.assertEqual(len(ids), len(set(ids)))
        self.assertLessEqual(set(re.findall(r'"[nvo][\d.]+"', dot)), set(ids))
        self.assertIn('"n0.0.1"', ids)
        graph = json.loads(self.out("inspect", loop, "--graph", "json"))
        self.assertEqual([n["op_type"] for n in graph["nodes"]], ["Loop"])
        self.assertEqual(len(graph["nodes"][0]["bodies"]), 1)

    def test_limits(self):
        self.assertIn("nodes", self.reason("inspect", self.model, "--limit", "nodes=1", code=17))


class Machine(Case):
    def test_providers(self):
        names = [p["name"] for p in self.json("providers")]
        self.assertIn("cpu", names)
        text = self.out("providers", "--why")
        for name in names:
            self.assertRegex(text, rf"(?m)^{name} ")

    def test_doctor_wants_a_root_that_is_there(self):
        for root in ("nodir", self.put("file", b"")):
            self.assertIn("--root", self.reason("doctor", "--root", root, code=15))

    def test_ops(self):
        self.assertRegex(self.out("ops", "relu"), r"Relu +ai\.onnx +\d+-\d+ +cpu")
        self.assertRegex(self.out("ops", "FlexAttention"), r"session +writes it as what it is made of")
        self.assertGreater(len(self.json("ops", "--provider", "cpu")), 50)
        self.assertIn("did you mean cpu?", self.reason("ops", "--provider", "cqu", code=15))
        for arguments in (["Relo"], ["Relo", "--json"], ["com.microsoft.Relo"]):
            self.assertIn("did you mean Relu?", self.reason("ops", *arguments, code=15))
        self.assertRegex(self.out("ops", "com.microsoft.Gelu"), r"Gelu +com\.microsoft")
        self.assertNotIn("microsoft", self.out("ops", "ai.onnx.Gelu"))

    def test_provider_that_cannot_be_loaded(self):
        self.assertIn("nothing.so", self.reason("providers", "--load", "nothing.so", code=15))

    def test_bench_chains(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [2]))
        chains = ("-p", "cpu", "-p", "cpu?")
        result = self.json("bench", model, *chains, "-n", "40")
        self.assertEqual([c["chain"] for c in result["chains"]], ["cpu", "cpu?"])
        self.assertEqual(result["reference"], "the outputs of cpu")
        self.assertIsNone(result["chains"][0]["accuracy"])
        self.assertTrue(result["chains"][1]["accuracy"]["agrees"])
        self.assertEqual([c["results"][0]["runs"] for c in result["chains"]], [40, 40])
        self.assertEqual(result["chains"][0]["results"][0]["ratio"], 1)
        self.assertIn(result["recommendation"]["chain"], ["cpu", "cpu?"])
        self.assertIn("recommended", self.out("bench", model, *chains, "-n", "3"))
        self.assertIn("-p nobody", self.reason("bench", model, "-p", "cpu", "-p", "nobody", code=15))

    def test_options_are_for_the_chains_that_name_the_provider(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [2]))
        fake = ("--load", FAKE, "--provider-option", "fake.claim=Relu", "-p", "fake?,cpu")
        self.assertEqual(len(self.json("bench", model, *fake, "-p", "cpu", "-n", "2")["chains"]), 2)
        self.assertTrue(all(o["ok"] for s in self.json("verify", model, *fake, "--against", "cpu")["sets"] for o in s["outputs"]))
        self.assertIn("fakery", self.reason("bench", model, *fake, "-p", "cpu", "--provider-option", "fakery.a=b", code=15))
        self.assertIn("not in the chain", self.reason("bench", model, "--load", FAKE, "-p", "cpu", "-p", "cpu?",
                                                      "--provider-option", "fake.claim=Relu", code=11))

    def test_bench_with_data(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [2]))
        for k, expected in enumerate(([1, 0], [3, 4])):
            self.put(f"data/test_data_set_{k}/input_0.pb", tiny.tensor([2], [[1, -2], [3, 4]][k]))
            self.put(f"data/test_data_set_{k}/output_0.pb", tiny.tensor([2], expected))
        result = self.json("bench", model, "--data", "data", "-n", "4")
        self.assertEqual(result["reference"], "the expected outputs of data")
        self.assertEqual(result["chains"][0]["accuracy"]["elements"], 4)
        self.put("data/test_data_set_1/output_0.pb", tiny.tensor([2], [3, 5]))
        result = self.json("bench", model, "--data", "data", "-n", "4")
        self.assertFalse(result["chains"][0]["accuracy"]["agrees"])
        self.assertIsNone(result["recommendation"]["chain"])
        self.assertIn("is 4, not 5", result["recommendation"]["words"])
        self.assertIn("--batch", self.reason("bench", model, "--data", "data", "--batch", "2", code=2))

    def test_bench(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, ["n", 4]))
        result = self.json("bench", model, "--runs", "7", "--parallel", "3", "--batch", "1,5", "--threads", "1")
        self.assertEqual([(r["batch"], r["runs"]) for r in result["chains"][0]["results"]], [(1, 21), (5, 21)])
        self.assertIn("median", self.out("bench", model, "-n", "3"))
        self.assertIsNone(result["chains"][0]["accuracy"])
        fixed = self.put("f.onnx", tiny.one("Relu", tiny.FLOAT, [4]))
        self.assertIn("--batch", self.reason("bench", fixed, "--batch", "2", code=2))

    def test_measure(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, ["n", 4]))
        text = self.out("measure", model, "-n", "2")
        self.assertIn("a run are expected", text)
        figures = pathlib.Path(model + ".figures").read_text().splitlines()
        self.assertEqual(figures[0], "rung figures 1")
        self.assertTrue(any(line.startswith("island cpu ") for line in figures))
        plan = self.json("plan", model, "--figures", model + ".figures")
        self.assertGreater(plan["expected_ns"], 0)
        self.put("wrong", b"rung figures 1\nnonsense\n")
        self.assertIn("line 2", self.reason("plan", model, "--figures", "wrong", code=11))

    def test_completion_words(self):
        self.assertEqual(self.out("help", "--words").split(), Help.COMMANDS)
        self.assertIn("--input\t", self.out("help", "run", "--words"))

    def complete(self, *words):
        """What bash offers for the last word."""
        script = pathlib.Path(__file__).parents[2] / "tools/rung/completions/rung.bash"
        code = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rung; echo "${{COMPREPLY[@]}}"'
        environment = {**os.environ, "PATH": f"{pathlib.Path(RUNG).parent}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", code, "bash", "rung", *words], capture_output=True, text=True, env=environment)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_completion_in_bash(self):
        self.assertEqual(self.complete("p"), ["plan", "providers"])
        self.assertEqual(self.complete("help", "in"), ["inspect"])
        self.assertEqual(self.complete("run", "--he"), [])
        self.assertEqual(self.complete("run", "m.onnx", "--save-"), ["--save-image", "--save-optimized"])
        self.assertEqual(self.complete("run", "m"), [])


class Endings(Case):
    """Deadlines, interrupts, terminals."""

    def setUp(self):
        super().setUp()
        self.model = self.put("m.onnx", tiny.endless())
        self.command = [RUNG, "run", self.model, "-i", "0", "--limit", f"loop-trips={1 << 50}"]

    def test_a_deadline_too_short_for_a_clock_is_one(self):
        self.run_rung("run", self.put("e.onnx", tiny.endless()), "-i", "x=1", "--deadline", "1e-30s", code=19)

    def test_deadline(self):
        self.run_rung(*self.command[1:], "--deadline", "50ms", code=19)

    def test_interrupt(self):
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)  # the handler stands before the run begins; earlier than that the signal kills
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 18, errors)

    def test_loop_limit(self):
        self.run_rung("run", self.model, "-i", "0", "--limit", "loop-trips=10", code=17)

    def on_terminal(self, *arguments, env=None):
        """What it writes when all three streams are a terminal."""
        environment = {**os.environ, "TERM": "xterm", **(env or {})}
        if "NO_COLOR" in environment and not environment["NO_COLOR"]:
            del environment["NO_COLOR"]
        try:
            pid, terminal = pty.fork()
        except OSError as error:
            self.skipTest(f"no pseudo-terminals here: {error}")
        if pid == 0:
            os.execve(RUNG, [RUNG, *arguments], environment)
        text = b""
        while select.select([terminal], [], [], 60)[0]:
            try:
                more = os.read(terminal, 65536)
            except OSError:
                break
            if not more:
                break
            text += more
        os.waitpid(pid, 0)
        os.close(terminal)
        return text.decode()

    def test_colour(self):
        model = self.put("r.onnx", tiny.one("Relu", tiny.FLOAT, [1]))
        self.assertIn("\x1b[1m", self.on_terminal("run", model, "-i", "1", env={"NO_COLOR": ""}))
        self.assertNotIn("\x1b", self.on_terminal("run", model, "-i", "1", env={"NO_COLOR": "1"}))
        self.assertNotIn("\x1b", self.on_terminal("run", model, "-i", "1", env={"TERM": "dumb"}))

    def test_progress(self):
        text = self.on_terminal(*self.command[1:], "--deadline", "1600ms")
        self.assertRegex(text, r"\r\x1b\[Krunning \d s")
        self.assertNotIn("running", self.run_rung(*self.command[1:], "--deadline", "1600ms", code=19).stderr)


@unittest.skipUnless(FAKE.exists(), "the fake accelerator is not built")
class Cache(Case):
    CHAIN = ("--load", FAKE, "-p", "fake,cpu")

    def setUp(self):
        super().setUp()
        self.model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [2]))

    def states(self, *arguments):
        return [i["cache"] for i in self.json("plan", self.model, *self.CHAIN, *arguments)["islands"]]

    def test_sessions_find_what_is_compiled(self):
        self.assertIn("kept", self.out("compile", self.model, *self.CHAIN))
        self.assertIn("hit", self.out("compile", self.model, *self.CHAIN))
        self.assertEqual(self.states(), ["hit"])
        self.assertIn("1 island from the cache", self.out("run", self.model, *self.CHAIN, "--fill", "zeros"))
        self.assertTrue(list((self.folder / "xdg" / "rung").glob("*.rung")))

    def test_background_compile(self):
        chain = ("--load", FAKE, "-p", "fake:hang_compile=60000,cpu")
        done = self.json("run", self.model, *chain, "--fill", "zeros", "--background-compile")
        self.assertEqual([e["event"] for e in done["providers"]["journal"]], ["compiling"])
        self.assertEqual([p["state"] for p in done["providers"]["providers"]], ["compiling", "in-service"])
        self.assertEqual([n["provider"] for n in done["plan"]["nodes"]], ["cpu"])
        self.put("conf", f"providers = fake:fail_compile=yes,cpu\nbackground-compile\non-failure = next\n")
        text = self.out("run", self.model, "--load", FAKE, "--config", "conf", "--fill", "zeros", "--repeat", "3000")
        self.assertIn("fake compiling: in the background", text)
        self.assertIn("no-demotion", self.reason("run", self.model, *chain, "--fill", "zeros", "--background-compile",
                                                 "--contract", "no-demotion", code=11))

    def test_auto(self):
        chain = ("--load", FAKE, "-p", "auto", "--provider-option", "fake.delay=20")
        text = self.out("run", self.model, *chain, "--input", "1,-2")
        self.assertIn("auto: cpu, by measurement: median ", text)
        self.assertRegex(text, r"; fake takes [0-9.]+ of its time")
        chosen = self.json("run", self.model, *chain, "--input", "1,-2")["plan"]["chosen"]
        self.assertEqual((chosen["chain"], chosen["remembered"], chosen["unkept"]), ("cpu", True, None))
        self.assertEqual([c["chain"] for c in chosen["candidates"]], ["cpu", "fake"])
        self.assertIn("as it was measured before", self.out("plan", self.model, *chain))
        self.assertRegex(self.out("cache", "list"), r"cpu +m\.onnx .* choice")
        self.assertIn("1 entry removed", self.out("cache", "clear", self.json("cache", "list")["entries"][0]["entry"]))
        bench = self.json("bench", self.model, *chain, "-p", "fake", "--runs", "3")
        self.assertEqual([c["chain"] for c in bench["chains"]], ["auto", "fake"])
        self.assertFalse(bench["chains"][0]["plan"]["chosen"]["remembered"])
        self.assertIn("offline or inspecting", self.reason("check", self.model, *chain, code=11))

    def test_where_it_is(self):
        self.out("run", self.model, *self.CHAIN, "--fill", "zeros", "--cache", "off")
        self.assertFalse((self.folder / "xdg").exists())
        self.out("run", self.model, "--fill", "zeros")  # the processor keeps nothing
        self.assertFalse((self.folder / "xdg").exists())
        self.out("run", self.model, *self.CHAIN, "--fill", "zeros", "--cache", "here")
        self.assertEqual((self.folder / "here").stat().st_mode & 0o777, 0o700)
        home = self.folder / "home"
        self.out("run", self.model, *self.CHAIN, "--fill", "zeros", env={"XDG_CACHE_HOME": "", "HOME": str(home)})
        self.assertTrue((home / ".cache" / "rung").exists())
        self.assertIn("needs a cache", self.reason("compile", self.model, *self.CHAIN, "--cache", "off", code=2))

    def test_what_cannot_be_kept(self):
        self.assertIn("no provider of the chain saves", self.reason("compile", self.model, code=1))
        chain = ("--load", FAKE, "-p", "fake:keep=never,cpu")
        self.assertIn("this one cannot be kept", self.reason("compile", self.model, *chain, code=1))
        self.put("file", "")
        self.assertIn("cannot open the folder", self.reason("compile", self.model, *self.CHAIN, "--cache", "file", code=1))
        out = self.out("run", self.model, *self.CHAIN, "--fill", "zeros", "--cache", "file")
        self.assertIn("the cache is not used", out)

    def test_why_names_the_field(self):
        self.out("compile", self.model, *self.CHAIN)
        text = self.out("cache", "why", self.model, "--load", FAKE, "-p", "fake:driver=9,cpu")
        self.assertRegex(text, r"driver +9 +1\.0")
        self.assertIn("no entry like it", self.out("cache", "why", self.model, *self.CHAIN, "--cache", "other"))

    def test_before_anything_is_kept(self):
        for action in ("list", "verify"):
            self.assertIn("0 entries", self.out("cache", action))
            self.assertEqual(self.json("cache", action)["entries"], [])
        self.assertIn("0 entries removed", self.out("cache", "clear"))
        self.assertIn("no entry 0000", self.reason("cache", "clear", "0000", code=15))
        self.run_rung("cache", "list", "--cache", "nodir", code=15)  # a folder that was named is a wish

    def test_list_verify_clear(self):
        self.out("compile", self.model, *self.CHAIN)
        self.assertRegex(self.out("cache", "list"), r"fake +m\.onnx +1 ")
        self.assertIn("whole", self.out("cache", "verify"))
        path = next((self.folder / "xdg" / "rung").glob("*.rung"))
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")
        self.assertIn("1 entry is damaged", self.reason("cache", "verify", code=1))
        self.assertIn("no entry 0000", self.reason("cache", "clear", "0000", code=15))
        self.assertIn("1 entry removed", self.out("cache", "clear", path.stem[:12]))
        self.assertIn("0 entries", self.out("cache", "list"))
        self.assertIn("did you mean list?", self.reason("cache", "lst", code=2))
        self.assertIn("one argument too many", self.reason("cache", "list", "x", code=2))
        self.assertIn("MODEL is missing", self.reason("cache", "why", code=2))
        self.assertIn("what to do is missing", self.reason("cache", code=2))

    def test_bounds(self):
        for driver in "12345":
            self.out("run", self.model, "--load", FAKE, "-p", f"fake:driver={driver},cpu", "--fill", "zeros", "--limit",
                     "cache-bytes=9000")
        self.assertEqual(len(self.json("cache", "list")["entries"]), 2)


@unittest.skipUnless(jsonschema, "the package jsonschema is not installed")
@unittest.skipUnless(FAKE.exists(), "the fake accelerator is not built")
class Verify(Case):
    """Sub is computed wrongly by one provider, on purpose."""
    CHAIN = ["--load", FAKE, "-p", "fake:claim=Sub+Neg,wrong=values,cpu"]

    def ladder(self, wrong_at, length=60):
        """A row of Neg; node `wrong_at` is a Sub."""
        nodes = [tiny.node("Neg", ["v%d" % i], ["v%d" % (i + 1)], "n%d" % i) for i in range(length)]
        nodes[wrong_at] = tiny.node("Sub", ["v%d" % wrong_at, "c"], ["v%d" % (wrong_at + 1)], "sub")
        return self.put("m.onnx", tiny.model(nodes, [tiny.info("v0", tiny.FLOAT, [4])],
                                             [tiny.info("v%d" % length, tiny.FLOAT, [4])],
                                             [tiny.tensor([1], [0.5], name="c")]))

    def test_agreement(self):
        model = self.put("m.onnx", tiny.one("Relu", tiny.FLOAT, [4]))
        result = self.json("verify", model, "-p", "cpu", "--against", "cpu")
        self.assertTrue(result["agree"])
        self.assertIsNone(result["first_departure"])
        self.assertEqual(result["sets"][0]["outputs"][0]["elements"], 4)

    def test_the_node_is_found_wherever_it_is(self):
        for at in (0, 1, 29, 58, 59):
            result = self.json("verify", self.ladder(at), *self.CHAIN, code=1)
            found = result["first_departure"]
            self.assertEqual((found["node"], found["providers"]), ("sub", ["fake", "cpu"]), at)
            self.assertAlmostEqual(found["difference"]["max_abs"], 1, places=5)
            self.assertTrue(all(i["wrong"] == 0 for i in found["inputs"]))
            self.assertLessEqual(found["rounds"], 4)

    def test_the_node_is_found_on_another_branch(self):
        nodes = [tiny.node("Sub", ["x", "c"], ["side"], "sub")]
        nodes += [tiny.node("Neg", ["x" if i == 0 else "v%d" % i], ["v%d" % (i + 1)], "n%d" % i) for i in range(30)]
        nodes += [tiny.node("Mul", ["v30", "side"], ["y"], "join")]
        model = self.put("m.onnx", tiny.model(nodes, [tiny.info("x", tiny.FLOAT, [4])], [tiny.info("y", tiny.FLOAT, [4])],
                                              [tiny.tensor([1], [0.5], name="c")]))
        self.assertEqual(self.json("verify", model, *self.CHAIN, code=1)["first_departure"]["node"], "sub")

    def test_words(self):
        done = self.run_rung("verify", self.ladder(7), *self.CHAIN, code=1)
        self.assertIn('Sub "sub", run by fake and by cpu: its inputs agree', done.stdout)
        self.assertIn("DIFFER", done.stdout)
        self.assertNotIn("departs", self.run_rung("verify", self.ladder(7), *self.CHAIN, "--no-search", code=1).stdout)


class Schemas(Case):
    def load(self, name):
        """The schema, with those that it refers to put in place."""
        schema = json.loads((SCHEMAS / f"{name}.json").read_text())
        def resolve(part):
            if isinstance(part, dict) and part.get("$ref", "#").endswith(".json"):
                return {k: v for k, v in self.load(part["$ref"][:-5]).items() if not k.startswith("$")}
            if isinstance(part, dict):
                return {k: resolve(v) for k, v in part.items()}
            return [resolve(v) for v in part] if isinstance(part, list) else part
        return resolve(schema)

    def valid(self, name, text):
        schema = self.load(name)
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(json.loads(text))

    def test_every_schema_is_used_here(self):
        source = pathlib.Path(__file__).read_text()
        for path in SCHEMAS.glob("*.json"):
            self.assertIn(f'valid("{path.stem}"', source)

    def test_a_wrong_document_is_refused(self):
        with self.assertRaises(jsonschema.ValidationError):
            self.valid("version", '{"version": 1}')

    def test_outputs(self):
        model = self.put("m.onnx", tiny.model([tiny.node("Relu", ["x"], ["y"]), tiny.node("SequenceConstruct", ["x"], ["s"])],
                                              [tiny.info("x", tiny.FLOAT, ["n", 2])],
                                              [tiny.info("y", tiny.FLOAT, ["n", 2]), tiny.sequence_info("s", tiny.FLOAT)],
                                              metadata=[("key", "value")]))
        lost = self.put("l.onnx", tiny.one("Mystery", tiny.FLOAT, ["n"]))
        loop = self.put("loop.onnx", tiny.endless(3))
        strings = self.put("s.onnx", tiny.one("Identity", tiny.STRING, [1]))
        self.put("data/input_0.pb", tiny.tensor([1, 2], [1, -2]))
        self.put("data/output_0.pb", tiny.tensor([1, 2], [1, 9]))
        self.valid("run", self.out("run", model, "--fill", "random", "--top", "1", "-o", "out", "--format", "pb", "--json"))
        self.valid("run", self.out("run", loop, "-i", "1", "--profile", "p.json", "--json"))
        self.valid("run", self.out("run", strings, "-i", "text:a", "--json"))
        relu = self.put("r.onnx", tiny.one("Relu", tiny.FLOAT, ["n", 2]))
        self.valid("run", self.out("run", relu, "--data", "data", "--check", "--json", code=1))
        self.valid("run", self.out("run", relu, "-i", "random[2000,2]", "--json"))
        self.valid("journal", json.dumps(self.json("run", relu, "--fill", "ones")["providers"]))
        self.valid("plan", self.out("plan", relu, "--contract", "strict,islands<=2", "--json"))
        self.valid("profile", (self.folder / "p.json").read_text())
        self.valid("plan", self.out("plan", model, "--json"))
        self.valid("plan", self.out("plan", relu, "-p", "nnapi,cpu", "--offline", "--json"))
        self.valid("check", self.out("check", relu, "-p", "nnapi?,cpu", "--offline", "--json"))
        self.valid("check", self.out("check", relu, "--fix", "mended.onnx", "--json"))
        self.valid("plan", self.out("plan", loop, "--compile", "--json"))
        self.valid("check", self.out("check", model, "--json"))
        self.valid("check", self.out("check", lost, "--json", code=1))
        self.valid("inspect", self.out("inspect", model, "--json"))
        self.valid("inspect", self.out("inspect", lost, "--json"))
        self.valid("graph", self.out("inspect", loop, "--graph", "json"))
        self.valid("bench", self.out("bench", loop, "-n", "2", "--json"))
        self.valid("bench", self.out("bench", loop, "-n", "2", "-p", "cpu", "-p", "cpu?", "--json"))
        self.valid("verify", self.out("verify", loop, "--json"))
        self.valid("measure", self.out("measure", relu, "-n", "1", "--json"))
        self.valid("providers", self.out("providers", "--json"))
        if FAKE.exists():
            chain = ("--load", FAKE, "-p", "fake,cpu", "--cache", "kept")
            self.valid("compile", self.out("compile", relu, *chain, "--json"))
            self.valid("plan", self.out("plan", relu, *chain, "--json"))
            self.valid("cache", self.out("cache", "list", "--cache", "kept", "--json"))
            self.valid("cache-why", self.out("cache", "why", relu, *chain, "--dim", "n=2", "--json"))
            self.valid("cache-clear", self.out("cache", "clear", "--cache", "kept", "--json"))
        self.valid("ops", self.out("ops", "--json"))
        log = self.put("log.txt", "Failed to load library x with error: libcublasLt.so.12: cannot open shared object file\n")
        self.valid("doctor", self.out("doctor", "--explain", log, "--json", code=1))
        self.valid("doctor", self.out("doctor", "cpu", "--json"))
        self.out("doctor", "cpu", "--report", "report.json")
        self.valid("doctor", (self.folder / "report.json").read_text())
        self.valid("version", self.out("--version", "--json"))
        kit = pathlib.Path(RUNG).parents[1] / "conformance/rung-provider-conformance"
        done = subprocess.run([kit, "null", "--case", "run/*", "--json"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.valid("conformance", done.stdout)
        done = subprocess.run([kit, "no-such-provider", "--json"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 15, done.stderr)
        self.valid("error", done.stdout)
        self.valid("error", self.out("run", "nowhere", "--json", code=15))
        self.valid("error", self.out("plan", lost, "--json", code=13))


def main():
    part, names = sys.argv[3], sys.argv[4:]
    classes = [c.__name__ for c in Case.__subclasses__() if (c is Schemas) == (part == "schemas")]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names or classes, sys.modules[__name__])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    if result.testsRun and result.testsRun == len(result.skipped):
        sys.exit(77)
    sys.exit(not result.wasSuccessful() or not result.testsRun)


main()
