"""Train the network of the space ``ssl-cifar`` on reference reals, and write its weights.

    python benchmarks/train_ssl_cifar.py --reals ../shared/data/reals/cifar10-train --out weights/

Stop it with Ctrl-C at any time; the same command goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from manifpt.embeddings.barlow import Recipe, Training

DATA = Path(os.environ.get("MANIFPT_DATA", Path(__file__).parents[2] / "shared" / "data"))
SAVE_EVERY = 100


def main() -> None:
    """Train, resume, export."""
    options = _options()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    paths = sorted(options.reals.glob("*.png"))
    images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    recipe = Recipe(steps=options.steps, seed=options.seed)
    training = Training(images, recipe)
    checkpoint = options.out / "ssl-cifar.checkpoint.safetensors"
    if checkpoint.exists():
        training.resume(checkpoint)
        print(f"resumed after step {training.step}", flush=True)
    _train(training, checkpoint)
    training.export(options.out / "ssl-cifar.safetensors")
    record = {
        "images": len(images),
        "images_sha256": hashlib.sha256(images.tobytes()).hexdigest(),
        "recipe": asdict(recipe),
        "torch": torch.__version__,
    }
    (options.out / "ssl-cifar.json").write_text(json.dumps(record, indent=2) + "\n")
    checkpoint.unlink(missing_ok=True)


def _train(training: Training, checkpoint: Path) -> None:
    began, first, losses = time.monotonic(), training.step, []
    try:
        while training.step < training.recipe.steps:
            losses.append(training.advance())
            if training.step % SAVE_EVERY == 0:
                training.save(checkpoint)
            if training.step % 25 == 0:
                each = (time.monotonic() - began) / (training.step - first)
                left = each * (training.recipe.steps - training.step) / 60
                loss = float(np.mean(losses[-25:]))
                print(
                    f"step {training.step}: loss {loss:.2f}, {each:.2f} s a step, {left:.0f} min left",
                    flush=True,
                )
    except KeyboardInterrupt:
        training.save(checkpoint)
        raise SystemExit(f"stopped after step {training.step}; run the same command to go on") from None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reals", type=Path, default=DATA / "reals" / "cifar10-train", help="folder of 32-pixel PNGs")
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights and the checkpoint")
    parser.add_argument("--steps", type=int, default=Recipe().steps, help="batches of 256 images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="of torch; more than the idle cores slows it down")
    return parser.parse_args()


if __name__ == "__main__":
    main()
