"""What several commands make of their options: the images and the method."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manifpt.cli.options import Device, Engine
from manifpt.cli.text import tell
from manifpt.errors import DataError, ManifptError, NumbersError
from manifpt.registry import built

if TYPE_CHECKING:
    from manifpt.embeddings.embedding import Embedding
    from manifpt.images import ImageSet, Preparation
    from manifpt.manifolds.manifold import Manifold
    from manifpt.methods.manifpt import ManiFPT
    from manifpt.methods.method import Method


@dataclass(frozen=True, slots=True)
class GivenImages:
    """The options that say which images there are.

    Raises:
        DataError: DATA is a model.
    """

    data: str
    reference: list[str] | None
    real: list[str] | None
    layout: str
    generators: list[str] | None
    resize: int | None
    crop: int | None
    strict: bool

    @property
    def sources(self) -> list[str]:
        """Every place that images are read from."""
        return [self.data, *(self.reference or []), *(self.real or [])]

    def __post_init__(self) -> None:
        if not all(self.sources):
            raise DataError("a path is empty", expected="a folder or file", remedy="write it out, or . for this folder")
        if model_folder(self.data):
            raise DataError(
                f"{self.data} is a model, not a set of images",
                expected="a folder, manifest, Parquet or .npz of images",
                remedy="give the images; a model goes before them, to `manifpt evaluate` and `manifpt attribute` only",
            )

    def opened(self, *, preparation: Preparation | None = None, reference_needed: bool = True) -> ImageSet:
        """Return the images, and say on stderr how they were understood.

        Args:
            preparation: What was done to the training images, where the options do not say otherwise.
            reference_needed: Whether some reals have to estimate the manifold.
        """
        from manifpt.images import ImageSet  # noqa: PLC0415  (commands load what they need when they run)

        asked = (self.resize, self.crop)
        if asked == (None, None) and preparation is not None:
            asked = (preparation.resize, preparation.crop)
        images = ImageSet.open(
            self.data,
            reference=self.reference,
            real=self.real,
            layout=self.layout,
            resize=asked[0],
            crop=asked[1],
            strict=self.strict,
            generators=self.generators,
            reference_needed=reference_needed,
        )
        tell(images.describe())
        if asked[0] is not None and (small := _smaller(images, asked[0])):
            tell(f"note: {small}, which --resize {asked[0]} enlarges; what that adds is no trace of a generator")
        return images


@dataclass(frozen=True, slots=True)
class GivenMethod:
    """The options that say which method to use."""

    space: str
    attributor: str | None
    manifold: str
    seed: int
    device: Device
    block: int | None
    no_cache: bool
    engine: Engine

    def built(self) -> ManiFPT:
        """Return the unfitted method, once its weights are there: before any image is read.

        Raises:
            UnknownNameError: A name is in no table, or a network has no such layer.
            WeightsError: A network's weights are absent.
            NumbersError: The attributor takes maps and the space gives vectors.
            ManifptError: The manifold cannot be computed in blocks or by the engine, or Ray is not installed.
        """
        from manifpt.cache import Cache  # noqa: PLC0415
        from manifpt.device import choose  # noqa: PLC0415
        from manifpt.extractors.artifacts import Artifacts  # noqa: PLC0415
        from manifpt.extractors.points import EmbeddedPoints  # noqa: PLC0415
        from manifpt.methods.manifpt import CONVOLUTIONAL, ManiFPT  # noqa: PLC0415

        choose(self.device.value)
        method = ManiFPT(
            self._space(),
            attributor=self.attributor,
            manifold=self._manifold(),
            seed=self.seed,
            cache=None if self.no_cache else Cache(),
        )
        assert isinstance(method.extractor, Artifacts | EmbeddedPoints)
        # A network loads when it is asked for a shape.
        shape = method.extractor.embedding.shape(1, 1)
        if len(shape) == 1 and self.attributor in CONVOLUTIONAL:
            raise NumbersError(
                f"{self.attributor} takes maps, and {self.space} gives vectors",
                expected="linear or mlp, which take vectors",
                remedy="give --attributor linear",
            )
        return method

    def named(self, name: str) -> Method:
        """Return the unfitted method of a name.

        Raises:
            UnknownNameError: No method has this name, or it is a fusion of several.
            WeightsError: A network's weights are absent.
        """
        from manifpt.cache import Cache  # noqa: PLC0415
        from manifpt.device import choose  # noqa: PLC0415
        from manifpt.methods.named import named  # noqa: PLC0415

        choose(self.device.value)
        return named(name, seed=self.seed, cache=None if self.no_cache else Cache(), device=self.device.value)

    def _space(self) -> str | Embedding:
        if self.engine is Engine.LOCAL:
            return self.space
        from manifpt.embeddings.spread import Spread  # noqa: PLC0415

        return Spread(built("embeddings", self.space))

    def _manifold(self) -> str | Manifold | None:
        name = None if self.manifold.lower() == "none" else self.manifold
        if self.engine is Engine.RAY:
            return self._sharded(name)
        if self.block is None:
            return name
        try:
            if name is None:
                raise TypeError
            manifold: Manifold = built("manifolds", name, block=self.block)
        except TypeError as error:
            raise ManifptError(
                f"the manifold {self.manifold} compares no blocks", expected="nearest", remedy="leave --block out"
            ) from error
        return manifold

    def _sharded(self, name: str | None) -> Manifold | None:
        from manifpt.manifolds.sharded import Sharded  # noqa: PLC0415

        if self.block is not None:
            raise ManifptError(
                "--engine ray was given beside --block",
                expected="one of them, since shards choose their own blocks",
                remedy="leave --block out",
            )
        if name is None:
            return None
        if built("manifolds", name).settings()["name"] != "nearest":
            raise _unsharded(f"the manifold {name}")
        return Sharded()


def computing(method: Method, engine: Engine) -> Method:
    """Return a fitted method that makes points and projects where the engine says.

    Raises:
        ManifptError: The method is of another kind or projects onto another manifold, or Ray is not installed.
    """
    from manifpt.embeddings.spread import Spread  # noqa: PLC0415
    from manifpt.extractors.artifacts import Artifacts  # noqa: PLC0415
    from manifpt.extractors.points import EmbeddedPoints  # noqa: PLC0415
    from manifpt.manifolds.sharded import Sharded  # noqa: PLC0415

    if engine is Engine.LOCAL:
        return method
    extractor = method.extractor
    if not isinstance(extractor, Artifacts | EmbeddedPoints):
        raise _unsharded("this model")
    extractor.embedding = Spread(extractor.embedding)
    if isinstance(extractor, Artifacts):
        settings = extractor.settings()["manifold"]
        if settings["name"] != "nearest":
            raise _unsharded(f"the manifold {settings['name']} of this model")
        extractor.projected_by(Sharded(neighbors=settings["neighbors"]))
    return method


def _unsharded(what: str) -> ManifptError:
    return ManifptError(
        f"--engine ray was given, and {what} cannot be computed on a cluster",
        expected="nearest, or none",
        remedy="leave --engine out",
    )


def _smaller(images: ImageSet, side: int) -> str:
    """Return what is said of the first image if its shorter side is below ``side``, else nothing."""
    height, width = images.records[0].source.read(images.paths[0]).pixels.shape[:2]
    return f"{images.paths[0]} is {width} × {height} pixels" if min(height, width) < side else ""


def model_folder(path: str | Path) -> bool:
    """Return whether a path is a folder that ``manifpt fit`` wrote."""
    return (Path(path) / "model.json").is_file()


def photographs(places: list[str], resize: int | None = None, crop: int | None = None) -> ImageSet:
    """Return reals, and say on stderr how many there are."""
    from manifpt.images import ImageSet  # noqa: PLC0415

    images = ImageSet.photographs(places, resize=resize, crop=crop)
    tell(f"{len(images)} reals of {images.width} × {images.height} pixels")
    return images
