from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from manifpt.audits import files
from manifpt.audits.suspects import suspects
from manifpt.errors import ImageError
from manifpt.studies.audit import audit

Noise = Callable[..., NDArray[np.uint8]]
TEXT = PngImagePlugin.PngInfo()
TEXT.add_text("Software", "a generator")
# Property → how class a and class b are saved: mode, suffix, options of Pillow.
PLANTED: dict[str, tuple[tuple[str, str, dict[str, Any]], tuple[str, str, dict[str, Any]]]] = {
    files.FORMAT: (("RGB", "png", {}), ("RGB", "bmp", {})),
    files.DEPTH: (("RGB", "png", {}), ("L", "png", {})),
    files.CHROMA: (("RGB", "jpg", {"subsampling": 0}), ("RGB", "jpg", {"subsampling": 2})),
    files.TABLES: (("RGB", "jpg", {"quality": 90}), ("RGB", "jpg", {"quality": 92})),
    files.PROFILE: (("RGB", "png", {"icc_profile": b"sRGB one"}), ("RGB", "png", {"icc_profile": b"sRGB two"})),
    files.METADATA: (("RGB", "png", {}), ("RGB", "png", {"pnginfo": TEXT})),
}


@pytest.mark.parametrize("planted", [*PLANTED, files.SIZE])
def test_a_property_of_files_that_goes_with_the_class_is_found(planted: str, tmp_path: Path, noise: Noise) -> None:
    # One of 20 images of each class has the other's property: it need not tell without a fault.
    ways = PLANTED.get(planted, (("RGB", "png", {}), ("RGB", "png", {})))
    for label, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        for index, pixels in enumerate(noise(20, seed=label, side=40)):
            which = label if index else 1 - label
            mode, suffix, options = ways[which]
            side = 40 if planted == files.SIZE and which else 32
            image = Image.fromarray(pixels[:side, :side]).convert(mode)
            image.save(tmp_path / name / f"{index:02d}.{suffix}", **options)
    found = audit(suspects(tmp_path, crop=32), permutations=999)
    (check,) = [check for check in found.findings if check.name == planted]
    assert check.corrected == pytest.approx(check.p * len(found.checks)) == pytest.approx(0.001 * len(found.checks))
    assert check.statistic == pytest.approx(0.9)  # |ad − bc| / … = (19 · 19 − 1 · 1) / 20²
    assert check.effect.endswith("19 of 20 images of one, 1 of 20 others")
    assert len(check.files) == 5
    assert all("/one/" in path for path in check.files)


def written(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_properties_are_those_that_a_file_was_saved_with() -> None:
    grey = Image.fromarray(np.zeros((6, 9), np.uint8))
    deep = Image.fromarray(np.zeros((6, 9), np.uint16))
    jpeg = files.properties(written(grey.convert("RGB"), "JPEG", subsampling=2, quality=75, comment="x"))
    assert (jpeg[files.FORMAT], jpeg[files.CHROMA], jpeg[files.SIZE]) == ("JPEG", "4:2:0", "9 × 6")
    assert "comment" in jpeg[files.METADATA]
    assert files.properties(written(grey, "JPEG"))[files.CHROMA] == "other"
    assert files.properties(written(deep, "PNG"))[files.DEPTH].endswith("16 bits")
    assert files.properties(written(deep, "TIFF"))[files.DEPTH].endswith("16 bits")
    assert files.properties(written(grey.convert("1"), "PNG"))[files.DEPTH] == "1, 1 bits"
    webp = files.properties(written(grey.convert("RGB"), "WEBP"))
    assert (webp[files.FORMAT], webp[files.TABLES], webp[files.PROFILE]) == ("WEBP", "none", "none")


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(40), b"\xff\xd8\xff\xdb\x00\x04"])
def test_a_header_that_cannot_be_read_is_told_in_one_line(content: bytes) -> None:
    with pytest.raises(ImageError, match="header of the image"):
        files.properties(content)


def test_metadata_cannot_steer_a_terminal() -> None:
    chunk = written(Image.new("RGB", (2, 2)), "PNG").replace(b"IEND", b"\x1b[3m")
    assert "\x1b" not in files.properties(chunk)[files.METADATA]


def test_files_inside_of_a_table_are_looked_at_and_arrays_have_none(tmp_path: Path, noise: Noise) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = ["PNG", "BMP"] * 12
    cells = [
        {"bytes": written(Image.fromarray(p), kind), "path": None} for p, kind in zip(noise(24), kinds, strict=True)
    ]
    pq.write_table(pa.table({"image": cells, "label": ["one", "two"] * 12}), tmp_path / "set.parquet")
    found = audit(suspects(tmp_path / "set.parquet"), permutations=999).findings
    assert files.FORMAT in {check.name for check in found}
    np.savez(tmp_path / "set.npz", images=noise(24), generators=["one", "two"] * 12)
    names = {check.name for check in audit(suspects(tmp_path / "set.npz"), permutations=999).checks}
    assert not names & set(files.PROPERTIES)
