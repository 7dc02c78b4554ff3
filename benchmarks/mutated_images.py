"""Thousands of damaged images through `manifpt attribute`: an answer for each, no traceback, no hang, bounded memory.

    python benchmarks/mutated_images.py --count 10000 --seed 0

PNG, JPEG, WebP, GIF and TIFF files of many kinds are damaged one to three times each (bytes flipped, cut, repeated,
removed, exchanged; header fields and chunk lengths overwritten; two files joined; checksums of PNG put right again, so
that the damage reaches the decoder) and given in batches to the command, every second batch with `--resize`, which
has to decode images of any declared size. Ends with status 1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from image_damage import FORMATS, SIDE, mutated, sources
from numpy.random import Generator
from PIL import Image

BATCH = 500
PATIENCE, START = 10.0, 120.0  # seconds for the next answer, and for the first, before which the program loads
LIMIT = 1000  # MB


@dataclass
class Totals:
    """What was seen."""

    files: Counter[str] = field(default_factory=Counter)
    attributed: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    slowest: float = 0.0
    memory: float = 0.0


def model(folder: Path, rng: Generator) -> Path:
    """Fit and save a small model."""
    stripes = 40 * (np.arange(SIDE) % 2)
    for name, pattern in {"real": 0, "rows": stripes[:, None, None], "columns": stripes[None, :, None]}.items():
        (folder / "data" / name).mkdir(parents=True)
        for index in range(250 if name == "real" else 30):
            pixels = rng.integers(60, 190, (SIDE, SIDE, 3)) + pattern
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "data" / name / f"{index:03d}.png")
    words = ["fit", folder / "data", "--space", "rgb", "--attributor", "linear", "--out", folder / "model"]
    subprocess.run([*command(), *map(str, words)], check=True, capture_output=True)
    return folder / "model"


def command() -> list[str]:
    """Return the words that start the program."""
    return [str(Path(sys.executable).parent / "manifpt")]


def answered(words: list[str], files: list[Path], totals: Totals) -> list[dict[str, Any]]:
    """Return the objects that the command prints for files, after checking how it prints them."""
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(
        target=lambda: [lines.put(line) for line in process.stdout] + [lines.put(None)], daemon=True
    ).start()
    noise: list[str] = []
    listen = threading.Thread(target=lambda: noise.append(process.stderr.read()), daemon=True)
    listen.start()
    process.stdin.write("".join(f"{file}\n" for file in files))
    process.stdin.close()
    found: list[dict[str, Any]] = []
    try:
        while True:
            asked = time.monotonic()
            line = lines.get(timeout=PATIENCE if found else START)
            if line is None:
                break
            totals.slowest = max(totals.slowest, time.monotonic() - asked if found else 0)
            found.append(json.loads(line))
    except queue.Empty:
        totals.broken.append(f"no answer for {PATIENCE:.0f} s after {len(found)} of {files[0].parent}")
        process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    listen.join()
    totals.memory = max(totals.memory, usage.ru_maxrss / 1000)
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        totals.broken.append(f"exit status {os.waitstatus_to_exitcode(status)} for {files[0].parent}")
    if "Traceback" in noise[0]:
        totals.broken.append(f"traceback for {files[0].parent}: {noise[0].splitlines()[-1]}")
    if [answer["path"] for answer in found] != [str(file) for file in files]:
        totals.broken.append(f"{len(found)} objects for {len(files)} files of {files[0].parent}")
    return found


def sort_of(error: str, path: str) -> str:
    """Return an error without its names and numbers."""
    text = error.replace(path, "").partition(";")[0]
    return re.sub(r"\d[\d,.]*", "N", re.sub(r"(\(\w+):.*\)", r"\1)", text)).strip()


def main() -> None:
    """Print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="Folder that keeps the damaged files.")
    given = parser.parse_args()
    started, totals = time.monotonic(), Totals()
    rng = np.random.default_rng(given.seed)
    with tempfile.TemporaryDirectory() as place:
        fitted, root = model(Path(place), rng), given.keep or Path(place) / "files"
        originals = sources(rng)
        for first in range(0, given.count, BATCH):
            folder = root / f"{first // BATCH:03d}"
            folder.mkdir(parents=True)
            kinds = {
                folder / f"{row:05d}.{FORMATS[row % 5].lower()}": FORMATS[row % 5]
                for row in range(first, min(first + BATCH, given.count))
            }
            for file, kind in kinds.items():
                file.write_bytes(mutated(rng, originals, kind))
            resized = ["--resize", str(SIDE)] if first // BATCH % 2 else []
            for answer in answered(
                [*command(), "attribute", str(fitted), "-", "--json", *resized], list(kinds), totals
            ):
                kind = kinds[Path(answer["path"])]
                totals.files[kind] += 1
                totals.attributed[kind] += "error" not in answer
                if "error" in answer:
                    totals.errors[sort_of(answer["error"], answer["path"])] += 1
    report(totals, given, time.monotonic() - started)


def report(totals: Totals, given: argparse.Namespace, seconds: float) -> None:
    """Print what was seen, and end with status 1 where a promise is broken."""
    if totals.memory > LIMIT:
        totals.broken.append(f"{totals.memory:.0f} MB of memory")
    print(f"{'format':8}{'files':>8}{'attributed':>12}{'refused':>9}")
    for kind in FORMATS:
        answers, sound = totals.files[kind], totals.attributed[kind]
        print(f"{kind:8}{answers:8}{sound:12}{answers - sound:9}")
    print(f"\n{len(totals.errors)} kinds of errors, the most frequent:")
    print("".join(f"{count:8}  {error}\n" for error, count in totals.errors.most_common(12)))
    print("".join(f"BROKEN: {line}\n" for line in totals.broken), end="")
    figures = {
        "files": sum(totals.files.values()),
        "attributed": sum(totals.attributed.values()),
        "refused": sum(totals.files.values()) - sum(totals.attributed.values()),
        "kinds of errors": len(totals.errors),
        "longest wait for an answer, s": round(totals.slowest, 2),
        "peak memory of the process (ru_maxrss), MB": round(totals.memory),
        "promises broken": len(totals.broken),
        "seed": given.seed,
        "seconds": round(seconds),
    }
    print(json.dumps(figures, ensure_ascii=False))
    sys.exit(bool(totals.broken))


if __name__ == "__main__":
    main()
