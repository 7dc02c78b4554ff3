"""The picture of the demo's report in docs/report.md: on a screen, and on a phone where the evidence begins.

    manifpt demo --out demo
    python benchmarks/report_picture.py demo/report.html    # needs Chromium

The browser is the one of the tests.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "reports"))
from browser import Browser, chromium  # noqa: E402  (beside the tests)

PICTURE = ROOT / "docs" / "images" / "report.png"
SCREEN, PHONE, HEIGHT, MARGIN = 1000, 390, 1250, 20
COLOURS = 128
FRAME = "#c8ccd4"
CARD = "[...document.querySelectorAll('h3')].find(one => one.textContent.includes('suspect')).parentElement"


def main() -> None:
    """Photograph the report twice, and put both beside each other."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("report", type=Path, help="the demo's report")
    asked.add_argument("--out", type=Path, default=PICTURE)
    given = asked.parse_args()
    if chromium() is None:
        sys.exit("Chromium is not installed; expected the command chromium; install Debian's package of that name")
    picture = Image.new("RGB", (SCREEN + PHONE + 3 * MARGIN, HEIGHT + 2 * MARGIN), FRAME)
    with TemporaryDirectory() as folder, Browser(Path(folder) / "profile") as browser:
        for width, left, before in ((SCREEN, MARGIN, "0"), (PHONE, SCREEN + 2 * MARGIN, f"{CARD}.scrollIntoView()")):
            browser.open(given.report, width=width, height=HEIGHT)
            browser.value(before)
            shot = browser.photographed(Path(folder) / "shot.png", whole=False)
            picture.paste(Image.open(shot), (left, MARGIN))
    picture.quantize(COLOURS).save(given.out, optimize=True)
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
