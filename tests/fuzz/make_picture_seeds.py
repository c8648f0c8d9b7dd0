#!/usr/bin/env python3
"""Makes the seeds of fuzz_picture in tests/fuzz/corpus: a byte that names the form, then a picture of each kind, taken
from the cases of tests/operators. They are checked in: building needs no Python. Needs onnx.
"""
import pathlib
import tarfile

import onnx

here = pathlib.Path(__file__).parent
corpus = here / "corpus/fuzz_picture"
FORMS = {"grayscale": 0, "rgb": 1, "bgr": 2}
LIKE = ("png_gray_2_", "png_palette_1_clear", "png_rgba_", "png_rgb_16", "png_interlaced_5", "bmp_rgb_7", "bmp_runs_8",
        "bmp_runs_4", "bmp_16_masks", "bmp_32_rgba", "bmp_os2_4", "ppm_7_", "pgm_text_100", "pbm_text", "pbm_rgb",
        "jpeg_420", "jpeg_progressive", "jpeg_ycck", "jpeg_gray", "jp2_rgba", "jp2_stream", "jp2_lossy", "tiff_rgb_tiff_lzw",
        "tiff_group4", "tiff_jpeg", "tiff_palette", "tiff_cmyk", "tiff_orientation_6", "tiff_tiles", "tiff_planes",
        "tiff_premultiplied", "webp_lossy_", "webp_lossless_alpha")

corpus.mkdir(parents=True, exist_ok=True)
done = set()
with tarfile.open(here.parent / "operators/pictures.tar.xz") as archive:
    for entry in archive:
        _, name, *rest = entry.name.split("/")
        like = next((x for x in LIKE if name.startswith(x)), None)
        if not like or like in done or rest[-1] != "input_0.pb":
            continue
        done.add(like)
        tensor = onnx.TensorProto.FromString(archive.extractfile(entry).read())
        form = 3 if len(done) % 2 else FORMS[name.rsplit("_", 1)[1]]
        (corpus / name).write_bytes(bytes([form]) + tensor.raw_data)
