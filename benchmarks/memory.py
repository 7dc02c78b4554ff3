"""Peak anonymous memory of evaluating many images, beyond the imports.

    python benchmarks/memory.py --images 20000 --references 2000 --size 64

Writes synthetic PNG images (striped noise of four generators, and reals) to a temporary folder, evaluates them in
a fresh process with `rgb` artifacts and the linear attributor, and samples that process's RssAnon every 20 ms. Features
lie in unlinked temporary files (TMPDIR), so that they count as file pages, which the kernel may write out, not as
anonymous memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

WORK = """
import sys, time
from manifpt import ImageSet, ManiFPT, cross_validated, tested
import manifpt.attributors.linear, scipy.sparse.csgraph, sklearn.model_selection, PIL.Image
print("imported", flush=True); sys.stdin.readline()
data, mode, folds = sys.argv[1], sys.argv[2], int(sys.argv[3])
if mode == "splits":
    images = ImageSet.open(data)
    model = ManiFPT("rgb", attributor="linear", calibration_folds=0)
    print(cross_validated(model, images, splits=folds).scores(resamples=200).balanced_accuracy, flush=True)
else:
    few = ImageSet.open(data + "/../few")
    model = ManiFPT("rgb", attributor="linear", calibration_folds=0).fit(few)
    images = ImageSet.open(data, reference_needed=False)
    print(tested(model, images).scores(resamples=200).balanced_accuracy, flush=True)
"""


def written(folder: Path, images: int, references: int, size: int, seed: int) -> None:
    """Write reals (references and as many scored ones as a generator has) and four generators."""
    rng = np.random.default_rng(seed)
    stripes = 20 * (np.arange(size) % 2)
    patterns = {
        "real": 0,
        "rows": stripes[:, None, None],
        "columns": stripes[None, :, None],
        "both": stripes[:, None, None] + stripes[None, :, None],
        "flat": 10,
    }
    rows = ["path,generator,role"]
    for name, pattern in patterns.items():
        (folder / name).mkdir(parents=True)
        count = images // len(patterns)
        for index in range(count + (references if name == "real" else 0)):
            # Smooth content plus fine noise: random pixels alone would make PNG files of full size.
            coarse = rng.integers(40, 200, (size // 8, size // 8, 3)).repeat(8, 0).repeat(8, 1)
            pixels = np.clip(coarse + rng.integers(-6, 7, (size, size, 3)) + pattern, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:06d}.png", compress_level=1)
            rows.append(f"{name}/{index:06d}.png,{name},{'reference' if name == 'real' and index >= count else ''}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")


def anonymous(process: int) -> int:
    """Return a process's anonymous resident memory in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))) * 1024


def measured(data: Path, mode: str, folds: int) -> dict[str, object]:
    """Return the peak beyond the imports, and the seconds."""
    child = subprocess.Popen(
        [sys.executable, "-c", WORK, str(data), mode, str(folds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    child.stdout.readline()
    base, peak, over = anonymous(child.pid), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.02):
            try:
                peak = max(peak, anonymous(child.pid))
            except (FileNotFoundError, StopIteration):
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    answer, _ = child.communicate("\n")
    over.set()
    watcher.join()
    return {
        "mode": mode,
        "imports_mib": round(base / 2**20),
        "peak_beyond_imports_mib": round((peak - base) / 2**20),
        "seconds": round(time.perf_counter() - started, 1),
        "balanced_accuracy": answer.strip(),
        "status": child.returncode,
    }


def main() -> None:
    """Print one JSON object per mode."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--references", type=int, default=2_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--modes", nargs="*", default=["model", "splits"], choices=["model", "splits"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        written(Path(place) / "many", given.images, given.references, given.size, seed=0)
        written(Path(place) / "few", 500, given.references, given.size, seed=1)
        for mode in given.modes:
            print(
                json.dumps(
                    {
                        "images": given.images,
                        "references": given.references,
                        "size": given.size,
                        **measured(Path(place) / "many", mode, given.folds),
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
