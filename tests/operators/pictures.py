"""ImageDecoder over all formats and what they may hold, with Pillow as the oracle: its pixels, converted to RGB or to
L. What Pillow does not write is written here: interlaced and 16-bit PNG, masked and run-length encoded BMP, tiled and
planar TIFF. Where Pillow's own conversion makes no sense of 16 bits (it cuts values above 255), the reference is given."""
import io
import struct
import zlib

import numpy
from case import Case
from PIL import Image

U8 = numpy.uint8


def colours(random, name, height, width, channels=3):
    """Soft gradients with some noise: lossy formats keep them."""
    y, x = numpy.mgrid[:height, :width]
    base = [y * 255 // height, x * 255 // width, (x + y) * 255 // (height + width), 255 - y * 200 // height]
    noise = random(name).ints(height, width, channels, low=0, high=8)
    return (numpy.stack(base[:channels], -1) * 31 // 32 + noise % 8).clip(0, 255).astype(U8)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(data, form):
    image = Image.open(io.BytesIO(data))
    if form == "Grayscale":
        return numpy.asarray(image.convert("L"))[..., None]
    rgb = numpy.asarray(image.convert("RGB"))
    return rgb if form == "RGB" else rgb[..., ::-1]


def gray_of(rgb):
    weights = rgb.astype(numpy.int64) @ numpy.array([19595, 38470, 7471])
    return ((weights + 0x8000) >> 16).astype(U8)[..., None]


FORMS = ("RGB", "BGR", "Grayscale")


def picture(name, data, rgb=None, forms=FORMS):
    """One case per form. `rgb`: the pixels, where Pillow is not asked."""
    for form in forms:
        want = decoded(data, form) if rgb is None else \
            gray_of(rgb) if form == "Grayscale" else rgb if form == "RGB" else rgb[..., ::-1]
        yield Case(f"{name}_{form.lower()}", "ImageDecoder", [numpy.frombuffer(data, U8)], {"pixel_format": form},
                   domain="", reference=[numpy.ascontiguousarray(want)])


# PNG

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows_of(samples, bits):
    """(height, width, channels) as rows of bytes, most significant bits first."""
    flat = samples.reshape(samples.shape[0], -1)
    if bits == 16:
        return [r.astype(">u2").tobytes() for r in flat]
    if bits == 8:
        return [r.astype(U8).tobytes() for r in flat]
    spread = (flat[..., None].astype(U8) >> numpy.arange(bits - 1, -1, -1)) & 1
    return [numpy.packbits(r.reshape(-1)).tobytes() for r in spread]


def png(samples, colour, bits=8, palette=b"", clear=b"", interlaced=False):
    height, width = samples.shape[:2]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes] if interlaced else [samples]
    lines = b"".join(b"\0" + row for part in parts if part.size for row in rows_of(part, bits))
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + (chunk(b"PLTE", palette) if palette else b"")
            + (chunk(b"tRNS", clear) if clear else b"") + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def pngs(random):
    r = random("png")
    rgb, rgba = colours(random, "png", 7, 13), colours(random, "png4", 9, 5, 4)
    yield from picture("png_rgb", saved(Image.fromarray(rgb), "PNG"))
    yield from picture("png_rgba", saved(Image.fromarray(rgba), "PNG"))
    yield from picture("png_gray_alpha", saved(Image.fromarray(rgba[..., 2:], "LA"), "PNG"))
    yield from picture("png_gamma", png(rgb, 2).replace(b"IDAT", b"IDAT", 1)[:33] + chunk(b"gAMA", struct.pack(">I", 100000))
                       + png(rgb, 2)[33:])
    for bits in (1, 2, 4, 8):
        few = r.ints(6, 11, 1, high=2**bits - 1)
        palette = r.ints(3 * 2**bits).tobytes()
        yield from picture(f"png_gray_{bits}", png(few, 0, bits))
        yield from picture(f"png_palette_{bits}", png(few, 3, bits, palette))
        yield from picture(f"png_palette_{bits}_clear", png(few, 3, bits, palette, clear=b"\0\x80"))
        yield from picture(f"png_gray_{bits}_interlaced", png(few, 0, bits, interlaced=True), forms=["RGB"])
    yield from picture("png_clear_colour", png(rgb, 2, clear=struct.pack(">HHH", *rgb[0, 0])))
    wide = r.ints(5, 6, 3, dtype=numpy.uint16)
    yield from picture("png_rgb_16", png(wide, 2, 16))
    yield from picture("png_gray_16", png(wide[..., :1], 0, 16), numpy.repeat(wide[..., :1] >> 8, 3, -1).astype(U8))
    yield from picture("png_rgba_16", png(r.ints(5, 6, 4, dtype=numpy.uint16), 6, 16))
    for size in (1, 2, 3, 5, 9):
        yield from picture(f"png_interlaced_{size}", png(rgb[:size, :size + 1], 2, interlaced=True), forms=["BGR"])
    yield from picture("png_one_pixel", saved(Image.fromarray(rgb[:1, :1]), "PNG"), forms=["RGB"])


# BMP

def bmp(rows, width, height, bits, compression=0, palette=b"", masks=b"", head=40):
    data = b"".join(row + bytes(-len(row) % 4) for row in rows) if isinstance(rows, list) else rows
    if head == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", head, width, height, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0)
        info += masks + bytes(max(0, head - len(info) - len(masks)))
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data


def runs_of(indices, bits):
    """Rows from below: a run, indices as they are, and a jump over nothing."""
    data = b""
    for row in indices[::-1]:
        data += bytes([3, row[0] * (17 if bits == 4 else 1)])
        rest = list(row[3:])
        packed = bytes(rest) if bits == 8 else bytes((rest + [0])[i] << 4 | (rest + [0])[i + 1] for i in range(0, len(rest), 2))
        data += bytes([0, len(rest)]) + packed + bytes(len(packed) % 2) + b"\0\2\0\0\0\0"
    return data + b"\0\1"


def bmps(random):
    r = random("bmp")
    rgb = colours(random, "bmp", 5, 7)
    for width in (6, 7, 8):
        yield from picture(f"bmp_rgb_{width}", saved(Image.fromarray(colours(random, "bmp", 4, width)), "BMP"))
    yield from picture("bmp_from_top", bmp([row[:, ::-1].tobytes() for row in rgb], 7, -5, 24))
    yield from picture("bmp_os2", bmp([row[:, ::-1].tobytes() for row in rgb], 7, 5, 24, head=12))
    yield from picture("bmp_gray", saved(Image.fromarray(rgb[..., 0]), "BMP"))
    yield from picture("bmp_bits", saved(Image.fromarray(rgb[..., 0] > 100), "BMP"))
    yield from picture("bmp_rgba", saved(Image.fromarray(colours(random, "bmp4", 5, 7, 4)), "BMP"))
    for bits in (1, 4, 8):
        few = r.ints(4, 9, 1, high=2**bits - 1)
        palette = r.ints(4 * 2**bits).tobytes()
        yield from picture(f"bmp_palette_{bits}", bmp(rows_of(few, bits), 9, 4, bits, palette=palette))
        yield from picture(f"bmp_os2_{bits}", bmp(rows_of(few, bits), 9, 4, bits, palette=r.ints(3 * 2**bits).tobytes(), head=12))
        if bits > 1:
            few[:, :3] = few[:, :1]
            yield from picture(f"bmp_runs_{bits}", bmp(runs_of(few[..., 0].tolist(), bits), 9, 4, bits, 3 - bits // 4, palette))
    words = [row.astype("<u2").tobytes() for row in r.ints(4, 5, dtype=numpy.uint16)]
    yield from picture("bmp_16", bmp(words, 5, 4, 16))
    yield from picture("bmp_16_masks", bmp(words, 5, 4, 16, 3, masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f)))
    longs = [row.astype("<u4").tobytes() for row in r.ints(4, 5, dtype=numpy.uint32)]
    yield from picture("bmp_32", bmp(longs, 5, 4, 32))
    for name, masks in (("bgrx", (0xff0000, 0xff00, 0xff, 0)), ("rgba", (0xff, 0xff00, 0xff0000, 0xff000000))):
        yield from picture(f"bmp_32_{name}", bmp(longs, 5, 4, 32, 3, masks=struct.pack("<IIII", *masks), head=108))


# PNM

def pnms(random):
    r = random("pnm")
    rgb = colours(random, "pnm", 5, 11)
    yield from picture("ppm", saved(Image.fromarray(rgb), "PPM"))
    yield from picture("pgm", saved(Image.fromarray(rgb[..., 1]), "PPM"))
    yield from picture("pbm", saved(Image.fromarray(rgb[..., 1] > 90), "PPM"))
    for most in (1, 7, 100, 255):
        few = r.ints(3, 4, 3, high=most)
        text = " ".join(map(str, few.reshape(-1))).encode()
        yield from picture(f"ppm_text_{most}", b"P3\n# a comment\n4 3\n%d\n" % most + text)
        yield from picture(f"ppm_{most}", b"P6 4 3 # to the end of the line\n %d\n" % most + few.tobytes())
        yield from picture(f"pgm_{most}", b"P5 4 9 %d\n" % most + few.tobytes())
        yield from picture(f"pgm_text_{most}", b"P2\t4 9\n%d " % most + text + b"\n")
    wide = r.ints(3, 4, 3, dtype=numpy.uint16, high=1023)
    yield from picture("ppm_1023", b"P6 4 3 1023\n" + wide.astype(">u2").tobytes())
    yield from picture("pbm_text", b"P1\n5 3\n1 0 1 1 0\n01#c\n010\n1 1 1 00")


# JPEG

def jpegs(random):
    rgb, four = colours(random, "jpeg", 19, 21), colours(random, "jpeg4", 17, 9, 4)
    for name, options in {"444": {"subsampling": 0}, "422": {"subsampling": 1}, "420": {"subsampling": 2},
                          "progressive": {"progressive": True}, "fine": {"quality": 98, "subsampling": 0},
                          "restarts": {"restart_marker_blocks": 2}}.items():
        yield from picture(f"jpeg_{name}", saved(Image.fromarray(rgb), "JPEG", **options))
    yield from picture("jpeg_gray", saved(Image.fromarray(rgb[..., 0]), "JPEG"))
    cmyk = saved(Image.fromarray(four, "CMYK"), "JPEG", quality=90)
    yield from picture("jpeg_cmyk", cmyk)
    adobe = cmyk.index(b"Adobe")
    yield from picture("jpeg_ycck", cmyk[:adobe + 11] + b"\2" + cmyk[adobe + 12:])
    exif = Image.Exif()
    exif[0x112] = 6
    yield from picture("jpeg_orientation", saved(Image.fromarray(rgb), "JPEG", exif=exif), forms=["RGB"])
    yield from picture("jpeg_one_pixel", saved(Image.fromarray(rgb[:1, :1]), "JPEG"), forms=["RGB"])


# JPEG 2000

def jp2s(random):
    rgb, four = colours(random, "jp2", 19, 21), colours(random, "jp24", 17, 9, 4)
    yield from picture("jp2_rgb", saved(Image.fromarray(rgb), "JPEG2000"))
    yield from picture("jp2_rgba", saved(Image.fromarray(four), "JPEG2000"))
    yield from picture("jp2_gray", saved(Image.fromarray(rgb[..., 0]), "JPEG2000"))
    yield from picture("jp2_gray_alpha", saved(Image.fromarray(four[..., 2:], "LA"), "JPEG2000"))
    yield from picture("jp2_stream", saved(Image.fromarray(rgb), "JPEG2000", no_jp2=True))
    yield from picture("jp2_tiles", saved(Image.fromarray(rgb), "JPEG2000", tile_size=(8, 8), num_resolutions=2))
    yield from picture("jp2_lossy", saved(Image.fromarray(rgb), "JPEG2000", irreversible=True, quality_layers=[5]))
    yield from picture("jp2_no_colour_transform", saved(Image.fromarray(rgb), "JPEG2000", mct=0), forms=["BGR"])
    wide = random("jp2wide").ints(5, 6, dtype=numpy.uint16, high=65000)
    high = ((wide.astype(numpy.int64) + 128) >> 8).clip(0, 255).astype(U8)
    yield from picture("jp2_gray_16", saved(Image.fromarray(wide), "JPEG2000"), numpy.repeat(high[..., None], 3, -1))


# TIFF

def tiff(width, height, tags, parts, order="<", tiled=False):
    """`parts`: the bytes of strips or tiles. `tags`: number to (type, values)."""
    tags = {256: (3, [width]), 257: (3, [height]), **tags}
    body, offsets = b"", []
    for part in parts:
        offsets.append(8 + len(body))
        body += part + bytes(len(part) % 2)
    tags[324 if tiled else 273] = (4, offsets)
    tags[325 if tiled else 279] = (4, [len(p) for p in parts])
    sizes, entries, more = {1: "B", 3: "H", 4: "I"}, b"", b""
    at = 8 + len(body)
    after = at + 2 + 12 * len(tags) + 4
    for tag in sorted(tags):
        kind, values = tags[tag]
        data = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
        if len(data) > 4:
            place = struct.pack(order + "I", after + len(more))
            more += data + bytes(len(data) % 2)
        else:
            place = data + bytes(4 - len(data))
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + place
    return ((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at) + body
            + struct.pack(order + "H", len(tags)) + entries + bytes(4) + more)


def layout(channels, photometric, bits=8, **more):
    tags = {258: (3, [bits] * channels), 259: (3, [1]), 262: (3, [photometric]), 277: (3, [channels])}
    return {**tags, **{int(k[1:]): v for k, v in more.items()}}


def tiles_of(pixels, size):
    height, width = pixels.shape[:2]
    padded = numpy.pad(pixels, ((0, -height % size), (0, -width % size), (0, 0)))
    return [padded[y:y + size, x:x + size].tobytes() for y in range(0, height, size) for x in range(0, width, size)]


def tiffs(random):
    r = random("tiff")
    rgb, four = colours(random, "tiff", 19, 21), colours(random, "tiff4", 17, 9, 4)
    for way in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield from picture(f"tiff_rgb_{way}", saved(Image.fromarray(rgb), "TIFF", compression=None if way == "raw" else way))
    for way in ("group3", "group4"):
        yield from picture(f"tiff_{way}", saved(Image.fromarray(rgb[..., 0] > 100), "TIFF", compression=way))
    yield from picture("tiff_jpeg", saved(Image.fromarray(rgb), "TIFF", compression="jpeg"))
    for name, image in {"gray": Image.fromarray(rgb[..., 0]), "bits": Image.fromarray(rgb[..., 0] > 100),
                        "rgba": Image.fromarray(four), "cmyk": Image.fromarray(four, "CMYK"),
                        "gray_alpha": Image.fromarray(four[..., 2:], "LA"),
                        "palette": Image.fromarray(rgb).quantize(32)}.items():
        yield from picture(f"tiff_{name}", saved(image, "TIFF"))
    for turn in range(2, 9):
        yield from picture(f"tiff_orientation_{turn}", saved(Image.fromarray(rgb[:4, :7]), "TIFF", tiffinfo={274: turn}))
    strips = [rgb[y:y + 4].tobytes() for y in range(0, 19, 4)]
    yield from picture("tiff_strips", tiff(21, 19, layout(3, 2, _278=(3, [4])), strips))
    yield from picture("tiff_big_endian", tiff(21, 19, layout(3, 2, _278=(3, [4])), strips, ">"))
    planes = [rgb[..., c].tobytes() for c in range(3)]
    yield from picture("tiff_planes", tiff(21, 19, layout(3, 2, _278=(3, [19]), _284=(3, [2])), planes))
    yield from picture("tiff_tiles", tiff(21, 19, layout(3, 2, _322=(3, [16]), _323=(3, [16])), tiles_of(rgb, 16), tiled=True))
    yield from picture("tiff_white_is_zero", tiff(21, 19, layout(1, 0, _278=(3, [19])), [rgb[..., :1].tobytes()]))
    for bits in (2, 4):
        few = r.ints(5, 6, 1, high=2**bits - 1)
        yield from picture(f"tiff_gray_{bits}", tiff(6, 5, layout(1, 1, bits, _278=(3, [5])), [b"".join(rows_of(few, bits))]))
    premultiplied = four.copy()
    premultiplied[..., :3] = premultiplied[..., :3] * (four[..., 3:] / 255)
    yield from picture("tiff_premultiplied", tiff(9, 17, layout(4, 2, _278=(3, [17]), _338=(3, [1])), [premultiplied.tobytes()]))
    wide = r.ints(5, 6, 3, dtype=numpy.uint16)
    yield from picture("tiff_rgb_16", tiff(6, 5, layout(3, 2, 16, _278=(3, [5])), [wide.astype("<u2").tobytes()]))
    yield from picture("tiff_gray_16", tiff(6, 5, layout(1, 1, 16, _278=(3, [5])), [wide[..., :1].astype("<u2").tobytes()]),
                       numpy.repeat(wide[..., :1] >> 8, 3, -1).astype(U8))


# WebP

def webps(random):
    rgb, four = colours(random, "webp", 19, 21), colours(random, "webp4", 17, 9, 4)
    yield from picture("webp_lossy", saved(Image.fromarray(rgb), "WEBP", quality=80))
    yield from picture("webp_lossless", saved(Image.fromarray(rgb), "WEBP", lossless=True))
    yield from picture("webp_lossy_alpha", saved(Image.fromarray(four), "WEBP", quality=80))
    yield from picture("webp_lossless_alpha", saved(Image.fromarray(four), "WEBP", lossless=True, exact=True))


def cases(random):
    for family in (pngs, bmps, pnms, jpegs, jp2s, tiffs, webps):
        yield from family(random)
