"""A diffusers pipeline as a source of images."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from manifpt.device import device
from manifpt.errors import DataError, ImageError, ManifptError
from manifpt.zoo.diffusers_library import quiet
from manifpt.zoo.returned import checked, failure, one_size, refuse_negative
from manifpt.zoo.saved_pipeline import opened, saved
from manifpt.zoo.source import Images, Source

# A network on small maps does not fill a machine with one image; a larger one does, and eight may not fit.
TOGETHER, SMALL = 8, 32
# What a pipeline may insist on, and is given.
GIVEN = ("self", "prompt", "class_labels", "batch_size")


def source(
    place: str, *, name: str, family: str = "unknown", steps: int | None = None, prompts: Sequence[str] = ()
) -> Source:
    """Return a diffusers pipeline as a source of images: from noise, from classes (drawn evenly), or from text.

    Args:
        place: Its folder, or its repository on the hub (``owner/name``).
        name: What its images are labelled with.
        family: Family of the generator.
        steps: Of the sampler; None for as many as the pipeline takes by itself.
        prompts: Texts, which image after image takes in turn.

    Raises:
        ManifptError: diffusers is not installed.
        WeightsError: The pipeline is not there, or cannot be opened without pickles and foreign code.
        DataError: It takes no steps or prompts that were given, or needs what was not.
        ImageError: When images are drawn: it fails, or returns no RGB images of one size and finite values.
    """
    found = saved(place)
    parameters = inspect.signature(found.kind.__call__).parameters
    _refuse_unfit(place, found.kind.__name__, parameters, steps, prompts)
    pipeline = opened(found).to(device())
    return Source(name, family, found.digest, Drawn(place, pipeline, parameters, steps, tuple(prompts)))


@dataclass(frozen=True, slots=True)
class Drawn:
    """Draws a pipeline's images.

    Args:
        who: What errors call it.
        pipeline: Of diffusers.
        parameters: Of its call.
        steps: Of the sampler; None for the pipeline's own.
        prompts: Texts, taken in turn; empty for a pipeline that takes none.
    """

    who: str
    pipeline: Any
    parameters: Any
    steps: int | None
    prompts: tuple[str, ...]

    def __call__(self, count: int, /, *, seed: int = 0, start: int = 0) -> Iterator[Images]:
        """Yield images of a seed's sequence, uint8 (n, h, w, 3).

        Each image has a random generator of its own, seeded by ``seed`` and its place. Images that are made together
        begin at a multiple of their number and are always as many, so that an image has the same bits in every draw.

        Raises:
            NumbersError: A number is negative.
            ImageError: The pipeline fails, or returns no RGB images of one size and finite values.
        """
        refuse_negative(count, seed, start)
        return one_size(self._blocks(range(start, start + count), seed), who=self.who)

    def _blocks(self, places: range, seed: int) -> Iterator[Images]:
        size = TOGETHER if self._makes_several() else 1
        for begin in range(places.start // size * size, places.stop, size) if places else ():
            images = checked(self._returned(range(begin, begin + size), seed), size, who=self.who)
            yield images[max(places.start - begin, 0) : places.stop - begin]

    def _makes_several(self) -> bool:
        generator = self.parameters.get("generator")
        lists = generator is not None and "list" in str(generator.annotation).lower()
        side = _setting(self.pipeline, "sample_size")
        return lists and "batch_size" in self.parameters and isinstance(side, int) and side <= SMALL

    def _returned(self, places: range, seed: int) -> object:
        """Return what the pipeline makes for some places of a seed's sequence."""
        import torch  # noqa: PLC0415  (loads only where a network runs)

        devices = range(torch.cuda.device_count())
        with quiet(), torch.random.fork_rng(devices=devices):
            # For what a pipeline draws without asking its generators.
            torch.manual_seed(_seed(seed, places.start))
            try:
                result = self.pipeline(**self._settings(places, seed))
            except (MemoryError, ManifptError):
                raise
            except Exception as error:  # Pipelines raise whatever their settings lead them into.
                raise ImageError(
                    f"{self.who} stopped with {failure(error)}",
                    expected="a pipeline that makes images from noise or text alone",
                    remedy="correct --steps and --prompt, or choose another pipeline",
                ) from error
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise ImageError(
                f"{self.who} blacked out image {places.start} of seed {seed} with its safety checker",
                expected="images as they are made",
                remedy="give another --prompt, --seed or --start",
            )
        images: object = getattr(result, "images", result)
        return images

    def _settings(self, places: range, seed: int) -> dict[str, Any]:
        import torch  # noqa: PLC0415

        generators = [torch.Generator().manual_seed(_seed(seed, place)) for place in places]
        wanted: dict[str, Any] = {"output_type": "np", "batch_size": len(places)}
        wanted["generator"] = generators if len(generators) > 1 else generators[0]
        if self.prompts:
            wanted["prompt"] = [self.prompts[place % len(self.prompts)] for place in places]
        if self.steps is not None:
            wanted["num_inference_steps"] = self.steps
        if classes := _setting(self.pipeline, "num_class_embeds") or _setting(self.pipeline, "num_embeds_ada_norm"):
            wanted["class_labels"] = [int(np.random.default_rng([seed, place]).integers(classes)) for place in places]
        return {name: value for name, value in wanted.items() if name in self.parameters}


def _seed(seed: int, place: int) -> int:
    return int(np.random.SeedSequence([seed, place]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _setting(pipeline: Any, name: str) -> Any:
    """Return a setting of a pipeline's denoising network; None where it has none."""
    networks = (getattr(pipeline, part, None) for part in ("unet", "transformer"))
    network = next((one for one in networks if one is not None), None)
    return None if network is None else network.config.get(name)


def _refuse_unfit(place: str, kind: str, parameters: Any, steps: int | None, prompts: Sequence[str]) -> None:
    needed = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and name not in GIVEN
    ]
    if needed:
        raise DataError(
            f"{place} is a {kind}, which needs {', '.join(needed)}",
            expected="a pipeline that makes images from noise or text alone",
            remedy="run it in a function of your own, and give that as python:module:function",
        )
    if "prompt" in parameters and not prompts:
        raise DataError(
            f"{place} is a {kind}, which makes images from text",
            expected="at least one text",
            remedy="give --prompt TEXT, several times for several texts in turn",
        )
    for name, option, given in (("prompt", "--prompt", bool(prompts)), ("num_inference_steps", "--steps", steps)):
        if given and name not in parameters:
            raise DataError(
                f"{place} is a {kind}, which takes no {option}",
                expected=f"no {option}",
                remedy=f"leave {option} out",
            )
