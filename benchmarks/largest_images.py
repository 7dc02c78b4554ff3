"""How long the largest images take that the limits admit, and how much memory: noise of the most pixels in each format.

    python benchmarks/largest_images.py

Each is given alone to `manifpt attribute --resize 32`, whose start with a small image is subtracted from the time.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from image_damage import SIDE
from mutated_images import command, model
from PIL import Image, ImageOps, TiffImagePlugin

from manifpt.images.containers import PASSES
from manifpt.images.limits import DEARER, HALF, MOST_PIXELS, MOST_READS

# name: format, colours, pixels, how it is saved
FILES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "PNG": ("PNG", "RGB", MOST_PIXELS, {"compress_level": 1}),
    "PNG, alpha": ("PNG", "RGBA", MOST_PIXELS, {"compress_level": 1}),
    "PNG, animated": ("PNG", "RGBA", MOST_PIXELS, {"compress_level": 1, "save_all": True}),
    "JPEG": ("JPEG", "RGB", MOST_PIXELS, {"quality": 95}),
    "JPEG, progressive": ("JPEG", "CMYK", HALF, {"quality": 95, "progressive": True}),
    "WebP, lossless": ("WEBP", "RGBA", HALF, {"lossless": True, "method": 0, "quality": 0}),
    "WebP, animated": ("WEBP", "RGB", HALF, {"method": 0, "save_all": True}),
    "GIF, animated": ("GIF", "RGB", MOST_PIXELS, {"save_all": True}),
    "TIFF, one strip": ("TIFF", "RGBA", HALF, {"compression": "tiff_lzw", "strip_size": 2**30}),
    "BMP": ("BMP", "RGB", MOST_PIXELS, {}),
    "JPEG 2000": ("JPEG2000", "RGB", DEARER["JPEG2000"], {}),
    "AVIF": ("AVIF", "RGBA", HALF, {"speed": 10, "subsampling": "4:4:4"}),
}


def noise(pixels: int) -> Image.Image:
    """Return a square of noise of about so many pixels, not more."""
    side = int(pixels**0.5)
    tile = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    return Image.fromarray(np.tile(tile, (side // 1000 + 1, side // 1000 + 1, 1))[:side, :side])


def busy_jpeg(content: bytes) -> bytes:
    """Return a progressive JPEG with its last pass repeated up to the limit."""
    passes = content.count(b"\xff\xda")
    return content[:-2] + content[content.rindex(b"\xff\xda") : -2] * (PASSES - passes) + content[-2:]


def plain_ppm() -> bytes:
    """Return a PPM whose numbers are text."""
    image = np.asarray(noise(DEARER["ppm_plain"]))
    return b"P3 %d %d 255\n" % image.shape[1::-1] + b" ".join(b"%d" % value for value in image.ravel().tolist())


def crowded_png() -> bytes:
    """Return a small PNG with as many empty chunks as may be read."""
    file = io.BytesIO()
    noise(SIDE * SIDE).save(file, "PNG")
    whole, empty = file.getvalue(), bytes.fromhex("00000000616243444368c97b")
    return whole[:33] + empty * (MOST_READS // 2 - 100) + whole[33:]


def measured(fitted: Path, file: Path) -> tuple[float, float, str]:
    """Return the seconds, the peak memory (MB) and the answer of the command for one file."""
    started = time.monotonic()
    words = [*command(), "attribute", str(fitted), str(file), "--json", "--resize", str(SIDE)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    answer = json.loads(process.stdout.read())
    _, _, usage = os.wait4(process.pid, 0)
    return time.monotonic() - started, usage.ru_maxrss / 1000, answer.get("error", "attributed")


def written(folder: Path, name: str) -> Path:
    """Write the largest image of a format, in a process of its own, whose memory is not counted with the others'."""
    file = folder / name.replace(" ", "-")
    code = f"import largest_images; largest_images.write({name!r}, {str(file)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
    return file


def write(name: str, file: str) -> None:
    """Write the largest image of a format."""
    made = {"PPM as text": plain_ppm, "PNG of chunks": crowded_png}
    if name in made:
        Path(file).write_bytes(made[name]())
        return
    kind, mode, pixels, settings = FILES[name]
    image = noise(pixels).convert(mode)
    if "strip_size" in settings:
        TiffImagePlugin.STRIP_SIZE = settings.pop("strip_size")
    if settings.get("save_all"):
        settings = settings | {"append_images": [ImageOps.mirror(image)]}
    image.save(file, kind, **settings)
    if settings.get("progressive"):
        Path(file).write_bytes(busy_jpeg(Path(file).read_bytes()))


def main() -> None:
    """Print a row for each format and a line of JSON."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as place:
        fitted = model(Path(place), np.random.default_rng(0))
        start, base, _ = measured(fitted, Path(place) / "data" / "rows" / "000.png")
        print(f"{'start alone':18}{start:8.2f} s {base:7.0f} MB")
        for name in [*FILES, "PPM as text", "PNG of chunks"]:
            file = written(Path(place), name)
            seconds, memory, answer = measured(fitted, file)
            found[name] = {"seconds": round(seconds - start, 2), "MB": round(memory)}
            print(
                f"{name:18}{seconds - start:8.2f} s {memory:7.0f} MB  {file.stat().st_size / 2**20:6.1f} MiB: {answer}"
            )
            file.unlink()
    slowest, largest = (max(row[key] for row in found.values()) for key in ("seconds", "MB"))
    print(json.dumps({"slowest, s": slowest, "peak memory of the process (ru_maxrss), MB": largest, "formats": found}))


if __name__ == "__main__":
    main()
