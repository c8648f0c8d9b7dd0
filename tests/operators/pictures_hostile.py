"""Pictures that end early, are damaged, claim too much, or are none: every one is an error."""
import struct
import zlib

import numpy
from case import Case
from PIL import Image
from pictures import bmp, chunk, colours, layout, png, saved, tiff

U8 = numpy.uint8


def hostile(name, data):
    return Case(name, "ImageDecoder", [numpy.frombuffer(bytes(data), U8)], domain="", hostile=True, fixed=False)


def files(random):
    rgb = Image.fromarray(colours(random, "hostile", 40, 50))
    for kind in ("PNG", "BMP", "PPM", "JPEG", "JPEG2000", "TIFF", "WEBP"):
        yield kind.lower(), saved(rgb, kind)
    yield "progressive", saved(rgb, "JPEG", progressive=True)
    yield "lossless", saved(rgb, "WEBP", lossless=True)
    yield "lzw", saved(rgb, "TIFF", compression="tiff_lzw")


def damaged(data, kind):
    """Bytes in the middle that none of the formats takes."""
    half = len(data) // 2
    return data[:half] + b"\xff\xd9" * 8 + data[half + 16:] if kind in ("jpeg", "progressive") else \
        data[:half] + bytes(range(255, 225, -1)) + data[half + 30:]


def cases(random):
    for kind, data in files(random):
        for part in (0.1, 0.5, 0.9):
            yield hostile(f"{kind}_ends_at_{part}", data[:max(20, int(len(data) * part))])
        if kind not in ("bmp", "ppm", "tiff", "webp", "lossless", "jpeg2000", "lzw"):  # where any bytes are pixels
            yield hostile(f"{kind}_damaged", damaged(data, kind))
    yield hostile("nothing", b"\0" * 9)
    yield hostile("text", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    yield hostile("gif", b"GIF89a\1\0\1\0\0\0\0;")
    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    yield hostile("png_huge", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")))
    head = struct.pack(">IIBBBBB", 0, 5, 8, 2, 0, 0, 0)
    yield hostile("png_empty", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")))
    pixels = numpy.zeros((2, 2, 3), U8)
    yield hostile("png_wrong_sum", png(pixels, 2)[:-20] + b"\0\0\0\0" + png(pixels, 2)[-16:])
    for name, width, height in (("wide", 2**31 - 1, 1), ("high", 1, -2**31), ("negative", -5, 5), ("huge", 2**20, 2**20)):
        yield hostile(f"bmp_{name}", bmp([b"\0" * 4], width, height, 24))
    yield hostile("bmp_bits", bmp([b"\0" * 4], 1, 1, 7))
    yield hostile("bmp_compression", bmp([b"\0" * 4], 1, 1, 24, 4))
    yield hostile("bmp_runs_without_end", bmp(b"\3\1\0\0\3\1", 3, 9, 8, 1, bytes(1024)))
    yield hostile("bmp_masks_behind_the_end", bmp([b""], 1, 1, 32, 3))
    for name, data in {"zero": b"P6 0 5 255\n", "most": b"P5 1 1 0\n\0", "most_large": b"P5 1 1 65536\n\0\0",
                       "huge": b"P5 99999999999 1 255\n", "huge_both": b"P5 200000000 200000000 255\n",
                       "letters": b"P2 2 1 255\n1 x", "above": b"P2 2 1 255\n1 256", "bit": b"P1 2 1\n1 2",
                       "comment": b"P6 1 # and no more", "negative": b"P5 -1 1 255\n"}.items():
        yield hostile(f"pnm_{name}", data)
    yield hostile("tiff_huge", tiff(2**16 - 1, 2**16 - 1, layout(3, 2, _278=(3, [4])), [bytes(12)]))
    yield hostile("tiff_no_size", tiff(0, 0, layout(3, 2, _278=(3, [4])), [bytes(12)]))
    yield hostile("tiff_floats", tiff(2, 1, layout(1, 1, 32, _278=(3, [1]), _339=(3, [3])), [bytes(8)]))
    yield hostile("tiff_behind_the_end", b"II*\0" + struct.pack("<I", 2**32 - 2))
    animation = saved(Image.fromarray(pixels), "WEBP", save_all=True, append_images=[Image.fromarray(pixels + 9)], duration=9)
    yield hostile("webp_animation", animation)
    yield hostile("jpeg_no_picture", b"\xff\xd8\xff\xd9")
    two = saved(Image.fromarray(pixels), "JPEG")
    yield hostile("jpeg_lossless", two.replace(b"\xff\xc0", b"\xff\xc3"))
