"""Train one of the demo's generators on the reference blocks of the photographs, and write its weights.

    python benchmarks/train_demo_generators.py gan-demo --steps 20000

A killed run goes on from its last checkpoint. Every step draws its randomness from (seed, step) alone, so that an
interrupted run and a whole one see the same numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from manifpt.zoo.demo import WEIGHTS, demo_generators, untrained
from manifpt.zoo.gan import Discriminator, discriminator_loss, generator_loss, gradient_penalty
from manifpt.zoo.photographs import FLATTEST_DEVIATION, blocks


@dataclass(frozen=True)
class Settings:
    """How one generator is trained; chosen by the time of a step on one core."""

    batch: int
    rate: float
    steps: int
    bf16: bool = True
    channels_last: bool = True

    @property
    def layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


SETTINGS = {
    "gan-demo": Settings(batch=32, rate=6e-4, steps=2500),
    "vae-demo": Settings(batch=32, rate=1e-3, steps=3000),
    # The flow's log-determinants need single precision.
    "flow-demo": Settings(batch=32, rate=8e-4, steps=3000, bf16=False),
    # Group norms in bfloat16 are slow on channels-last images.
    "score-demo": Settings(batch=32, rate=1e-3, steps=6000, channels_last=False),
}
WARM_UP = 300
AVERAGED_OVER = 0.998
PENALTY = 1.0
PENALTY_EVERY = 8


class Crops:
    """Flipped crops at any offset inside the reference blocks; no crop leaves its block."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        chosen = [block for block in blocks() if block.role == "reference"]
        self.pixels = [block.pixels for block in chosen]
        areas = np.array([block.height * block.width for block in chosen], dtype=float)
        self.share = areas / areas.sum()

    def batch(self, step: int, size: int) -> Tensor:
        """Return images in [−1, 1], ``(size, 3, 32, 32)``."""
        random = np.random.default_rng([self.seed, step])
        cut = []
        while len(cut) < size:
            pixels = self.pixels[random.choice(len(self.pixels), p=self.share)]
            row, column = (random.integers(edge - 31) for edge in pixels.shape[:2])
            crop = pixels[row : row + 32, column : column + 32]
            # The rule of the patches: without contrast an image is in neither role.
            if crop.std((0, 1)).max() >= FLATTEST_DEVIATION:
                cut.append(crop[:, :: random.choice([1, -1])])
        return torch.from_numpy(np.stack(cut).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)


class Likelihood:
    """One network, one loss: the VAE, the flow, the diffusion model."""

    def __init__(self, network: nn.Module, settings: Settings) -> None:
        self.network = network.to(memory_format=settings.layout)
        self.settings = settings
        self.optimisers = {"": torch.optim.Adam(network.parameters(), settings.rate, betas=(0.9, 0.99))}
        self.networks = {"": self.network}

    def step(self, images: Tensor, random: torch.Generator, done: int) -> dict[str, float]:
        self.optimisers[""].zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.bf16):
            loss = self.network.loss(images, random)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimisers[""].step()
        return {"loss": loss.item()}


class Adversarial:
    """A generator against a discriminator, one step each."""

    def __init__(self, network: nn.Module, settings: Settings, seed: int) -> None:
        self.network = network.to(memory_format=settings.layout)
        torch.manual_seed(seed)
        self.opponent = Discriminator().to(memory_format=settings.layout)
        self.settings = settings
        self.networks = {"": self.network, "opponent.": self.opponent}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), settings.rate, betas=(0.0, 0.99))
            for name, network in self.networks.items()
        }

    def step(self, images: Tensor, random: torch.Generator, done: int) -> dict[str, float]:
        latent = torch.randn(2 * len(images), *self.network.latent_shape, generator=random)
        first, second = latent.chunk(2)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.bf16):
            with torch.no_grad():
                generated = self.network(first)
            against = discriminator_loss(self.opponent(images), self.opponent(generated))
        if done % PENALTY_EVERY == 0:
            against = against + PENALTY * PENALTY_EVERY * gradient_penalty(self.opponent, images)
        self._follow("opponent.", against)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.bf16):
            towards = generator_loss(self.opponent(self.network(second)))
        self._follow("", towards)
        return {"discriminator": against.item(), "generator": towards.item()}

    def _follow(self, name: str, loss: Tensor) -> None:
        for optimiser in self.optimisers.values():
            optimiser.zero_grad()
        loss.backward()
        self.optimisers[name].step()


class Training:
    """The state of a run: networks, optimisers, the average of the weights, the step."""

    def __init__(self, name: str, steps: int, seed: int) -> None:
        self.settings, self.steps = SETTINGS[name], steps
        network = untrained(name, seed=seed)
        self.crops, self.seed, self.done, self.seconds = Crops(seed), seed, 0, 0.0
        if name == "flow-demo":
            network.start(self.crops.batch(10**9, 256))
        self.kind = (
            Adversarial(network, self.settings, seed) if name == "gan-demo" else Likelihood(network, self.settings)
        )
        self.average = {key: value.clone() for key, value in network.state_dict().items()}

    def advance(self) -> dict[str, float]:
        warm = min(1.0, (self.done + 1) / WARM_UP)
        # An adversary has no end to settle down to; the average of the weights does it instead.
        falling = (1 + math.cos(math.pi * self.done / self.steps)) / 2
        shape = 1.0 if isinstance(self.kind, Adversarial) else falling
        for optimiser in self.kind.optimisers.values():
            optimiser.param_groups[0]["lr"] = self.settings.rate * warm * shape
        random = torch.Generator().manual_seed(self.seed * 2**32 + self.done)
        images = self.crops.batch(self.done, self.settings.batch)
        losses = self.kind.step(images.contiguous(memory_format=self.settings.layout), random, self.done)
        decay = min(AVERAGED_OVER, (1 + self.done) / (10 + self.done))
        for key, value in self.kind.network.state_dict().items():
            if value.is_floating_point():  # a batch norm also counts its batches
                self.average[key].lerp_(value, 1 - decay)
        self.done += 1
        return losses

    def tensors(self) -> dict[str, Tensor]:
        """Return the whole state as named tensors."""
        state = {f"average.{key}": value for key, value in self.average.items()}
        state["done"] = torch.tensor(self.done)
        state["seconds"] = torch.tensor(self.seconds, dtype=torch.float64)
        for prefix, network in self.kind.networks.items():
            state |= {f"network.{prefix}{key}": value for key, value in network.state_dict().items()}
            moments = self.kind.optimisers[prefix].state_dict()["state"]
            for index, entries in moments.items():
                state |= {f"moments.{prefix}{index}.{key}": value for key, value in entries.items()}
        return {key: value.contiguous() for key, value in state.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go back to a state that `tensors` returned."""
        self.done, self.seconds = int(state["done"]), float(state["seconds"])
        self.average = {key: state[f"average.{key}"] for key in self.average}
        for prefix, network in self.kind.networks.items():
            network.load_state_dict({key: state[f"network.{prefix}{key}"] for key in network.state_dict()})
            optimiser = self.kind.optimisers[prefix]
            moments = {
                index: {key: state[f"moments.{prefix}{index}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                for index in range(len(list(network.parameters())))
            }
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def written(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


def publish(name: str, training: Training, folder: Path) -> None:
    """Write the averaged weights in half precision, with their sidecar."""
    halves = {key: value.half() if value.is_floating_point() else value for key, value in training.average.items()}
    content = save({key: value.contiguous() for key, value in halves.items()})
    written(folder / f"{name}.safetensors", content)
    sidecar = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "command": f"python benchmarks/train_demo_generators.py {name} --steps {training.steps} --seed {training.seed}",
        "steps": training.steps,
        "batch": training.settings.batch,
        "seed": training.seed,
        "seconds": round(training.seconds),
        "data": "reference blocks of the photographs in scikit-image's wheel, random crops of 32 x 32, flipped",
        "torch": torch.__version__,
    }
    written(folder / f"{name}.json", (json.dumps(sidecar, indent=2) + "\n").encode())


def main() -> None:
    """Train until the asked step and publish the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=demo_generators())
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoints", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    training = Training(options.name, steps := options.steps or SETTINGS[options.name].steps, options.seed)
    options.checkpoints.mkdir(parents=True, exist_ok=True)
    checkpoint = options.checkpoints / f"{options.name}-{steps}-{options.seed}.safetensors"
    if checkpoint.is_file():
        with safe_open(checkpoint, "pt") as file:
            training.restore({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    while training.done < steps:
        begun = time.perf_counter()
        losses = training.advance()
        training.seconds += time.perf_counter() - begun
        if training.done % 100 == 0:
            print(f"{training.done}/{steps} {losses} {training.seconds:.0f} s", file=sys.stderr, flush=True)
        if training.done % 500 == 0 or training.done == steps:
            written(checkpoint, save(training.tensors()))
    publish(options.name, training, options.out)


if __name__ == "__main__":
    main()
